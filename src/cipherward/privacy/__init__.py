"""Differential privacy: noise and clipping for two units (a record, a hospital), the accountant, the budget.

It knows neither the protocol nor the models: it is given rows, vectors and randomness, and gives back vectors and
what they cost.
"""
