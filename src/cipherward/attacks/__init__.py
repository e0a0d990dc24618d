"""Attacks on federated learning, run on simulated hospitals: what each one gets, without and with what stands against it."""
