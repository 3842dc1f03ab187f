"""Which samples a pass has, and in which order."""
