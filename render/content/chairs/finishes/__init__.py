"""What surfaces are made of: palettes of colours, and tileable textures painted from them."""
