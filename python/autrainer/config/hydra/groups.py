"""Keys that may be in a configuration without being in its files."""

from __future__ import annotations

OPTIONAL_KEYS = (
    *("callbacks", "loggers", "compile", "fsdp", "slurm", "ray", "ema", "swa", "early_stopping"),
    *("train_loader_kwargs", "dev_loader_kwargs", "test_loader_kwargs"),
)
"""At the top level: lists, and keys with options of their own.

They are written out since a sweep whose runs have all finished needs no more of the schema than
this; a test compares them with it.
"""


def optional_keys() -> list[str]:
    """All of them, with dots."""
    from autrainer.config.schema.run import CONSUMED

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
    if group in OPTIONAL_KEYS or not names:
        return group in OPTIONAL_KEYS
    from autrainer.config.schema.run import CONSUMED

    return names[0] in CONSUMED.get(group, ())
