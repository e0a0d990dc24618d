"""The run folder: its files, the result, the model file, verification, prediction."""
