"""Families of chairs: each file samples the sizes and parts of one kind of chair and builds it."""
