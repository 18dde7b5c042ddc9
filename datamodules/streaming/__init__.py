"""Packed sets: chunks in a folder or an object store, read by their index as they are needed."""
