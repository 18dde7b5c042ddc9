"""The images that `predict` takes, whole or in tiles."""
