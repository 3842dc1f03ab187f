"""The parts that configurations name, each distinct one built once: data, model, and what fits.

Large models are built without memory where that works (torch's meta device): their outputs have
shapes and no numbers, and shapes are what is compared. Small ones are built on the CPU, since a
first call on the meta device imports libraries that take longer than all else.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from autrainer.checking.findings import problems_of
from autrainer.config.locate import locate
from autrainer.config.schema.problems import Problem
from autrainer.config.schema.run import RunConfig
from autrainer.config.schema.sections.augmentation import AugmentationSection
from autrainer.config.schema.sections.dataset import DatasetSection
from autrainer.config.schema.sections.model import ModelSection
from autrainer.config.schema.targets import NONE
from autrainer.datasets.base import AbstractDataset
from autrainer.errors import AutrainerError, ConfigError
from autrainer.models.base import AbstractModel
from autrainer.models.freezing import freeze
from autrainer.models.utils import create_model_inputs
from autrainer.runs.model_summary import evaluation_mode
from autrainer.runs.web.refusal import NotDownloadedError
from autrainer.training.build import (
    build_criterion,
    build_dataset,
    build_loaders,
    build_model,
    build_optimizer_of,
)
from autrainer.training.checks.batch_norm import lone_values, refuse_lone_sample
from autrainer.training.checks.shapes import Fit, Seen
from autrainer.training.checks.step_errors import model_misfit
from autrainer.training.resuming.checkpoints import (
    load_model_state,
    load_optimizer_state,
    load_scheduler_state,
)
from autrainer.training.schedule import build_schedule

CPU, META = torch.device("cpu"), torch.device("meta")
SUBSETS = ("train", "dev", "test")
OUTPUTS = 10
"""Outputs of a model of which the dataset cannot be told."""

LARGE_BYTES = 256 * 2**20
"""Size from which on a model is built without memory."""


@dataclass(frozen=True)
class Data:
    """A dataset and the criterion that is set up with it.

    Args:
        data: The dataset.
        criterion: The criterion; None if it cannot be built.
        section: What a configuration says of them.
    """

    data: AbstractDataset
    criterion: torch.nn.Module | None
    section: DatasetSection


@dataclass(frozen=True)
class Built:
    """A model.

    Args:
        model: The model, on the meta device if it can be built there.
        lone_layers: Layers that cannot be trained on a single sample.
    """

    model: AbstractModel
    lone_layers: list[str]


@dataclass
class Outcome:
    """What became of a part.

    Args:
        value: The part; None if there is none.
        problems: What is wrong with it.
        notes: What could not be looked at.
    """

    value: Any = None
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


def attempt(piece: str, make: Callable[[Outcome], object]) -> Outcome:
    """Make a part; whatever goes wrong is noted.

    Args:
        piece: The key that it belongs to.
        make: Gets the outcome, to fill it in.
    """
    outcome = Outcome()
    try:
        with quiet():
            make(outcome)
    except NotDownloadedError as error:
        outcome.notes = (*outcome.notes, f"{piece}: {error}")
    # Constructors of users may raise anything; the others are looked at all the same.
    except Exception as error:
        outcome.problems = (*outcome.problems, *problems_of(error, piece))
    return outcome


@contextmanager
def quiet() -> Iterator[None]:
    """Within the block neither warnings nor gradients."""
    with torch.no_grad(), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def look_at_data(config: RunConfig, faulty: frozenset[str], *, reads_files: bool) -> Outcome:
    """The dataset and the criterion of a run, with everything that is wrong about its files.

    Args:
        config: The configuration of the run.
        faulty: Groups that cannot be used: their transforms are left out.
        reads_files: Look into the files; once for a dataset is enough.
    """
    section = config.dataset
    # Nothing but what the dataset itself asks for.
    bare = ModelSection.read({"transform": {"type": section.transform.type}})
    model = bare if "model" in faulty else config.model
    nothing = AugmentationSection.read({"_target_": NONE, "id": NONE})
    augmentation = nothing if "augmentation" in faulty else config.augmentation

    def make(outcome: Outcome) -> None:
        looked = section if reads_files else _without_files(section)
        seed = config.seeds.dataset or 0
        try:
            data = build_dataset(looked, model, augmentation, seed)
        except ConfigError as error:
            left = _without_cause(looked, error)
            if left is None:
                raise
            # It is wrong all the same; but there may be more.
            outcome.problems = tuple(problems_of(error, "dataset"))
            build_dataset(left, model, augmentation, seed)
            return
        outcome.value = Data(data, None, section)
        if "criterion" not in faulty:
            made = attempt("dataset.criterion", lambda made: _criterion(made, section, data))
            outcome.problems = made.problems
            outcome.notes = made.notes
            outcome.value = Data(data, made.value, section)

    return attempt("dataset", make)


def _criterion(outcome: Outcome, section: DatasetSection, data: AbstractDataset) -> None:
    outcome.value = build_criterion(section, data)


def _without_cause(section: DatasetSection, error: ConfigError) -> DatasetSection | None:
    """The section of a dataset without what an error is about; None if that is essential."""
    target, text = section.target, str(error)
    written = dict(target.written)
    if text.startswith("dataset.stratify ") and written.pop("stratify", None):
        pass
    elif text.startswith("dataset.tracking_metric ") and written.get("metrics"):
        written["tracking_metric"] = written["metrics"][0]
    else:
        return None
    return replace(section, target=replace(target, written=written))


def _without_files(section: DatasetSection) -> DatasetSection:
    """The section of a dataset whose files have been looked into before."""
    target = section.target
    if "check_files" not in inspect.signature(locate(target.path)).parameters:
        return section
    return replace(section, target=replace(target, written={**target.written, "check_files": 0}))


def look_at_loaders(config: RunConfig, data: AbstractDataset) -> Outcome:
    """The loaders of a run, without a folder for features: nothing is written."""

    def make(outcome: Outcome) -> None:
        outcome.value = build_loaders(config.loaders, config.training, data, None)

    return attempt("batch_size", make)


def look_at_model(config: RunConfig, data: Data | None, dev_loader: Any) -> Outcome:
    """The model of a run, with its checkpoint, called with a sample of the dataset.

    Args:
        config: The configuration of the run.
        data: The dataset; without one only the model itself is looked at.
        dev_loader: Loader of the dev set; None if there is none.
    """
    trial = _Trial(config, data, dev_loader)
    sized = attempt("model", trial.size)
    if sized.value is not None and sized.value > LARGE_BYTES:
        outcome = attempt("model", lambda made: trial.run(made, META))
        if outcome.value is not None and not outcome.problems:
            return outcome
    # Not every model works without numbers; what is wrong is what is wrong with numbers.
    return attempt("model", lambda made: trial.run(made, CPU))


@dataclass(frozen=True)
class _Trial:
    """A sample through a model, and its output on to criterion and metrics."""

    config: RunConfig
    data: Data | None
    dev_loader: Any

    def size(self, outcome: Outcome) -> None:
        """How many bytes the model has."""
        model = self._built(outcome, self.config.model, META)
        outcome.value = sum(each.nbytes for each in model.state_dict().values())

    def run(self, outcome: Outcome, device: torch.device) -> None:
        """Build the model, and call it with a sample."""
        section, data = self.config.model, self.data
        model = self._built(outcome, section, device)
        load_model_state(model, section.checkpoints)
        freeze(model, section.freeze)
        outcome.value = Built(model, [])
        if data is None or self.dev_loader is None:
            return
        criterion = torch.nn.Identity() if data.criterion is None else data.criterion
        fit = Fit(data.section, section, data.data, criterion, self.dev_loader, CPU)
        with lone_values(model) as lone:
            seen = self._called(outcome, model, fit, device, times=1)
        outcome.value = Built(model, lone)
        if seen is not None and fit.problems(seen):
            # The shape of a single sample may be special.
            two = self._called(outcome, model, fit, device, times=2)
            outcome.problems = (*outcome.problems, *([] if two is None else fit.problems(two)))

    def _built(
        self, outcome: Outcome, section: ModelSection, device: torch.device
    ) -> AbstractModel:
        output_dim = OUTPUTS if self.data is None else self.data.data.output_dim
        with device:
            try:
                return build_model(section, output_dim)
            except NotDownloadedError as error:
                outcome.notes = (f"model {section.id}: {error}",)
                target = section.target
                fresh = replace(target, written={**target.written, "transfer": False})
                return build_model(replace(section, target=fresh), output_dim)

    def _called(
        self, outcome: Outcome, model: AbstractModel, fit: Fit, device: torch.device, *, times: int
    ) -> Seen | None:
        """What the model gives for a sample, as zeros of the same shape; None if it fails."""
        batch = fit.sample(times=times)
        inputs = {
            name: value.to(device) if isinstance(value, torch.Tensor) else value
            for name, value in create_model_inputs(model, batch).items()
        }
        try:
            with evaluation_mode(model):
                output = model(**inputs)
        except AutrainerError:
            raise
        except Exception as error:
            told = model_misfit(self.config, Seen(batch), error)
            outcome.problems = (Problem("model", told.removeprefix("the model ")),)
            return None
        if isinstance(output, torch.Tensor):
            output = torch.zeros(output.shape, dtype=output.dtype)
        return Seen(batch, output)


def look_at_lone_samples(config: RunConfig, built: Built, train_loader: Any) -> Outcome:
    """Whether a batch of one sample would end the run."""
    training, updates = config.training, config.updates
    num_steps = training.iterations if training.training_type == "step" else None
    return attempt(
        "batch_size",
        lambda _: refuse_lone_sample(
            built.model, built.lone_layers, train_loader, num_steps, updates.micro_batch_size
        ),
    )


def look_at_optimizer(
    config: RunConfig, built: Built, data: Data | None, *, has_scheduler: bool
) -> Outcome:
    """The optimizer of a run, with its checkpoint; its scheduler too, where that can be used."""
    outcome = attempt("optimizer", lambda made: _optimizer(made, config, built.model))
    if outcome.problems and any(each.is_meta for each in built.model.parameters()):
        # Some optimizers want to know where the parameters are.
        real = built.model.to_empty(device=CPU)
        outcome = attempt("optimizer", lambda made: _optimizer(made, config, real))
    optimizer = outcome.value
    if optimizer is None or data is None or not has_scheduler:
        return outcome
    tracked = data.data.tracking_metric

    def make(_: Outcome) -> None:
        schedule = build_schedule(config.scheduler, optimizer, tracked)
        if schedule is not None:
            load_scheduler_state(schedule.scheduler, config.model.checkpoints)

    scheduler = attempt("scheduler", make)
    return replace(outcome, problems=(*outcome.problems, *scheduler.problems))


def _optimizer(outcome: Outcome, config: RunConfig, model: AbstractModel) -> None:
    section, rate = config.optimizer, config.training.learning_rate
    optimizer = build_optimizer_of(section, model, rate)
    load_optimizer_state(optimizer, model, config.model.checkpoints, CPU)
    outcome.value = optimizer
