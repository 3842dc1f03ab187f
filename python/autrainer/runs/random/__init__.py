"""Seeds, random keys and generators of a run."""
