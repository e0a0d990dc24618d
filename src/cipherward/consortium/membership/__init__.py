"""Who belongs to a consortium, and how one proves it."""
