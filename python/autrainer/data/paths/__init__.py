"""The ways to make batches of a split, and which of them is taken."""
