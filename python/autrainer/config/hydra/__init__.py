"""Configurations composed by Hydra, and sweeps of them."""
