"""Trains the runs of a sweep: here, or several at once in processes that this one starts."""
