"""Target transforms of numbers without bounds: train values get mean 0 and standard deviation 1."""

from __future__ import annotations

import math

import torch

from autrainer.data.targets.scalers import MultiTargetScaler, SingleTargetScaler, check_one_each
from autrainer.errors import DataError


class StandardScaler(SingleTargetScaler):
    """One number, scaled so that the train values have mean 0 and standard deviation 1.

    The outputs of the model are taken as they are, so that predictions may lie outside of the range
    of the train values.

    Args:
        target: Name of the target.
        mean: Mean of the train values.
        std: Their standard deviation.

    Raises:
        DataError: unless the standard deviation is a number above zero.
    """

    def __init__(self, target: str, mean: float, std: float) -> None:
        _check_spread(target, mean, std)
        self.mean = float(mean)
        self.std = float(std)
        super().__init__(target, self.mean, self.std)

    def probabilities_training(self, x: torch.Tensor) -> torch.Tensor:
        """The output, unchanged."""
        return x

    def probabilities_inference(self, x: torch.Tensor) -> torch.Tensor:
        """The output, unchanged."""
        return x


class MultiTargetStandardScaler(MultiTargetScaler):
    """Several numbers, each scaled so that its train values have mean 0 and standard deviation 1.

    Args:
        target: Names of the targets.
        mean: Means of their train values.
        std: Their standard deviations.

    Raises:
        DataError: unless every standard deviation is a number above zero.
    """

    def __init__(self, target: list[str], mean: list[float], std: list[float]) -> None:
        check_one_each(target, means=mean, deviations=std)
        for name, centre, spread in zip(target, mean, std, strict=True):
            _check_spread(name, centre, spread)
        self.mean = [float(value) for value in mean]
        self.std = [float(value) for value in std]
        super().__init__(target, self.mean, self.std)

    def probabilities_training(self, x: torch.Tensor) -> torch.Tensor:
        """The outputs, unchanged."""
        return x

    def probabilities_inference(self, x: torch.Tensor) -> torch.Tensor:
        """The outputs, unchanged."""
        return x


def _check_spread(target: str, mean: float, std: float) -> None:
    if not (math.isfinite(mean) and math.isfinite(std) and std > 0):
        raise DataError(
            f"target {target!r} cannot be scaled: its train values have the mean {mean} and the "
            f"standard deviation {std}; they have to be numbers that are not all the same"
        )
