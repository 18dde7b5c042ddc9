"""Checkpoints: read, described and written."""
