"""The evaluation of trained runs on sweeps: numbers, figures and a report."""
