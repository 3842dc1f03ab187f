"""Composes a configuration, checks it once, and builds objects from it."""
