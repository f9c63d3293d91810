"""DC-IGN training: batches in, a graphics code out."""
