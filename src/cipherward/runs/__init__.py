"""The folder of a run: its files, its result, its verification, and predictions with its model."""
