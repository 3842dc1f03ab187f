"""What can be wrong with a dataset, found before training."""
