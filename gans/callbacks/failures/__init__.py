"""Signs of a training that fails."""
