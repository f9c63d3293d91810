"""The CPU renderer: z-buffer kernels, textures and per-pixel ground truth."""
