"""Surfaces of chairs: palettes of colours, and tileable textures painted from them."""
