"""Families of chairs: each file draws the parts and measures of one kind and puts it together."""
