#version 330 core
// colour = clip(albedo (ambient + (1 - ambient) max(0, n . l))), the one shading equation of the project.
// The camera is at the origin of the world, so `at` is also the way from the eye.

struct DirectionalLight { vec3 color; float intensity; vec3 direction; };

uniform DirectionalLight directional_lights[1];
// x: share of the light without a direction; y: 1 where the mesh is two-sided. pyrender has no other uniform to spare.
uniform vec3 ambient_light;

in vec3 at;
in vec3 facing;
in vec3 albedo;
out vec4 color;

void main()
{
    vec3 n = facing;
    if (ambient_light.y > 0.5 && dot(n, at) > 0.0) n = -n;
    float size = length(n);
    float lit = size > 0.0 ? max(0.0, dot(n, -directional_lights[0].direction) / size) : 0.0;
    float ambient = ambient_light.x;
    color = vec4(clamp(albedo * (ambient + (1.0 - ambient) * lit), 0.0, 1.0), 1.0);
}
