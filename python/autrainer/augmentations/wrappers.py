"""Augmentations of other libraries; each is imported when its wrapper is made.

These libraries draw from the global generators of Python, NumPy and torch, or from some of their
own. While a wrapped augmentation acts, all of them are seeded with numbers of the wrapper's own,
which in a loader belong to the sample; afterwards the global ones go on from where they were.
Global generators are of the whole process, so loaders make such samples in line or by worker
processes, never by threads.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import torch

from autrainer.augmentations.base import AbstractAugmentation
from autrainer.config.instantiate import instantiate
from autrainer.errors import ConfigError, DataError
from autrainer.runs.extras import imported
from autrainer.runs.random.keys import global_generators_kept, seed_globals
from autrainer.transforms.base import Item

SEEDS = 2**32
"""NumPy takes 32 bits of a seed."""


class AugmentationWrapper(AbstractAugmentation):
    """Any callable that takes features and returns them, as an augmentation.

    Args:
        augmentation_import_path: What is wrapped: a class, by its import path.
        order: As in `AbstractAugmentation`.
        p: Probability to act on an item; it takes the place of the wrapped object's own.
        generator_seed: As in `AbstractAugmentation`.
        pass_index: Call the object with the position of the sample too.
        probability_attr: Attribute of the object that is its own probability. It is set to 1.0.
        **kwargs: Arguments of the class.

    Raises:
        ConfigError: if there is no such class, or it does not take the arguments.
    """

    _deterministic = False

    def __init__(
        self,
        augmentation_import_path: str,
        order: int = 0,
        p: float = 1.0,
        generator_seed: int | None = None,
        pass_index: bool = False,
        probability_attr: str | None = None,
        **kwargs: Any,
    ) -> None:
        # What reads YAML tries private arguments first.
        kwargs = {key: value for key, value in kwargs.items() if not key.startswith("_object_")}
        super().__init__(order=order, p=p, generator_seed=generator_seed, **kwargs)
        self.augmentation_import_path = augmentation_import_path
        self.pass_index = pass_index
        self.probability_attr = probability_attr
        self._wrapped = self._built(augmentation_import_path, probability_attr, kwargs)

    def apply(self, item: Item) -> Item:
        """Let the wrapped object act, under generators of this wrapper's own."""
        seed = self._effects.integer(0, SEEDS)
        with global_generators_kept():
            seed_globals(seed)
            # Some keep generators of their own.
            reseed = getattr(self._wrapped, "set_random_seed", None)
            if callable(reseed):
                reseed(seed)
            item.features = self._changed(item.features, int(item.index))
        return item

    def _changed(self, features: Any, index: int) -> Any:
        """What the wrapped object makes of features."""
        return self._wrapped(features, index) if self.pass_index else self._wrapped(features)

    def _built(self, path: str, probability_attr: str | None, kwargs: dict[str, Any]) -> Any:
        wrapped = instantiate({**kwargs, "_target_": path})
        if not callable(wrapped):
            raise ConfigError(f"{type(self).__name__}: {path} makes an object that nobody can call")
        if probability_attr is not None and hasattr(wrapped, probability_attr):
            setattr(wrapped, probability_attr, 1.0)
        return wrapped

    @property
    def _members(self) -> list[Any]:
        """The wrapped object: it is not ours, so loaders make items one by one, not by threads."""
        return [self._wrapped]


class _LibraryWrapper(AugmentationWrapper):
    """An augmentation of one library, by its name there.

    Attributes:
        module: Where the library has its augmentations.
        library: Name of the library for the package installer, and of our extra.
        variables: Of the environment, while the library is imported.
    """

    module: ClassVar[str]
    library: ClassVar[str]
    variables: ClassVar[dict[str, str]] = {}

    def __init__(
        self, name: str, order: int, p: float, generator_seed: int | None, kwargs: dict[str, Any]
    ) -> None:
        with _variables(self.variables):
            imported(self.module, type(self).__name__, self.library, self.library)
        super().__init__(
            f"{self.module}.{name}", order, p, generator_seed, probability_attr="p", **kwargs
        )
        self.name = name

    @abstractmethod
    def _changed(self, features: Any, index: int) -> Any:
        """What the augmentation makes of features."""


class TorchvisionAugmentation(_LibraryWrapper):
    """An augmentation of `torchvision.transforms.v2`; tensors keep their dtype.

    Those that change colours take bytes or values from 0 to 1: scale features before, or choose an
    `order` above 90. Extra `torchvision`.

    Args:
        name: Its name, such as `RandomRotation`.
        order: As in `AbstractAugmentation`.
        p: Probability to act on an item; it takes the place of the augmentation's own.
        generator_seed: As in `AbstractAugmentation`.
        **kwargs: Its arguments.

    Raises:
        MissingExtraError: if torchvision is not installed.
    """

    module = "torchvision.transforms.v2"
    library = "torchvision"

    def __init__(
        self,
        name: str,
        order: int = 0,
        p: float = 1.0,
        generator_seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name, order, p, generator_seed, kwargs)

    def _changed(self, features: Any, index: int) -> torch.Tensor:
        changed: torch.Tensor = self._wrapped(features)
        return changed.to(features.dtype)


class TorchaudioAugmentation(_LibraryWrapper):
    """An augmentation of `torchaudio.transforms`; of several results the first is taken.

    torchaudio has been built against one version of torch and can be imported beside that one only.
    Extra `torchaudio`.

    Args:
        name: Its name, such as `TimeStretch`.
        order: As in `AbstractAugmentation`.
        p: Probability to act on an item; it takes the place of the augmentation's own.
        generator_seed: As in `AbstractAugmentation`.
        **kwargs: Its arguments.

    Raises:
        MissingExtraError: if torchaudio is not installed, or cannot be imported beside this torch.
    """

    module = "torchaudio.transforms"
    library = "torchaudio"

    def __init__(
        self,
        name: str,
        order: int = 0,
        p: float = 1.0,
        generator_seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name, order, p, generator_seed, kwargs)

    def _changed(self, features: Any, index: int) -> Any:
        changed = self._wrapped(features)
        return changed[0] if isinstance(changed, tuple) else changed


class AlbumentationsAugmentation(_LibraryWrapper):
    """An augmentation of images by albumentations: (C, H, W) goes there as (H, W, C) in NumPy.

    Extra `albumentations`.

    Args:
        name: Its name, such as `GaussianBlur`.
        order: As in `AbstractAugmentation`.
        p: Probability to act on an item; it takes the place of the augmentation's own.
        generator_seed: As in `AbstractAugmentation`.
        **kwargs: Its arguments.

    Raises:
        MissingExtraError: if albumentations is not installed.
    """

    module = "albumentations"
    library = "albumentations"
    # It would ask the web for its newest version.
    variables = {"NO_ALBUMENTATIONS_UPDATE": "1"}

    def __init__(
        self,
        name: str,
        order: int = 0,
        p: float = 1.0,
        generator_seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name, order, p, generator_seed, kwargs)

    def _changed(self, features: Any, index: int) -> torch.Tensor:
        image = np.ascontiguousarray(features.permute(1, 2, 0).cpu().numpy())
        changed = self._wrapped(image=image)["image"]
        # One channel may come back without its axis.
        changed = changed[..., None] if changed.ndim == 2 else changed
        channels_first = np.ascontiguousarray(changed.transpose(2, 0, 1))
        return torch.from_numpy(channels_first).to(features.device)


class AudiomentationsAugmentation(_LibraryWrapper):
    """An augmentation of waveforms, (C, N) or (N,), by audiomentations.

    Extra `audiomentations`.

    Args:
        name: Its name, such as `AddGaussianSNR`.
        sample_rate: Of the waveforms, in Hz; None for augmentations that take none.
        order: As in `AbstractAugmentation`.
        p: Probability to act on an item; it takes the place of the augmentation's own.
        generator_seed: As in `AbstractAugmentation`.
        **kwargs: Its arguments.

    Raises:
        MissingExtraError: if audiomentations is not installed.
    """

    module = "audiomentations"
    library = "audiomentations"

    def __init__(
        self,
        name: str,
        sample_rate: int | None = None,
        order: int = 0,
        p: float = 1.0,
        generator_seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name, order, p, generator_seed, kwargs)
        self.sample_rate = sample_rate

    def _changed(self, features: Any, index: int) -> torch.Tensor:
        rate = {} if self.sample_rate is None else {"sample_rate": self.sample_rate}
        # Some work in place.
        changed = self._wrapped(features.detach().cpu().numpy().copy(), **rate)
        return torch.as_tensor(np.ascontiguousarray(changed)).to(features.device)


class TorchAudiomentationsAugmentation(_LibraryWrapper):
    """An augmentation of waveforms, (C, N), by torch-audiomentations, in torch.

    It imports torchaudio, which can be imported beside one version of torch only. Extra
    `torch-audiomentations`.

    Args:
        name: Its name, such as `Gain`.
        sample_rate: Of the waveforms, in Hz.
        order: As in `AbstractAugmentation`.
        p: Probability to act on an item; it takes the place of the augmentation's own.
        generator_seed: As in `AbstractAugmentation`.
        **kwargs: Its arguments.

    Raises:
        MissingExtraError: if torch-audiomentations is not installed, or cannot be imported.
    """

    module = "torch_audiomentations"
    library = "torch-audiomentations"

    def __init__(
        self,
        name: str,
        sample_rate: int,
        order: int = 0,
        p: float = 1.0,
        generator_seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs["output_type"] = "dict"
        super().__init__(name, order, p, generator_seed, kwargs)
        self.sample_rate = sample_rate

    def _changed(self, features: Any, index: int) -> torch.Tensor:
        if features.dim() != 2:
            raise DataError(
                "TorchAudiomentationsAugmentation works on features of shape (channels, samples); "
                f"got {tuple(features.shape)}"
            )
        changed: torch.Tensor = self._wrapped(features[None], sample_rate=self.sample_rate).samples
        return changed[0]


@contextmanager
def _variables(values: Mapping[str, str]) -> Iterator[None]:
    """Variables of the environment that have some values within the block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
