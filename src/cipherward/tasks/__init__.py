"""What studies ask: one secure sum after another, each a question of a task."""
