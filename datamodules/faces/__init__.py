"""Drawn faces of known attributes, which stand in where no images are given."""
