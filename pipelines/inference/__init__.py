"""Inverse graphics: the scene of an image, inferred by approximate Bayesian computation on the graphics code."""
