"""Parameters that do not train."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from torch import nn

from autrainer.config.parameter_patterns import check_patterns, fits
from autrainer.errors import ConfigError

log = logging.getLogger(__name__)


def freeze(model: nn.Module, patterns: Sequence[str]) -> None:
    """Let parameters train no more: they get no gradients.

    Running statistics of norm layers are no parameters: they go on with the batches.

    Args:
        model: The model.
        patterns: Patterns of names of parameters, or names of modules.

    Raises:
        ConfigError: if a pattern fits no parameter, or nothing is left to train.
    """
    parameters = dict(model.named_parameters())
    check_patterns("model.freeze", patterns, [*parameters])
    for name, parameter in parameters.items():
        if any(fits(name, pattern) for pattern in patterns):
            parameter.requires_grad_(False)
    left = sum(parameter.numel() for parameter in parameters.values() if parameter.requires_grad)
    if patterns and not left:
        raise ConfigError(f"model.freeze is {list(patterns)}, which leaves nothing to train")
    if patterns:
        log.info(
            "%d of %d parameters train", left, sum(each.numel() for each in parameters.values())
        )
