"""Run directories, checkpoints, trained runs and their export."""
