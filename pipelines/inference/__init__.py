"""Inverse graphics: the scene behind an image, by approximate Bayesian computation on the graphics code."""
