"""The name of the folder of a run. It is made here and read nowhere."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from autrainer.config.constants import NamingConstants
from autrainer.config.plain import Plain

LONGEST_NAME = 200
_UNSAFE = frozenset('/\\<>:"|?*%')


def run_name(config: Plain) -> str:
    """Name of the folder of a run: ids and values of the naming convention, joined by `_`.

    Characters that file systems do not take are written as `%` and two hexadecimal digits. A name
    that is too long keeps both ends, and a digest of the whole in between.
    """
    return folder_name("_".join(name_parts(config)))


def name_parts(config: Plain) -> list[str]:
    """Ids and values of the naming convention, in its order.

    Raises:
        LookupError, TypeError: if the configuration lacks one.
    """
    return [_part(config, key) for key in NamingConstants().NAMING_CONVENTION]


def folder_name(text: str) -> str:
    """A text as the name of a folder, as `run_name` writes one."""
    name = "".join(_escaped(character) for character in text)
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    if len(name.encode()) <= LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    ends = LONGEST_NAME // 2 - 10
    head = name.encode()[:ends].decode(errors="ignore")
    tail = name.encode()[-ends:].decode(errors="ignore")
    return f"{head}~{digest}~{tail}"


def _part(config: Plain, key: str) -> str:
    value: Any = config
    for step in key.split("."):
        value = value[step]
    return str(value["id"] if isinstance(value, Mapping) or hasattr(value, "keys") else value)


def _escaped(character: str) -> str:
    if character in _UNSAFE or ord(character) < 32:
        return f"%{ord(character):02X}"
    return character
