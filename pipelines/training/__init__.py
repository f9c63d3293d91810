"""What connects stores to training."""
