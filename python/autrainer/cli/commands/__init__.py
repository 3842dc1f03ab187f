"""The commands, one a file; each has a `run`."""
