"""Meshes of things (chairs): files of many formats, or a generator, in; drawable meshes out."""
