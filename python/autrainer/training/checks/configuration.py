"""Checks a whole configuration once, before anything is built, downloaded or written."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from autrainer.augmentations import AbstractAugmentation, AugmentationPipeline
from autrainer.config.hydra.groups import GROUP_KEYS, SUBSETS
from autrainer.config.hydra.key_sources import Sources
from autrainer.config.schema.annotations import misfit
from autrainer.config.schema.classes import argument_problems, check_target
from autrainer.config.schema.problems import Problem, refuse
from autrainer.config.schema.training import GROUPS, RunConfig
from autrainer.config.shorthand import plain_copy
from autrainer.criterions.base import Loss
from autrainer.datasets.base import AbstractDataset
from autrainer.datasets.sampling import sampler_problems
from autrainer.loggers.base import AbstractLogger
from autrainer.metrics import AbstractMetric
from autrainer.models.base import AbstractModel
from autrainer.plotting.metrics import PlotMetrics
from autrainer.runs.writing.tables import require_library
from autrainer.training.resuming.checkpoints import Checkpoints
from autrainer.transforms.base import AbstractTransform
from autrainer.transforms.entries import TransformConfig, parse_transforms

_CONSUMED_KINDS: dict[tuple[str, str], Any] = {
    ("model", "skip_last_layer"): bool,
    ("optimizer", "weight_decay"): float | None,
    ("optimizer", "apply_weight_decay_to_bias"): bool,
    ("optimizer", "apply_weight_decay_to_norm"): bool,
}
_PERIODS = ("step_size", "T_max")
"""Arguments of schedulers that torch divides by, long after it has taken them."""
_PLOT_ARGUMENTS = ("output_directory", "training_type", "metric_fns")
_LOGGER_ARGUMENTS = ("exp_name", "run_name", "metrics", "tracking_metric")


@dataclass(frozen=True)
class CheckedConfig:
    """A configuration in which nothing is wrong that can be seen without building it.

    Args:
        cfg: A copy with the dataset's `criterion` at the top level.
        plain: The configuration as it came, as plain containers.
        settings: Its training attributes.
    """

    cfg: DictConfig
    plain: dict[str, Any]
    settings: RunConfig

    @classmethod
    def of(cls, cfg: DictConfig | Mapping[str, Any]) -> CheckedConfig:
        """Check a configuration, which is left as it is.

        Raises:
            ConfigError: with everything that is wrong.
            MissingExtraError: if the library that writes `outputs_format` is not installed.
        """
        plain = plain_copy(cfg)
        plain.pop("hydra", None)
        sources = Sources.of_job()
        settings = RunConfig.read(plain, sources)
        require_library(settings.outputs_format)
        refuse(find_problems(plain), sources)
        moved = copy.deepcopy(plain)
        if "criterion" in moved["dataset"]:
            moved["criterion"] = moved["dataset"].pop("criterion")
        return cls(OmegaConf.create(moved), plain, settings)

    def copy(self) -> dict[str, Any]:
        """The configuration as plain containers of the caller's own, `criterion` at the top."""
        plain: dict[str, Any] = OmegaConf.to_container(self.cfg)  # type: ignore[assignment]
        return plain


def find_problems(config: Mapping[str, Any]) -> list[Problem]:
    """Everything that is wrong with the classes that a configuration names.

    Args:
        config: The configuration as plain containers.
    """
    if missing := list(_missing({group: config[group] for group in GROUPS})):
        return missing
    return [
        *_dataset_problems(config),
        *_sampler_problems(config),
        *_model_problems(config["model"]),
        *check_target(
            "optimizer",
            config["optimizer"],
            torch.optim.Optimizer,
            injected=("params", "lr"),
            consumed=GROUP_KEYS["optimizer"],
        ),
        *_scheduler_problems(config["scheduler"]),
        *_consumed_problems(config),
        *_augmentation_problems(config["augmentation"]),
        *_plotting_problems(config["plotting"]),
        *_transform_problems("dataset", config["dataset"]),
        *_transform_problems("model", config["model"]),
        *_list_problems(config, "", "loggers", AbstractLogger, _LOGGER_ARGUMENTS),
        *_list_problems(config, "", "callbacks", object),
    ]


def _missing(node: Any, key: str = "") -> Iterator[Problem]:
    """What a configuration leaves open, at any depth, that somebody has to fill in."""
    if node == "???":
        yield Problem(key, "is missing", "give it a value")
    elif isinstance(node, Mapping):
        for name, value in node.items():
            yield from _missing(value, f"{key}.{name}" if key else str(name))
    elif isinstance(node, list):
        for position, value in enumerate(node):
            yield from _missing(value, f"{key}[{position}]")


def _dataset_problems(config: Mapping[str, Any]) -> list[Problem]:
    dataset = config["dataset"]
    problems = check_target(
        "dataset",
        dataset,
        AbstractDataset,
        injected=("seed", *(f"{subset}_transform" for subset in SUBSETS)),
        consumed=GROUP_KEYS["dataset"],
    )
    criterion = dataset.get("criterion", config.get("criterion"))
    if criterion is None:
        fix = "name a criterion, such as autrainer.criterions.CrossEntropyLoss"
        problems.append(Problem("dataset.criterion", "is missing", fix))
    else:
        problems += check_target(
            "dataset.criterion", criterion, Loss, injected=("reduction",), shorthand=True
        )
    if "tracking_metric" in dataset:
        problems += check_target(
            "dataset.tracking_metric", dataset["tracking_metric"], AbstractMetric, shorthand=True
        )
    if "metrics" in dataset:
        problems += _list_problems(dataset, "dataset.", "metrics", AbstractMetric)
    return problems


def _sampler_problems(config: Mapping[str, Any]) -> list[Problem]:
    key = "train_loader_kwargs"
    own = config["dataset"].get(key)
    options = own or config.get(key)
    # Left open ("???") they are those by default.
    sampler = options.get("sampler") if isinstance(options, Mapping) else None
    if sampler is None:
        return []
    return sampler_problems(f"dataset.{key}.sampler" if own else f"{key}.sampler", sampler)


def _model_problems(model: Mapping[str, Any]) -> list[Problem]:
    problems = check_target(
        "model", model, AbstractModel, injected=("output_dim",), consumed=GROUP_KEYS["model"]
    )
    return problems + Checkpoints.take_from(dict(model)).problems()


def _scheduler_problems(scheduler: Mapping[str, Any]) -> list[Problem]:
    problems = check_target(
        "scheduler",
        scheduler,
        torch.optim.lr_scheduler.LRScheduler,
        injected=("optimizer",),
        consumed=GROUP_KEYS["scheduler"],
        none_allowed=True,
    )
    for name in _PERIODS:
        if scheduler.get(name) == 0:
            problems.append(Problem(f"scheduler.{name}", "is 0", "use an integer of at least 1"))
    return problems


def _consumed_problems(config: Mapping[str, Any]) -> list[Problem]:
    return [
        Problem(f"{group}.{name}", f"is {config[group][name]!r}", f"use {wanted}")
        for (group, name), kind in _CONSUMED_KINDS.items()
        if name in config[group] and (wanted := misfit(kind, config[group][name]))
    ]


def _augmentation_problems(augmentation: Mapping[str, Any]) -> list[Problem]:
    problems = check_target("augmentation", augmentation, AugmentationPipeline, none_allowed=True)
    return problems + _list_problems(
        augmentation, "augmentation.", "pipeline", AbstractAugmentation
    )


def _plotting_problems(plotting: Mapping[str, Any]) -> list[Problem]:
    if not plotting:
        return []
    given = {*plotting, *_PLOT_ARGUMENTS} - {"id", "_target_"}
    return argument_problems("plotting", PlotMetrics, given, injected=_PLOT_ARGUMENTS)


def _transform_problems(group: str, config: Mapping[str, Any]) -> list[Problem]:
    found = parse_transforms(group, config.get("transform"))
    if not isinstance(found, TransformConfig):
        return found
    return [
        problem
        for listed in found.lists.values()
        for where, entry in listed.entries.items()
        for problem in check_target(
            where, {entry.path: entry.arguments}, AbstractTransform, shorthand=True
        )
    ]


def _list_problems(
    config: Mapping[str, Any],
    prefix: str,
    name: str,
    expected: type,
    injected: tuple[str, ...] = (),
) -> list[Problem]:
    """What is wrong with a list of shorthands; one that is absent is fine."""
    entries = config.get(name)
    if entries is None:
        return []
    if not isinstance(entries, list | tuple):
        fix = "use a list of import paths, with or without kwargs"
        return [Problem(f"{prefix}{name}", f"is {entries!r}", fix)]
    return [
        problem
        for position, entry in enumerate(entries)
        for problem in check_target(
            f"{prefix}{name}[{position}]", entry, expected, injected=injected, shorthand=True
        )
    ]
