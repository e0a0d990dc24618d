"""The folder of a run: what lies in it, its result, verification, prediction."""
