"""Samples to trace and check an exported model with: of the test set of its run, or noise."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import audobject
import numpy as np
import torch

from autrainer.augmentations import AugmentationPipeline
from autrainer.config.locate import checked_paths
from autrainer.config.schema.run import RunConfig
from autrainer.data.items import DataItem
from autrainer.datasets.base import AbstractDataset
from autrainer.datasets.wrapper import SplitDataset
from autrainer.errors import AutrainerError, ConfigError, UntrustedCodeError
from autrainer.metrics.base import AbstractMetric
from autrainer.runs.addressed import AddressedObject
from autrainer.runs.layout import SUMMARY
from autrainer.runs.process.intra_op import one_intra_op_thread
from autrainer.runs.random.keys import keyed
from autrainer.runs.record.run_record import RunRecord
from autrainer.serving.model import Serving
from autrainer.serving.trust import OURS, Trust
from autrainer.training.build import build_dataset
from autrainer.transforms.plan import steps_of

MOST_SAMPLES, NUM_NOISE = 32, 8
TEST_SET, NOISE = "the test set", "seeded noise"
_PARTS = (AbstractDataset, AbstractMetric, AugmentationPipeline, AddressedObject, audobject.Object)
_SHAPE = re.compile(r"\[1((?:, \d+)+)\]")


@dataclass(frozen=True)
class Samples:
    """Samples, as they are before one of the transforms of a model.

    Args:
        values: The samples.
        entry: Position of the first transform that has not been done to them.
        origin: What they are.
        reason: Why they are noise; None for real ones.
    """

    values: list[Any]
    entry: int
    origin: str
    reason: str | None = None


def transformed(values: Sequence[Any], steps: Sequence[Any]) -> list[Any]:
    """Samples after some transforms, as training and evaluation apply them, on the CPU."""
    found = []
    with one_intra_op_thread():
        for value in values:
            # Transforms that draw give the same for a sample each time.
            with keyed(0, 0, 0):
                item = DataItem(value, 0, 0)
                for step in steps:
                    item = step(item)
            found.append(item.features)
    return found


def outputs_of(serving: Serving, features: Sequence[Any]) -> list[torch.Tensor]:
    """What the model of a run says of what it takes, sample by sample, each (K,)."""
    as_floats = [torch.as_tensor(each).to(torch.float32) for each in features]
    return [serving.forward([each])[0][0] for each in as_floats]


def samples_of(
    serving: Serving, record: RunRecord, steps: Sequence[Any], shape: Sequence[int] | None = None
) -> Samples:
    """Samples of the test set of a run; noise where there are none.

    Args:
        serving: Its model.
        record: The run.
        steps: All transforms that lead to the model.
        shape: Shape of the noise, as it is read from a file; None to find one that fits.

    Raises:
        ConfigError: if there is no test set, and no shape fits.
    """
    try:
        return _real_samples(serving, record, len(steps))
    except (AutrainerError, OSError) as error:
        return _noise(serving, record, steps, shape, str(error).partition("\n")[0])


def _real_samples(serving: Serving, record: RunRecord, num_steps: int) -> Samples:
    data = _dataset_of(record, serving.trust)
    split: Any = data.test_dataset
    chosen = np.unique(np.linspace(0, len(split) - 1, MOST_SAMPLES).astype(int)).tolist()
    makes_own_items = type(split).__getitem__ is not SplitDataset.__getitem__
    if makes_own_items or not isinstance(split, SplitDataset):
        return Samples([split[index].features for index in chosen], num_steps, TEST_SET)
    num_preprocessing = len(steps_of(serving.pipeline))
    recordings = _recordings_of(data, chosen) if num_preprocessing else None
    if recordings is not None:
        values = [serving.file_handler.load(str(path)) for path in recordings]
        return Samples(values, 0, TEST_SET)
    return Samples([split.load_features(index) for index in chosen], num_preprocessing, TEST_SET)


def _recordings_of(data: AbstractDataset, chosen: Sequence[int]) -> list[Path] | None:
    """The files that the features of samples were made of; None if one is not there."""
    if data.index_column is None or not data.path:
        return None
    names = [str(data.df_test[data.index_column].iloc[index]) for index in chosen]
    paths = [Path(data.path) / data.audio_subdir / name for name in names]
    return paths if all(path.is_file() for path in paths) else None


def _dataset_of(record: RunRecord, trust: Trust) -> AbstractDataset:
    """The dataset of a run, of classes that may be built."""

    def check(address: str) -> None:
        if not _is_part_of_ours(address):
            try:
                trust.check(address)
            except UntrustedCodeError as error:
                raise UntrustedCodeError(f"the test set is not read: {error}") from error

    nothing = {"id": "None", "_target_": "autrainer.augmentations.AugmentationPipeline"}
    plain = {**record.config, "augmentation": {**nothing, "pipeline": []}, "callbacks": []}
    with checked_paths(check):
        config = RunConfig.read({**plain, "loggers": []})
        return build_dataset(
            config.dataset, config.model, config.augmentation, config.seeds.dataset
        )


def _is_part_of_ours(address: str) -> bool:
    module, _, name = address.rpartition(".")
    if module.partition(".")[0] != OURS:
        return False
    found = getattr(importlib.import_module(module), name, None)
    return isinstance(found, type) and issubclass(found, _PARTS)


def _noise(
    serving: Serving,
    record: RunRecord,
    steps: Sequence[Any],
    shape: Sequence[int] | None,
    reason: str,
) -> Samples:
    """Noise of the first shape that gets through, before the first transform that takes it."""
    generator = torch.Generator().manual_seed(0)
    for each in [shape] if shape is not None else _shapes_in_summary(record):
        values = [torch.randn(*each, generator=generator) for _ in range(NUM_NOISE)]
        for entry in range(len(steps) + 1):
            if _gets_through(serving, values[0], steps[entry:]):
                return Samples(list(values), entry, NOISE, reason)
    told = "no shape of the model's summary fits" if shape is None else f"{shape} does not fit"
    raise ConfigError(
        f"there is no test set to check the exported model with ({reason}), and {told}; give the "
        "shape of a sample for noise, such as --shape 1,16000"
    )


def _gets_through(serving: Serving, value: torch.Tensor, steps: Sequence[Any]) -> bool:
    # Whatever code of models and transforms raises for a shape that it does not take.
    try:
        (output,) = outputs_of(serving, transformed([value], steps))
    except Exception:
        return False
    return output.dim() == 1 and len(output) == len(serving.target_transform)


def _shapes_in_summary(record: RunRecord) -> list[list[int]]:
    """Shapes that layers of the model got, in their order."""
    try:
        text = (record.folder / f"{SUMMARY}.txt").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    found = [tuple(map(int, sizes.split(", ")[1:])) for sizes in _SHAPE.findall(text)]
    return [list(shape) for shape in dict.fromkeys(found)]
