"""Refuse a site that loads anything from elsewhere: `python -m docs.scripts.network site`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ELSEWHERE = r"[\"']?\s*(?:https?:)?//[^\"'\s>)]+"
LOADED = re.compile(
    rf"<(?:script|img|iframe|source|video|audio)\b[^>]*\ssrc={ELSEWHERE}"
    rf"|<link\b(?=[^>]*\srel=[\"']?(?:stylesheet|icon|preload|preconnect))[^>]*\shref={ELSEWHERE}"
    rf"|@import\s+{ELSEWHERE}|url\({ELSEWHERE}"
)


def loaded_from_elsewhere(site: Path) -> Iterator[str]:
    """What pages and style sheets of a site load by themselves; links are none of it."""
    for path in sorted([*site.rglob("*.html"), *site.rglob("*.css")]):
        for match in LOADED.finditer(path.read_text()):
            yield f"{path.relative_to(site)}: {match[0]}"


if __name__ == "__main__":
    found = [*loaded_from_elsewhere(Path(sys.argv[1]))]
    if found:
        sys.exit("\n".join(["the site would load this from the network:", *found]))
