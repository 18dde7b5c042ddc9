"""What can be told of a set of images before anything is trained on it."""
