"""What all sums together may give away: who stands in a sum. Pure functions and frozen values, keys are bytes.

docs/security.md, "All sums together", numbers the rules that the modules name.
"""
