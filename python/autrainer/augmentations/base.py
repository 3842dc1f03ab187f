"""What an augmentation is: a transform that acts by chance."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch

from autrainer.errors import ConfigError
from autrainer.transforms.base import AbstractTransform, Item
from autrainer.transforms.random import RandomStream

# Sets the numbers that shape an effect apart from those that decide whether there is one.
_DECISION, _EFFECT = 0, 1


class AbstractAugmentation(AbstractTransform):
    """Base of every augmentation.

    Every augmentation has two generators of its own: `g` decides whether to act, `rng` is for what
    the effect draws. Ask for them whenever you draw and keep neither: in a loader they belong to
    the sample, so that an item is changed alike by any number of workers, in any order. Which
    numbers come then follows from `generator_seed`, the place in the pipeline, and the loader's
    seed, epoch and index.

    Outside a loader they go on from call to call. They follow from `generator_seed`, and after
    `offset_generator_seed` also from the worker's number, by hashing: no two workers or
    augmentations share a stream. Without a seed the first use draws one from torch's global
    generator.

    An augmentation may have `get_collate_fn(dataset, default)` to act on whole batches.

    Args:
        order: Position among the transforms; 0 is after shapes and before scaling.
        p: Probability to act on an item.
        generator_seed: Seed of the generators; an `AugmentationPipeline` gives one.
        **kwargs: Kept as attributes and written with the augmentation.

    Raises:
        ConfigError: if `p` is not between 0 and 1.
    """

    _deterministic = True

    def __init__(
        self, order: int = 0, p: float = 1.0, generator_seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(order=order, **kwargs)
        if not 0 <= p <= 1:
            raise ConfigError(
                f"{type(self).__name__}: p is {p!r}; a probability is between 0 and 1"
            )
        self.p = p
        self.generator_seed = generator_seed
        self._decisions = RandomStream(name=(generator_seed, _DECISION))
        self._effects = RandomStream(name=(generator_seed, _EFFECT))
        self._restart(worker=0)

    def __call__(self, item: Item) -> Item:
        """Act on an item, or not; one number is drawn in either case."""
        if self._decisions.uniform() < self.p:
            return self.apply(item)
        return item

    @abstractmethod
    def apply(self, item: Item) -> Item:
        """Act on an item and return it."""

    @property
    def g(self) -> torch.Generator:
        """Decides whether to act."""
        return self._decisions.generator

    @property
    def rng(self) -> torch.Generator:
        """For the numbers that the effect needs."""
        return self._effects.generator

    def offset_generator_seed(self, offset: int) -> None:
        """Start the streams of a loader worker; the same offset always gives the same streams.

        Args:
            offset: Number of the worker.
        """
        self._restart(worker=offset)

    def _restart(self, worker: int) -> None:
        if self.generator_seed is None:
            self._decisions.restart()
            self._effects.restart()
            return
        seed = self.generator_seed
        self._decisions.restart(*((seed, worker) if worker else (seed,)))
        self._effects.restart(seed, worker, _EFFECT)
