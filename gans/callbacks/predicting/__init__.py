"""Writing of predictions, whole or out of tiles."""
