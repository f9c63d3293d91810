"""Measures of codes and images: plain functions of arrays that need no store and no run."""
