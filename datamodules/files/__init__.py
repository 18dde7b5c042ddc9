"""Image files: read as what they are, and written."""
