"""Published data sets: what their files say, and where they come from."""
