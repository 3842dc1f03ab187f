"""Tables and code in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, with an empty line at its end."""
    lines = [header, ["---"] * len(header), *([_cell(each) for each in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def code(text: str) -> str:
    """A text as code."""
    return f"`{text}`"


def plain(text: str) -> str:
    """A text in which brackets, stars and underscores are nothing but characters."""
    return re.sub(r"([\[\]*_<>])", r"\\\1", text)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
