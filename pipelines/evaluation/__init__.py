"""From a run and its sweeps to numbers, figures and a page."""
