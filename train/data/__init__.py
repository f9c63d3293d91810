"""How batches reach a training step."""
