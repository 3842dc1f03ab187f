"""Searches: sweeps whose runs are proposed by Optuna, one after the other, by what came before."""
