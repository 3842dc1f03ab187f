"""From recordings to the features of a dataset, as a configuration in `preprocessing/` says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autrainer.config.instantiate import instantiate_shorthand
from autrainer.config.shorthand import read_shorthand
from autrainer.data.file_handlers import AbstractFileHandler
from autrainer.errors import ConfigError
from autrainer.transforms.base import AbstractTransform
from autrainer.transforms.compose import SmartCompose


def build_preprocessing(config: Any, name: str) -> tuple[AbstractFileHandler, SmartCompose]:
    """File handler and transforms of a preprocessing configuration.

    Args:
        config: A mapping with `file_handler` and `pipeline`, in shorthand syntax; an empty pipeline
            has no transforms.
        name: Where it comes from, for errors.

    Raises:
        ConfigError: if it is none.
    """
    if not isinstance(config, Mapping) or not {"file_handler", "pipeline"} <= config.keys():
        raise ConfigError(f"{name} is no preprocessing; it needs file_handler and pipeline")
    read_shorthand(config["file_handler"], f"file_handler of {name}")
    handler = instantiate_shorthand(config["file_handler"], instance_of=AbstractFileHandler)
    steps = [
        instantiate_shorthand(step, instance_of=AbstractTransform)
        for step in config["pipeline"] or []
    ]
    return handler, SmartCompose(steps)
