"""What borrowers see who come from a channel."""
