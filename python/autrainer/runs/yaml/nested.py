"""Many small mappings in one, as the predictions for all windows of all files, written fast.

Of a million windows most keys and values are there thousands of times: each is made text once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from autrainer.runs.writing.files import write_text
from autrainer.runs.yaml.writing import plain, yaml_text

_END = ": 0"
_WIDTH = 80
"""Of a line; longer texts of several words are folded, depending on what stands before them."""
_ONE_WORD = re.compile(r"[^\s\"'\\]+")


def write_nested(path: str | os.PathLike[str], content: Mapping[str, Any]) -> None:
    """Write what `write_yaml` writes, byte for byte.

    Args:
        path: The file.
        content: Scalars, or mappings of scalars; whatever else it holds takes longer.

    Raises:
        DataError: naming the key, if a value cannot be written as plain YAML.
        OutputError: naming the file, if it could not be written; it is then as it was before.
    """
    write_text(path, nested_text(content))


def nested_text(content: Mapping[str, Any]) -> str:
    """Scalars, or mappings of scalars, as `yaml_text` makes them text.

    >>> print(nested_text({"a.wav": {"0.00-1.00": "dog"}, "b.wav": "cat"}), end="")
    a.wav:
      0.00-1.00: dog
    b.wav: cat
    """
    pieces = _Pieces()
    inner = [value for value in content.values() if isinstance(value, Mapping) and value]
    values = [value for value in content.values() if not isinstance(value, Mapping)]
    values += [value for mapping in inner for value in mapping.values()]
    knows_all = (
        pieces.learn_keys(content)
        and pieces.learn_keys(key for mapping in inner for key in mapping)
        and pieces.learn_values(values)
    )
    if not content or not knows_all:
        return yaml_text(plain(content))
    return "".join(pieces.text_of(name, value) for name, value in content.items())


class _Pieces:
    """Keys and values as they stand in any line."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}
        self._values: dict[Any, str] = {}

    def learn_keys(self, keys: Iterable[Any]) -> bool:
        """Whether all of them are texts that take one line."""
        new = list(dict.fromkeys(keys))
        if not all(type(key) is str for key in new):
            return False
        lines = yaml_text(dict.fromkeys(new, 0)).splitlines() if new else []
        if len(lines) != len(new) or not all(line.endswith(_END) for line in lines):
            return False
        self._keys.update(zip(new, (line.removesuffix(_END) for line in lines), strict=True))
        return True

    def learn_values(self, values: Iterable[Any]) -> bool:
        """Whether all of them are integers or texts that take one line behind any key."""
        values = list(values)
        # Else one and true would be one key.
        if not {type(value) for value in values} <= {int, str}:
            return False
        new = list(dict.fromkeys(values))
        lines = yaml_text(dict(enumerate(new))).splitlines() if new else []
        if len(lines) != len(new):
            return False
        self._values = {v: line.partition(": ")[2] for v, line in zip(new, lines, strict=True)}
        before = max(map(len, self._keys.values()), default=0) + len("  : ")
        return all(
            before + len(text) < _WIDTH or _ONE_WORD.fullmatch(text)
            for text in self._values.values()
        )

    def text_of(self, name: str, value: Any) -> str:
        """The lines of a name and what belongs to it."""
        if not isinstance(value, Mapping):
            return f"{self._keys[name]}: {self._values[value]}\n"
        if not value:
            return f"{self._keys[name]}: {{}}\n"
        lines = [f"  {self._keys[key]}: {self._values[each]}\n" for key, each in value.items()]
        return f"{self._keys[name]}:\n{''.join(lines)}"
