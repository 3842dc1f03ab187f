"""Makes the pages that are generated when the documentation is built."""

from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
