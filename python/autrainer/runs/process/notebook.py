"""Whether somebody types the commands one by one."""

from __future__ import annotations

import sys


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    return any("jupyter" in text or "ipykernel" in text for text in sys.argv)
