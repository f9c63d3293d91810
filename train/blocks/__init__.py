"""Parts that networks and objectives share."""
