"""Checks a whole configuration once, before anything is built, downloaded or written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from omegaconf import DictConfig

from autrainer.augmentations import AbstractAugmentation, AugmentationPipeline
from autrainer.config.hydra.key_sources import Sources
from autrainer.config.plain import Plain, plain_copy
from autrainer.config.schema.classes import argument_problems, check_target
from autrainer.config.schema.problems import Problem, refuse
from autrainer.config.schema.reading import LEFT_OPEN
from autrainer.config.schema.run import GROUPS, RunConfig
from autrainer.config.schema.sections.augmentation import AugmentationSection
from autrainer.config.schema.sections.dataset import DatasetSection
from autrainer.config.schema.sections.loaders import LOADER_KEYS, SUBSETS
from autrainer.config.schema.sections.model import ModelSection
from autrainer.config.schema.sections.plotting import PlottingSection
from autrainer.config.schema.sections.scheduler import SchedulerSection
from autrainer.config.schema.sections.transforms import TransformSection
from autrainer.config.schema.targets import TargetList
from autrainer.criterions.base import Loss
from autrainer.datasets.base import AbstractDataset
from autrainer.datasets.sampling import sampler_problems
from autrainer.loggers.base import AbstractLogger
from autrainer.metrics import AbstractMetric
from autrainer.models.base import AbstractModel
from autrainer.plotting.metrics import PlotMetrics
from autrainer.runs.writing.tables import require_library
from autrainer.training.checks.dividing import KEYS, dividing_problems
from autrainer.training.resuming.checkpoints import missing_files
from autrainer.transforms.base import AbstractTransform

_PERIODS = ("step_size", "T_max")
"""Arguments of schedulers that torch divides by, long after it has taken them."""
_PLOT_ARGUMENTS = ("output_directory", "training_type", "metric_fns")
_LOGGER_ARGUMENTS = ("exp_name", "run_name", "metrics", "tracking_metric")


def checked(cfg: DictConfig | Plain) -> RunConfig:
    """A configuration in which nothing is wrong that can be seen without building it.

    Args:
        cfg: The configuration, which is left as it is.

    Raises:
        ConfigError: with everything that is wrong.
        MissingExtraError: if the library that writes `outputs_format` is not installed.
    """
    plain = plain_copy(cfg)
    plain.pop("hydra", None)
    sources = Sources.of_job()
    config = RunConfig.read(plain, sources)
    require_library(config.saving.outputs_format)
    refuse(find_problems(config), sources)
    return config


def find_problems(config: RunConfig) -> list[Problem]:
    """Everything that is wrong with the classes that a configuration names.

    Args:
        config: The configuration, read.
    """
    if missing := left_open({group: config.plain[group] for group in GROUPS}):
        return missing
    return [problem for piece in PIECES for problem in piece.find(config)]


@dataclass(frozen=True)
class Piece:
    """A part of a configuration whose classes are checked on their own.

    Args:
        keys: The keys at the top of the configuration that it depends on.
        find: What is wrong with it.
    """

    keys: tuple[str, ...]
    find: Callable[[RunConfig], list[Problem]]


def left_open(node: object) -> list[Problem]:
    """What a part of a configuration leaves open, at any depth, that somebody has to fill in."""
    return list(_left_open(node))


def _left_open(node: object, key: str = "") -> Iterator[Problem]:
    """What a configuration leaves open, at any depth, that somebody has to fill in."""
    if node == LEFT_OPEN:
        yield Problem(key, "is missing", "give it a value")
    elif isinstance(node, Mapping):
        for name, value in node.items():
            yield from _left_open(value, f"{key}.{name}" if key else str(name))
    elif isinstance(node, list):
        for position, value in enumerate(node):
            yield from _left_open(value, f"{key}[{position}]")


def _dataset_problems(dataset: DatasetSection) -> list[Problem]:
    injected = ("seed", *(f"{subset}_transform" for subset in SUBSETS))
    problems = check_target(dataset.target, AbstractDataset, injected=injected)
    problems += check_target(dataset.criterion, Loss, injected=("reduction",))
    if dataset.tracking_metric is not None:
        problems += check_target(dataset.tracking_metric, AbstractMetric)
    return problems + _list_problems(dataset.metrics, AbstractMetric)


def _model_problems(model: ModelSection) -> list[Problem]:
    problems = check_target(model.target, AbstractModel, injected=("output_dim",))
    return problems + missing_files(model.checkpoints)


def _scheduler_problems(scheduler: SchedulerSection) -> list[Problem]:
    kind = torch.optim.lr_scheduler.LRScheduler
    problems = check_target(scheduler.target, kind, injected=("optimizer",), none_allowed=True)
    for name in _PERIODS:
        if scheduler.target.written.get(name) == 0:
            problems.append(Problem(f"scheduler.{name}", "is 0", "use an integer of at least 1"))
    return problems


def _augmentation_problems(augmentation: AugmentationSection) -> list[Problem]:
    problems = check_target(augmentation.target, AugmentationPipeline, none_allowed=True)
    return problems + _list_problems(augmentation.pipeline, AbstractAugmentation)


def _plotting_problems(plotting: PlottingSection) -> list[Problem]:
    if not plotting.is_on:
        return []
    given = {*plotting.arguments, *_PLOT_ARGUMENTS}
    return argument_problems("plotting", PlotMetrics, given, injected=_PLOT_ARGUMENTS)


def _transform_problems(transform: TransformSection) -> list[Problem]:
    if transform.problems:
        return [*transform.problems]
    targets = transform.targets
    return [problem for each in targets for problem in check_target(each, AbstractTransform)]


def _sampler_problems(config: RunConfig) -> list[Problem]:
    sampler = config.loaders.train.sampler
    return sampler_problems(sampler) if sampler else []


def _optimizer_problems(config: RunConfig) -> list[Problem]:
    target, kind = config.optimizer.target, torch.optim.Optimizer
    problems = check_target(target, kind, injected=("params", "lr"))
    return [*problems, *config.optimizer.problems]


def _list_problems(
    listed: TargetList, expected: type, injected: tuple[str, ...] = ()
) -> list[Problem]:
    """What is wrong with a list of shorthands."""
    if listed.problem is not None:
        return [listed.problem]
    return [
        problem
        for target in listed.targets
        for problem in check_target(target, expected, injected=injected)
    ]


PIECES = (
    Piece(("dataset", "criterion"), lambda config: _dataset_problems(config.dataset)),
    Piece(("dataset", *LOADER_KEYS), _sampler_problems),
    Piece(("model",), lambda config: [*_model_problems(config.model), *config.model.problems]),
    Piece(("optimizer",), _optimizer_problems),
    Piece(KEYS, dividing_problems),
    Piece(("scheduler",), lambda config: _scheduler_problems(config.scheduler)),
    Piece(("augmentation",), lambda config: _augmentation_problems(config.augmentation)),
    Piece(("plotting",), lambda config: _plotting_problems(config.plotting)),
    Piece(("dataset",), lambda config: _transform_problems(config.dataset.transform)),
    Piece(("model",), lambda config: _transform_problems(config.model.transform)),
    Piece(
        ("loggers",),
        lambda config: _list_problems(config.loggers, AbstractLogger, _LOGGER_ARGUMENTS),
    ),
    Piece(("callbacks",), lambda config: _list_problems(config.callbacks, object)),
)
"""What `find_problems` looks at, in order."""
