"""Meshes of objects (chairs): readers of mesh files, their preparation for rendering, and the cache of the results."""
