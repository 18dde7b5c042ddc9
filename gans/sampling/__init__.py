"""What a step draws at random, and what it remembers of earlier steps."""
