"""The lines of a YAML text on which its keys stand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any


def line_of(text: str, steps: Sequence[str]) -> int | None:
    """The line of a key, counted from 1; of the last step that is there.

    Args:
        text: A YAML text that has been read before.
        steps: Keys and positions, from the outside to the inside. A mapping of a single key that
            is none of them is passed through: the import path of a shorthand.

    Returns:
        The line; None where not even the first step is there.
    """
    node = _tree(text)
    line: int | None = None
    for step in steps:
        found = _entry(node, step) or _entry(_only_value(node), step)
        if found is None:
            break
        key, node = found
        line = key.start_mark.line + 1
    return line


@lru_cache(maxsize=64)
def _tree(text: str) -> Any:
    import yaml

    return yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _entry(node: Any, step: str) -> tuple[Any, Any] | None:
    """Key and value of an entry of a mapping, or an item of a list twice."""
    children = getattr(node, "value", None)
    if not isinstance(children, list):
        return None
    if node.id == "sequence":
        item = children[int(step)] if step.isdigit() and int(step) < len(children) else None
        return None if item is None else (item, item)
    return next(((key, value) for key, value in children if key.value == step), None)


def _only_value(node: Any) -> Any:
    if getattr(node, "id", "") == "mapping" and len(node.value) == 1:
        return node.value[0][1]
    return None
