"""Keys that may be in a configuration without being in its files."""

from __future__ import annotations

SUBSETS = ("train", "dev", "test")
LOADER_KEYS = tuple(f"{subset}_loader_kwargs" for subset in SUBSETS)

OPTIONAL_KEYS = ("callbacks", "loggers", "early_stopping", *LOADER_KEYS)
"""At the top level."""

GROUP_KEYS: dict[str, tuple[str, ...]] = {
    "dataset": ("transform", "criterion", *LOADER_KEYS),
    "model": (
        *("transform", "skip_last_layer"),
        *("model_checkpoint", "optimizer_checkpoint", "scheduler_checkpoint"),
    ),
    "optimizer": ("weight_decay", "apply_weight_decay_to_bias", "apply_weight_decay_to_norm"),
    "scheduler": ("step_frequency",),
}
"""In a group, beside the arguments of the class that it names; the class does not see them."""


def optional_keys() -> list[str]:
    """All of them, with dots."""
    inside = [f"{group}.{name}" for group, names in GROUP_KEYS.items() for name in names]
    return [*OPTIONAL_KEYS, *inside]


def is_optional(key: str) -> bool:
    """Whether a key may be set that is not there, or one below it.

    >>> is_optional("callbacks"), is_optional("dataset.dev_loader_kwargs.num_workers")
    (True, True)
    >>> is_optional("dataset"), is_optional("model.hidden_size")
    (False, False)
    """
    group, *names = key.split(".")
    return group in OPTIONAL_KEYS or (bool(names) and names[0] in GROUP_KEYS.get(group, ()))
