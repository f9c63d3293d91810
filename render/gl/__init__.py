"""The OpenGL backend, through pyrender. Nothing here is imported until it is asked for."""
