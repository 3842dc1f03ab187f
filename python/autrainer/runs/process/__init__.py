"""What belongs to the process of a run: signals, streams, logs, threads."""
