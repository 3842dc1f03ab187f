"""What of 0.10 is not here, and why. A pattern that fits nothing missing is an error too."""

MISSING = {}

DIFFERENT = {
    ("autrainer.metrics.BaseDescendingMetric", "fallback"): (
        "with -1e32, as in 0.10, a diverged run would be the best ever"
    ),
    ("trainer", "train_loader_iter"): (
        "batches are made ahead and counted for resuming; nobody but the loop may take one"
    ),
}
"""Defaults and attributes that are not those of 0.10."""
