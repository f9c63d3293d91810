"""The OpenGL backend, through pyrender. Nothing here is imported before it is used."""
