"""Subjects that are made by code: the built-in head and the built-in chairs."""
