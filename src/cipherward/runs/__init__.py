"""Run directories: what a finished or running study leaves behind, read and checked."""
