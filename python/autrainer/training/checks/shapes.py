"""Whether dataset, model, criterion and metrics fit each other, told by shapes.

One sample is enough to see it before training: the model is called with it for its summary anyway.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from autrainer.config.hydra.key_sources import Sources
from autrainer.config.schema.problems import Problem, refuse
from autrainer.config.schema.sections.dataset import DatasetSection
from autrainer.config.schema.sections.model import ModelSection
from autrainer.data.device import move_batch
from autrainer.data.loader import Loader
from autrainer.datasets.base import AbstractDataset
from autrainer.engine.interfaces import Batch, Batches
from autrainer.errors import DataError, OutOfMemoryError
from autrainer.metrics.base import AbstractMetric
from autrainer.models.base import AbstractModel
from autrainer.models.utils import create_model_inputs
from autrainer.runs.model_summary import evaluation_mode
from autrainer.runs.random.seeding import preserved_rng
from autrainer.training.checks.constructor_errors import (
    CONSTRUCTOR_ERRORS,
    is_about_memory,
    sentence_of,
)

BATCH = "B"
"""Stands for the number of samples in shapes."""

CRITERIONS = {
    "classification": "CrossEntropyLoss",
    "ml-classification": "BCEWithLogitsLoss",
    "regression": "MSELoss",
    "mt-regression": "MSELoss",
}
METRICS = {
    "classification": "Accuracy, UAR or F1",
    "ml-classification": "MLAccuracy, MLF1Macro, MLF1Micro or MLF1Weighted",
    "regression": "MSE, MAE, CCC or PCC",
    "mt-regression": "MSE, MAE, CCC or PCC",
}
_ROOTS = ("autrainer", "torch")


@dataclass(frozen=True)
class Seen:
    """A batch and what a model made of it.

    Args:
        batch: Has features, target, index.
        output: What the model gave; None if it did not come to that.
    """

    batch: Batch
    output: Any = None

    def shape_of(self, value: Any) -> str:
        """Shape of something in the batch, with a letter for the number of samples."""
        if not isinstance(value, torch.Tensor):
            return f"of type {type(value).__name__}"
        sizes = [*map(str, value.shape)]
        if sizes and value.shape[0] == len(self.batch.index):
            sizes[0] = BATCH
        return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


@contextmanager
def outputs_kept(model: torch.nn.Module) -> Iterator[list[Any]]:
    """Within the block what the model gives is added to the list."""
    outputs: list[Any] = []
    handle = model.register_forward_hook(lambda _model, _inputs, output: outputs.append(output))
    try:
        yield outputs
    finally:
        handle.remove()


@dataclass(frozen=True)
class Fit:
    """Looks whether batches get through model, criterion and metrics.

    Criterions, metrics and target transforms of users are not called: they may count their calls.

    Args:
        dataset: The section of the dataset, for messages.
        model: The section of the model, for messages.
        data: The dataset.
        criterion: The criterion, on the device.
        loader: Batches of the dev set.
        device: Where the model is.
    """

    dataset: DatasetSection
    model: ModelSection
    data: AbstractDataset
    criterion: torch.nn.Module
    loader: Batches
    device: torch.device

    def sample(self, *, times: int = 1) -> Batch:
        """A batch of the first sample of the dev set, so many times, on the device.

        Raises:
            OutOfMemoryError: if the sample takes more memory than there is.
        """
        try:
            batch = self._sample(times)
        except (MemoryError, RuntimeError) as error:
            if not is_about_memory(error):
                raise
            raise OutOfMemoryError(
                f"a sample of the dataset takes more memory than there is: {sentence_of(error)}"
            ) from error
        moved: Batch = move_batch(batch, self.device, non_blocking=False)
        return moved

    def _sample(self, times: int) -> Batch:
        # As the loader makes it: a model may need more than its features.
        if isinstance(self.loader, Loader):
            first: Batch = self.loader.first_sample(times)
            return first
        collate = self.data.dev_transform.get_collate_fn(self.data)
        batch: Batch = collate([self.data.dev_dataset[0]] * times)
        return batch

    def check(self, model: AbstractModel, one: Seen) -> None:
        """Look at a sample, before training.

        Args:
            model: The model; it is called again only where something does not fit.
            one: A batch of one sample, and what the model gave for it.

        Raises:
            ConfigError: with what does not fit.
        """
        if not self.problems(one):
            return
        # The shape of a single sample may be special: a model that squeezes works on more of them.
        batch = self.sample(times=2)
        with preserved_rng(), evaluation_mode(model):
            two = Seen(batch, model(**create_model_inputs(model, batch)))
        refuse(self.problems(two), Sources.of_job())

    def criterion_problem(self, seen: Seen, error: BaseException) -> Problem:
        """An error of the criterion, with the shapes of what it was given."""
        path = self.dataset.criterion.path
        wanted = f"autrainer.criterions.{CRITERIONS.get(self.data.task)}"
        output, target = map(seen.shape_of, (seen.output, seen.batch.target))
        return Problem(
            "dataset.criterion",
            f"is {path}, which does not take outputs {output} with targets {target}: "
            f"{sentence_of(error)}",
            "" if path == wanted else f"for {self.data.task} use {wanted} or one like it",
        )

    def problems(self, seen: Seen) -> list[Problem]:
        """What does not fit about a batch and what the model made of it."""
        if problem := self._of_output(seen):
            return [problem]
        if not _is_known(self.data.target_transform):
            return []
        with torch.no_grad(), warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return [*self._of_criterion(seen), *self._of_metrics(seen)]

    def _of_output(self, seen: Seen) -> Problem | None:
        output, output_dim = seen.output, self.data.output_dim
        path, dataset = self.model.target.path, self.dataset.id
        needed = f"({BATCH}, {output_dim})"
        if not isinstance(output, torch.Tensor):
            return Problem(
                "model",
                f"gives a {type(output).__name__}, and the dataset {dataset} needs outputs "
                f"{needed}",
                f"forward of {path} has to return a tensor",
            )
        if tuple(output.shape) == (len(seen.batch.index), output_dim):
            return None
        features = seen.batch.features
        return Problem(
            "model",
            f"gives outputs {seen.shape_of(output)} for features {seen.shape_of(features)}, and "
            f"the dataset {dataset} needs {needed}",
            _way_to_fit(path, output, features, output_dim),
        )

    def _of_criterion(self, seen: Seen) -> Iterator[Problem]:
        if not _is_known(self.criterion):
            return
        target = seen.batch.target
        try:
            outputs = self.data.target_transform.probabilities_training(seen.output)
            loss = self.criterion(outputs, target)
        except (*CONSTRUCTOR_ERRORS, IndexError) as error:
            yield self.criterion_problem(seen, error)
            return
        if tuple(loss.shape) not in ((len(seen.batch.index),), tuple(target.shape)):
            # Torch stretches shapes that do not go together; for other batch sizes it cannot.
            stretched = DataError(f"it gives losses {seen.shape_of(loss)}")
            yield self.criterion_problem(seen, stretched)

    def _of_metrics(self, seen: Seen) -> Iterator[Problem]:
        transform = self.data.target_transform
        predictions = transform.predict_array(transform.probabilities_inference(seen.output))
        targets = seen.batch.target.cpu().numpy()
        for position, metric in enumerate(self.data.metrics):
            if not _is_known(metric) or type(metric).__call__ is not AbstractMetric.__call__:
                continue
            try:
                # Not through the metric itself: it would warn that a sample has no score.
                metric.fn(targets, predictions, **metric.fn_kwargs)
            except DataError as error:
                path = self.dataset.metrics.targets[position].path
                yield Problem(
                    f"dataset.metrics[{position}]",
                    f"is {path}, which does not score targets {seen.shape_of(seen.batch.target)}: "
                    f"{error}",
                    f"for {self.data.task} use {METRICS.get(self.data.task, 'another one')}",
                )


def _way_to_fit(path: str, output: torch.Tensor, features: Any, output_dim: int) -> str:
    if output.dim() > 2 and output.shape[:-1] == getattr(features, "shape", ())[:-1]:
        return (
            f"{path} works on the last axis of the features alone: flatten them before, or choose "
            "a model for features of this shape"
        )
    if output.dim() == 1:
        return f"forward of {path} has to keep the axis of the outputs, even of a single one"
    return (
        f"the last layer of {path} has to give output_dim = {output_dim} values a sample; its "
        "constructor is given output_dim"
    )


def _is_known(obj: Any) -> bool:
    """Whether an object is of this package or of torch: calling it once more changes nothing."""
    return type(obj).__module__.partition(".")[0] in _ROOTS
