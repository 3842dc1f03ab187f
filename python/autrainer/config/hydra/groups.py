"""Keys that may be in a configuration without being in its files."""

from __future__ import annotations

from autrainer.config.schema.run import ATTRIBUTE_KEYS, CONSUMED, LISTS
from autrainer.config.schema.sections.loaders import LOADER_KEYS

OPTIONAL_KEYS = (
    *LISTS,
    *(each.name for each in ATTRIBUTE_KEYS if each.section is not None),
    *LOADER_KEYS,
)
"""At the top level."""


def optional_keys() -> list[str]:
    """All of them, with dots."""
    inside = [f"{group}.{name}" for group, names in CONSUMED.items() for name in names]
    return [*OPTIONAL_KEYS, *inside]


def is_optional(key: str) -> bool:
    """Whether a key may be set that is not there, or one below it.

    >>> is_optional("callbacks"), is_optional("dataset.dev_loader_kwargs.num_workers")
    (True, True)
    >>> is_optional("dataset"), is_optional("model.hidden_size")
    (False, False)
    """
    group, *names = key.split(".")
    return group in OPTIONAL_KEYS or (bool(names) and names[0] in CONSUMED.get(group, ()))
