"""Volumes: files, or folders of DICOM slices, that are read and written slice by slice."""
