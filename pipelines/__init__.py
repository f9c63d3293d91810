"""The command line over render, dataset and train."""
