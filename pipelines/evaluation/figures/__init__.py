"""Figures of measures and of training: one file each, written as PNG, SVG or PDF without a display."""
