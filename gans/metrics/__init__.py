"""How far generated images are from real ones: features, distances, errors against truth."""
