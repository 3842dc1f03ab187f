"""Trains the runs of a sweep as tasks of Ray."""
