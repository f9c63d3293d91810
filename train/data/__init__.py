"""From a source of batches to the arrays of a training step."""
