"""Files of a run folder: each written whole or not at all, and opened with care."""
