"""Headless rendering of face models and meshes."""
