"""What a hospital is asked to approve, and what it allows."""
