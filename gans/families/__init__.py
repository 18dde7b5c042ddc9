"""What papers of one kind share."""
