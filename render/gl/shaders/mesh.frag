#version 330 core
// colour = clip(albedo (ambient + (1 - ambient) max(0, n . l))), the one shading equation of the project.
// The camera is at the origin of the world, so `at` is also the way from the eye.

struct DirectionalLight { vec3 color; float intensity; vec3 direction; };

uniform DirectionalLight directional_lights[1];
// x: share of the light without a direction; y: 1 where the mesh is two-sided. pyrender has no other uniform to spare.
uniform vec3 ambient_light;

#ifdef HAS_BASE_COLOR_TEX
// pyrender sets these of a material; the metallic factor is 1 where the texture is cut out.
struct Material { sampler2D base_color_texture; float metallic_factor; };
uniform Material material;
#endif

in vec3 at;
in vec3 facing;
in vec3 albedo;
in vec2 uv;
out vec4 color;

#ifdef HAS_BASE_COLOR_TEX
// The footprint rule of render/texture.py: mip levels k and k + 1 in proportion to rho / 2^k - 1.
vec4 texel()
{
    vec2 size = vec2(textureSize(material.base_color_texture, 0));
    float rho = max(length(dFdx(uv) * size), length(dFdy(uv) * size));
    float level = max(0.0, floor(log2(max(rho, 1.0))));
    vec4 fine = textureLod(material.base_color_texture, uv, level);
    vec4 coarse = textureLod(material.base_color_texture, uv, level + 1.0);
    return mix(fine, coarse, clamp(rho / exp2(level) - 1.0, 0.0, 1.0));
}
#endif

void main()
{
    vec3 paint = albedo;
#ifdef HAS_BASE_COLOR_TEX
    vec4 shown = texel();
    if (material.metallic_factor > 0.5 && shown.a < 0.5) discard;
    paint *= shown.rgb;
#endif
    vec3 n = facing;
    if (ambient_light.y > 0.5 && dot(n, at) > 0.0) n = -n;
    float size = length(n);
    float lit = size > 0.0 ? max(0.0, dot(n, -directional_lights[0].direction) / size) : 0.0;
    float ambient = ambient_light.x;
    color = vec4(clamp(paint * (ambient + (1.0 - ambient) * lit), 0.0, 1.0), 1.0);
}
