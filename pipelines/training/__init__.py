"""The connection of stores to training."""
