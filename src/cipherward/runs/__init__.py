"""A run's folder, and what can be proved from it."""
