#version 330 core
// The renderer's own vertex stage: the normal keeps its length, so that it is interpolated as on the CPU.

layout(location = 0) in vec3 position;
#ifdef NORMAL_LOC
layout(location = NORMAL_LOC) in vec3 normal;
#endif
#ifdef COLOR_0_LOC
layout(location = COLOR_0_LOC) in vec4 color_0;
#endif
#ifdef TEXCOORD_0_LOC
layout(location = TEXCOORD_0_LOC) in vec2 texcoord_0;
#endif
layout(location = INST_M_LOC) in mat4 inst_m;

uniform mat4 M;
uniform mat4 V;
uniform mat4 P;

out vec3 at;
out vec3 facing;
out vec3 albedo;
out vec2 uv;

void main()
{
    vec4 world = M * inst_m * vec4(position, 1.0);
    gl_Position = P * V * world;
    at = world.xyz;
    facing = mat3(M) * normal;
    albedo = color_0.rgb;
#ifdef TEXCOORD_0_LOC
    uv = texcoord_0;
#else
    uv = vec2(0.0);
#endif
}
