"""Figures of measures, images and training, written as PNG, SVG or PDF without a display."""
