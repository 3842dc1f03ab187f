"""Plain values as the text of a YAML file that every reader takes for the same values."""

from __future__ import annotations

import functools
import re
from typing import Any

_ONLY_OMEGACONF = re.compile(r"[-+]?\.?[0-9][0-9_.]*[eE][-+]?[0-9]+")
"""Texts such as `1e5`: OmegaConf takes them for numbers, PyYAML does not, and leaves them bare."""


def yaml_text(content: Any) -> str:
    """Plain values as YAML, in the order in which they come.

    >>> print(yaml_text({"text": "1e5", "number": 1e5}), end="")
    text: '1e5'
    number: 100000.0
    """
    import yaml

    text: str = yaml.dump(content, Dumper=_dumper(), sort_keys=False, allow_unicode=True)
    return text


@functools.cache
def _dumper() -> type[Any]:
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        """A safe dumper that quotes whatever a reader could take for a number."""

    Dumper.add_representer(str, _represent_text)
    return Dumper


def _represent_text(dumper: Any, text: str) -> Any:
    style = "'" if _ONLY_OMEGACONF.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)
