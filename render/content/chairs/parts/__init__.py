"""What chairs are put together from: legs, seats, backs, arms, bases. Each in its variants, drawn by their address."""
