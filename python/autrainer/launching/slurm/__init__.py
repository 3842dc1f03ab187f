"""Trains the runs of a sweep as jobs of SLURM."""
