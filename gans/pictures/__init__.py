"""Pictures of what a model makes, as arrays."""
