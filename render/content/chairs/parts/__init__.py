"""Parts of chairs: legs, seats, backs, arms and bases, each in several kinds with sampled sizes."""
