"""The transforms of a run, put together from what model and dataset ask for."""

from __future__ import annotations

import logging

from omegaconf import DictConfig, OmegaConf

from autrainer.config.instantiate import build
from autrainer.config.plain import Plain
from autrainer.config.schema.sections.transforms import TransformList, TransformSection
from autrainer.errors import ConfigError, did_you_mean
from autrainer.transforms.base import AbstractTransform
from autrainer.transforms.colour import GrayscaleToRGB, RGBToGrayscale
from autrainer.transforms.compose import SmartCompose

log = logging.getLogger(__name__)


class TransformManager:
    """Builds the pipelines of train, dev and test.

    A pipeline is `base`, then what brings the dataset's type to the model's, then the subset's
    own list, then the augmentation; all sorted by `order`. Objects of `base` are shared by the
    three pipelines.

    In each list the model's entries come first. A model entry replaces every dataset entry with
    the same key, `@tag` included; one whose value is null only removes them. In a dataset, null
    means "no arguments".

    Args:
        model_transform: `type` and optional lists `base`, `train`, `dev`, `test` of shorthands, or
            the section that was read from them.
        dataset_transform: The same of the dataset.
        train_augmentation: Added to the train pipeline, or None.
        dev_augmentation: Added to the dev pipeline, or None.
        test_augmentation: Added to the test pipeline, or None.

    Raises:
        ConfigError: if types are missing or do not go together.
    """

    def __init__(
        self,
        model_transform: Plain | DictConfig | TransformSection,
        dataset_transform: Plain | DictConfig | TransformSection,
        train_augmentation: SmartCompose | None = None,
        dev_augmentation: SmartCompose | None = None,
        test_augmentation: SmartCompose | None = None,
    ) -> None:
        self._model = _read("model", model_transform)
        self._dataset = _read("dataset", dataset_transform)
        self._augmentations = {
            "train": train_augmentation,
            "dev": dev_augmentation,
            "test": test_augmentation,
        }
        self._conversion = _conversion(self._model.type, self._dataset.type)

    def get_transforms(self) -> tuple[SmartCompose, SmartCompose, SmartCompose]:
        """The pipelines of train, dev and test."""
        base = SmartCompose([*self._build("base"), *self._conversion])
        train, dev, test = (
            SmartCompose([*base.transforms, *self._build(subset)]) + self._augmentations[subset]
            for subset in ("train", "dev", "test")
        )
        return train, dev, test

    def _build(self, subset: str) -> list[AbstractTransform]:
        ours, theirs = self._model.lists[subset], self._dataset.lists[subset]
        _warn_of_near_misses(ours, theirs)
        others = [entry for entry in theirs.entries if entry.name not in ours.seen]
        return [build(entry.target, AbstractTransform) for entry in (*ours.entries, *others)]


def _read(owner: str, transform: Plain | DictConfig | TransformSection) -> TransformSection:
    if OmegaConf.is_config(transform):
        transform = OmegaConf.to_container(transform, resolve=True)  # type: ignore[assignment]
    section = (
        transform
        if isinstance(transform, TransformSection)
        else TransformSection.read(owner, transform)
    )
    if section.problems:
        raise ConfigError("; ".join(problem.line() for problem in section.problems))
    for name in section.ignored:
        log.warning("%s.transform: key %r means nothing and is ignored", owner, name)
    return section


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


def _warn_of_near_misses(ours: TransformList, theirs: TransformList) -> None:
    """A removal may find nothing to remove, but next to its like it looks like a slip."""
    names = {_name(entry.name): entry.name for entry in theirs.entries}
    for key in ours.removed:
        if key in names.values():
            continue
        if hint := did_you_mean(_name(key), names):
            log.warning("%s removes %r, which is not there; %s", ours.key, key, hint)


def _name(key: str) -> str:
    path, _, tag = key.partition("@")
    return path.rpartition(".")[2] + (f"@{tag}" if tag else "")
