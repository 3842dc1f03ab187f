"""The transforms of a run, put together from what model and dataset ask for."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from autrainer.config.instantiate import instantiate_shorthand
from autrainer.errors import ConfigError, did_you_mean
from autrainer.transforms.base import AbstractTransform
from autrainer.transforms.colour import GrayscaleToRGB, RGBToGrayscale
from autrainer.transforms.compose import SmartCompose

log = logging.getLogger(__name__)

_SUBSETS = ("base", "train", "dev", "test")
_KEYS = ("type", *_SUBSETS)


class TransformManager:
    """Builds the pipelines of train, dev and test.

    A pipeline is `base`, then what brings the dataset's type to the model's, then the subset's
    own list, then the augmentation; all sorted by `order`. Objects of `base` are shared by the
    three pipelines.

    In each list the model's entries come first. A model entry replaces every dataset entry with
    the same key, `@tag` included; one whose value is null only removes them. In a dataset, null
    means "no arguments".

    Args:
        model_transform: `type` and optional lists `base`, `train`, `dev`, `test` of shorthands.
        dataset_transform: The same of the dataset.
        train_augmentation: Added to the train pipeline, or None.
        dev_augmentation: Added to the dev pipeline, or None.
        test_augmentation: Added to the test pipeline, or None.

    Raises:
        ConfigError: if types are missing or do not go together.
    """

    def __init__(
        self,
        model_transform: Mapping[str, Any] | DictConfig,
        dataset_transform: Mapping[str, Any] | DictConfig,
        train_augmentation: SmartCompose | None = None,
        dev_augmentation: SmartCompose | None = None,
        test_augmentation: SmartCompose | None = None,
    ) -> None:
        self.model_transform = _read("model", model_transform)
        self.dataset_transform = _read("dataset", dataset_transform)
        self._augmentations = {
            "train": train_augmentation,
            "dev": dev_augmentation,
            "test": test_augmentation,
        }
        self._conversion = _conversion(
            str(self.model_transform["type"]), str(self.dataset_transform["type"])
        )

    def get_transforms(self) -> tuple[SmartCompose, SmartCompose, SmartCompose]:
        """The pipelines of train, dev and test."""
        base = SmartCompose([*self._build("base"), *self._conversion])
        train, dev, test = (
            SmartCompose([*base.transforms, *self._build(subset)]) + self._augmentations[subset]
            for subset in ("train", "dev", "test")
        )
        return train, dev, test

    def _build(self, subset: str) -> list[AbstractTransform]:
        ours = _entries(self.model_transform, "model", subset)
        theirs = _entries(self.dataset_transform, "dataset", subset)
        seen = {_key(entry) for entry in ours}
        removals = [entry for entry in ours if _is_removal(entry)]
        _warn_of_near_misses(removals, theirs, subset)
        kept = [entry for entry in ours if not _is_removal(entry)]
        kept += [entry for entry in theirs if _key(entry) not in seen]
        return [
            instantiate_shorthand(_without_tag(entry), instance_of=AbstractTransform)
            for entry in kept
        ]


def _read(owner: str, transform: Mapping[str, Any] | DictConfig) -> dict[str, Any]:
    if OmegaConf.is_config(transform):
        transform = OmegaConf.to_container(transform, resolve=True)  # type: ignore[assignment]
    if not isinstance(transform, Mapping):
        raise ConfigError(
            f"{owner}.transform is {transform!r}; use a mapping with 'type' and, where needed, "
            "lists 'base', 'train', 'dev' and 'test'"
        )
    if transform.get("type") is None:
        raise ConfigError(
            f"{owner}.transform has no 'type'; say what the features are: 'image', 'grayscale', "
            "'raw' or 'tabular'"
        )
    for key in transform:
        if key not in _KEYS and (hint := did_you_mean(str(key), _KEYS)):
            raise ConfigError(f"{owner}.transform has an unknown key {key!r}; {hint}")
        if key not in _KEYS:
            log.warning("%s.transform: key %r means nothing and is ignored", owner, key)
    return dict(transform)


def _conversion(model_type: str, dataset_type: str) -> list[AbstractTransform]:
    if model_type == dataset_type:
        return []
    if (model_type, dataset_type) == ("image", "grayscale"):
        return [GrayscaleToRGB()]
    if (model_type, dataset_type) == ("grayscale", "image"):
        return [RGBToGrayscale()]
    raise ConfigError(
        f"model.transform.type is {model_type!r} and dataset.transform.type is {dataset_type!r}; "
        "only 'image' and 'grayscale' are converted into each other: choose a model for "
        f"{dataset_type!r} features or a dataset with {model_type!r} features"
    )


def _entries(transform: dict[str, Any], owner: str, subset: str) -> list[Any]:
    entries = transform.get(subset) or []
    if not isinstance(entries, list):
        raise ConfigError(
            f"{owner}.transform.{subset} is {entries!r}; use a list with one transform per entry"
        )
    for entry in entries:
        if not entry or not isinstance(entry, (str, dict)):
            raise ConfigError(
                f"{owner}.transform.{subset} has the entry {entry!r}; use an import path, or an "
                "import path with a mapping of arguments"
            )
    return entries


def _key(entry: str | dict[str, Any]) -> str:
    return entry if isinstance(entry, str) else str(next(iter(entry)))


def _is_removal(entry: str | dict[str, Any]) -> bool:
    """Of a model: `{key: null}` alone. With more keys it is an entry that lost its indentation."""
    return isinstance(entry, dict) and len(entry) == 1 and next(iter(entry.values())) is None


def _without_tag(entry: str | dict[str, Any]) -> str | dict[str, Any]:
    if isinstance(entry, str):
        return entry.split("@", 1)[0]
    (key, arguments), *others = entry.items()
    return {str(key).split("@", 1)[0]: arguments, **dict(others)}


def _warn_of_near_misses(removals: list[Any], theirs: list[Any], subset: str) -> None:
    """A removal may find nothing to remove, but next to its like it looks like a slip."""
    names = {_name(_key(entry)): _key(entry) for entry in theirs}
    for key in map(_key, removals):
        if key in names.values():
            continue
        if hint := did_you_mean(_name(key), names):
            log.warning("model.transform.%s removes %r, which is not there; %s", subset, key, hint)


def _name(key: str) -> str:
    path, _, tag = key.partition("@")
    return path.rpartition(".")[2] + (f"@{tag}" if tag else "")
