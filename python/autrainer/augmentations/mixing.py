"""Augmentations that mix the samples of a batch, and their targets with them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from autrainer.augmentations.base import AbstractAugmentation
from autrainer.errors import ConfigError, DataError
from autrainer.transforms.base import Item
from autrainer.transforms.checks import number
from autrainer.transforms.colour import floating

Collate = Callable[[list[Any]], Any]


class BatchMixing(AbstractAugmentation):
    """Base of augmentations that mix each sample of a batch with the one before it.

    Items stay as they are. Each batch is mixed with probability `p`; all numbers belong to the
    batch, whoever makes it. Targets become float32 of shape (B, C) in every batch, mixed or not:
    classes become one number each, 1 for the class and 0 for the others, and what has this shape
    already (several labels, several numbers of a regression) is mixed as it is.

    Args:
        alpha: The share of the sample itself is drawn from Beta(alpha, alpha).
        order: As in `AbstractAugmentation`.
        p: Probability that a batch is mixed.
        generator_seed: As in `AbstractAugmentation`.

    Attributes:
        acts_on_items: Loaders may make batches without asking for items.

    Raises:
        ConfigError: if `alpha` is not above zero.
    """

    acts_on_items = False

    def __init__(
        self,
        alpha: float = 1.0,
        order: int = 0,
        p: float = 1.0,
        generator_seed: int | None = None,
    ) -> None:
        super().__init__(order=order, p=p, generator_seed=generator_seed)
        self.alpha = number(self, "alpha", alpha)
        if alpha <= 0:
            raise ConfigError(f"{type(self).__name__}: alpha is {alpha!r}; use a number above zero")

    def __call__(self, item: Item) -> Item:
        """The item as it is; nothing is drawn."""
        return item

    def apply(self, item: Item) -> Item:
        """The item as it is."""
        return item

    def get_collate_fn(self, dataset: Any, default: Collate) -> Collate:
        """Makes batches as `default` does, and mixes them.

        Args:
            dataset: Its `output_dim` is the number of classes.
            default: Makes a batch of a list of items.

        Raises:
            ConfigError: if there is one output only, so no classes to be mixed.
        """
        if dataset.output_dim <= 1:
            raise ConfigError(
                f"{type(self).__name__} mixes targets of two outputs or more; this dataset has "
                f"{dataset.output_dim}"
            )
        return MixingCollate(self, default, int(dataset.output_dim))

    def mix(self, batch: Any, num_classes: int) -> Any:
        """The batch, mixed or not, with targets of shape (B, C), float32.

        Raises:
            DataError: if features or targets have a shape that cannot be mixed.
        """
        batch.target = self._soft(batch.target, num_classes)
        if self._decisions.uniform() >= self.p:
            return batch
        share = self._share()
        batch.features, share = self._mixed(floating(batch.features), share)
        batch.target = torch.lerp(batch.target.roll(1, 0), batch.target, share)
        return batch

    @abstractmethod
    def _mixed(self, features: torch.Tensor, share: float) -> tuple[torch.Tensor, float]:
        """Features mixed with those rolled by one over the batch, and the share that they keep."""

    def _share(self) -> float:
        # Torch draws from no beta distribution with a generator of one's own.
        rng = np.random.default_rng(self._effects.integer(0, 2**62))
        return float(rng.beta(self.alpha, self.alpha))

    def _soft(self, target: torch.Tensor, num_classes: int) -> torch.Tensor:
        if target.dim() == 1 and not target.is_floating_point():
            return torch.nn.functional.one_hot(target.long(), num_classes).float()
        if target.dim() == 2:
            return target.float()
        raise DataError(
            f"{type(self).__name__} mixes targets of shape (B,) that are classes, or (B, C); got "
            f"{target.dtype} of shape {tuple(target.shape)}"
        )


class MixUp(BatchMixing):
    """Each sample becomes share * sample + (1 - share) * the sample before it in the batch.

    Features may have any shape; they become floating point. The share is the same for all samples
    of a batch. Reference: Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018.

    Args:
        alpha: The share is drawn from Beta(alpha, alpha).
        order: As in `AbstractAugmentation`.
        p: Probability that a batch is mixed.
        generator_seed: As in `AbstractAugmentation`.
    """

    def _mixed(self, features: torch.Tensor, share: float) -> tuple[torch.Tensor, float]:
        return torch.lerp(features.roll(1, 0), features, share), share


class CutMix(BatchMixing):
    """A box of each sample is replaced by that of the sample before it in the batch.

    Features are images or spectrograms, (B, C, H, W). The box takes up the share that the others
    have; it is cut where it leaves the image, and targets are mixed by what is left of it.
    Reference: Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with
    Localizable Features", ICCV 2019.

    Args:
        alpha: The share of the sample itself is drawn from Beta(alpha, alpha).
        order: As in `AbstractAugmentation`.
        p: Probability that a batch is mixed.
        generator_seed: As in `AbstractAugmentation`.
    """

    def _mixed(self, features: torch.Tensor, share: float) -> tuple[torch.Tensor, float]:
        if features.dim() != 4:
            raise DataError(
                "CutMix works on batches of shape (batch, channels, height, width); got "
                f"{tuple(features.shape)}"
            )
        height, width = features.shape[2:]
        rows, columns = self._stretch(height, share), self._stretch(width, share)
        mixed = features.clone()
        mixed[:, :, rows, columns] = features.roll(1, 0)[:, :, rows, columns]
        area = (rows.stop - rows.start) * (columns.stop - columns.start)
        return mixed, 1 - area / (height * width)

    def _stretch(self, length: int, share: float) -> slice:
        half = int(0.5 * (1 - share) ** 0.5 * length)
        centre = self._effects.integer(0, length)
        return slice(max(centre - half, 0), min(centre + half, length))


@dataclass(frozen=True)
class MixingCollate:
    """Makes a batch and mixes it; can be sent to another process.

    Args:
        mixing: Mixes the batch.
        default: Makes it of a list of items.
        num_classes: Number of outputs.
    """

    mixing: BatchMixing
    default: Collate
    num_classes: int

    def change(self, batch: Any) -> Any:
        """The batch, mixed."""
        return self.mixing.mix(batch, self.num_classes)

    def __call__(self, items: list[Any]) -> Any:
        """The mixed batch of some items."""
        return self.change(self.default(items))
