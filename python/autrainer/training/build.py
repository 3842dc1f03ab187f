"""Builds the parts of a run from its configuration, each by one function.

A configuration comes in as plain containers that belong to the caller of `build_parts`; keys that
a part consumes are taken out before its class sees the rest.
"""

from __future__ import annotations

import inspect
import logging
from dataclasses import dataclass
from typing import Any

import torch

from autrainer.augmentations import AugmentationManager
from autrainer.config.instantiate import instantiate, instantiate_shorthand
from autrainer.config.schema.training import RunConfig
from autrainer.criterions.base import Loss
from autrainer.datasets.base import AbstractDataset
from autrainer.datasets.sampling import SAMPLER_KEY
from autrainer.datasets.strata import TOTAL
from autrainer.engine.precision import Precision
from autrainer.engine.step import DeviceMover
from autrainer.engine.update import Limits, Update
from autrainer.errors import ConfigError
from autrainer.models.base import AbstractModel
from autrainer.optimizers.build import build_optimizer
from autrainer.runs.random.seeding import set_seed
from autrainer.training.checks.constructor_errors import errors_named
from autrainer.training.resuming.checkpoints import (
    Checkpoints,
    load_model_state,
    load_optimizer_state,
    load_scheduler_state,
)
from autrainer.transforms.manager import TransformManager

log = logging.getLogger(__name__)


@dataclass
class Schedule:
    """A learning-rate scheduler and when it steps.

    Args:
        scheduler: The scheduler.
        frequency: `batch` or `evaluation`.
        wants_metric: Its `step` needs the value of the tracking metric.
    """

    scheduler: Any
    frequency: str
    wants_metric: bool

    def after_batch(self, loss: torch.Tensor) -> None:
        """Step after an update; a scheduler that wants a metric gets the loss of the batch."""
        if self.wants_metric:
            self.scheduler.step(loss.mean().item())
        else:
            self.scheduler.step()


@dataclass
class Parts:
    """What a run is made of."""

    data: AbstractDataset
    criterion: torch.nn.Module
    model: AbstractModel
    optimizer: torch.optim.Optimizer
    schedule: Schedule | None
    train_loader: Any
    dev_loader: Any
    test_loader: Any
    precision: Precision
    update: Update

    @property
    def device(self) -> torch.device:
        """Where criterion and model are."""
        return self.precision.device

    @property
    def scheduler(self) -> Any:
        """The learning-rate scheduler or None."""
        return None if self.schedule is None else self.schedule.scheduler

    @scheduler.setter
    def scheduler(self, scheduler: Any) -> None:
        if self.schedule is None:
            raise AttributeError("the run has no scheduler that could be replaced")
        self.schedule.scheduler = scheduler

    def mover(self, subset: str) -> DeviceMover:
        """Moves the batches of a split to the device."""
        # A dataset may bring loaders of its own, which need not know of pinning.
        pinned = bool(getattr(getattr(self, f"{subset}_loader"), "pin_memory", False))
        return DeviceMover(self.device, non_blocking=pinned and self.device.type == "cuda")

    def schedule_by(self, frequency: str) -> Schedule | None:
        """The schedule, if there is one and it steps that often."""
        schedule = self.schedule
        return schedule if schedule is not None and schedule.frequency == frequency else None


def build_parts(config: dict[str, Any], settings: RunConfig, device: torch.device) -> Parts:
    """Build data, criterion, model, optimizer, scheduler and loaders, in this order.

    Args:
        config: Resolved configuration as plain containers; keys are taken out of it.
        settings: The training attributes of the same configuration.
        device: Where criterion and model go.
    """
    model_config, dataset_config = config["model"], config["dataset"]
    checkpoints = Checkpoints.take_from(model_config)
    for subset in ("train", "dev", "test"):
        dataset_config.pop(f"{subset}_loader_kwargs", None)
    with errors_named("dataset", dataset_config):
        data = _build_dataset(config, settings)
        output_dim = data.output_dim
    with errors_named("dataset.criterion", config["criterion"]):
        criterion = _build_criterion(config["criterion"], data)
    criterion.to(device)
    # Seeded once more: what the model starts from does not depend on what the dataset drew.
    set_seed(settings.training_seed)
    with errors_named("model", model_config):
        model: AbstractModel = instantiate(
            model_config, instance_of=AbstractModel, output_dim=output_dim
        )
    load_model_state(model, checkpoints)
    model.to(device)
    with errors_named("optimizer", config["optimizer"], lr=settings.learning_rate):
        optimizer = build_optimizer(config["optimizer"], model, settings.learning_rate)
    load_optimizer_state(optimizer, model, checkpoints, device)
    with errors_named("scheduler", config["scheduler"]):
        schedule = _build_schedule(config["scheduler"], optimizer, data.tracking_metric)
    if schedule is not None:
        load_scheduler_state(schedule.scheduler, checkpoints)
    sizes = {
        "train": settings.batch_size,
        "dev": settings.inference_batch_size,
        "test": settings.inference_batch_size,
    }
    loaders = {
        subset: _build_loader(
            data, subset, size, dict(getattr(settings, f"{subset}_loader_kwargs"))
        )
        for subset, size in sizes.items()
    }
    _refuse_empty(loaders, sizes)
    precision = Precision(settings.precision, device)
    return Parts(
        data,
        criterion,
        model,
        optimizer,
        schedule,
        loaders["train"],
        loaders["dev"],
        loaders["test"],
        precision,
        Update(optimizer, precision, limits(settings)),
    )


def limits(settings: RunConfig) -> Limits:
    """What keeps the updates of a run within bounds."""
    return Limits(
        micro_batch_size=settings.micro_batch_size,
        max_grad_norm=settings.max_grad_norm,
        max_grad_value=settings.max_grad_value,
        skips_nonfinite=settings.on_nonfinite == "skip",
    )


def _build_dataset(config: dict[str, Any], settings: RunConfig) -> AbstractDataset:
    augmentations = AugmentationManager(train_augmentation=config.get("augmentation"))
    transforms = TransformManager(
        config["model"].pop("transform"),
        config["dataset"].pop("transform"),
        *augmentations.get_augmentations(),
    ).get_transforms()
    train, dev, test = transforms
    data: AbstractDataset = instantiate(
        config["dataset"],
        instance_of=AbstractDataset,
        train_transform=train,
        dev_transform=dev,
        test_transform=test,
        seed=settings.dataset_seed,
    )
    if data.stratify and isinstance(data.target_column, list):
        raise ConfigError(
            f"dataset.stratify is {data.stratify} and dataset.target_column is a list: metrics are "
            "reported either per stratum or per target; remove one of them"
        )
    for subset in ("dev", "test"):
        if TOTAL in data.strata(subset):
            raise ConfigError(
                f"strata({subset!r}) of {type(data).__name__} has a stratum {TOTAL!r}, the name of "
                "the whole split in results; give it another name"
            )
    return data


def _build_criterion(shorthand: Any, data: AbstractDataset) -> torch.nn.Module:
    criterion: torch.nn.Module = instantiate_shorthand(
        shorthand, instance_of=Loss, reduction="none"
    )
    setup = getattr(criterion, "setup", None)
    if callable(setup):
        setup(data)
    if data.task == "regression" and type(criterion).__module__ == torch.nn.MSELoss.__module__:
        criterion.register_forward_pre_hook(_column_as_vector)
    return criterion


def _column_as_vector(criterion: torch.nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Outputs (N, 1) as (N,): torch's own losses would broadcast them against targets (N,)."""
    output, target, *rest = args
    if output.dim() == target.dim() + 1 and output.shape[-1] == 1:
        output = output.squeeze(-1)
    return output, target, *rest


def _build_schedule(
    config: dict[str, Any], optimizer: torch.optim.Optimizer, tracking_metric: Any
) -> Schedule | None:
    if config.get("id") == "None" or config.get("_target_") in (None, "None"):
        return None
    frequency = config.pop("step_frequency", "evaluation")
    injected: dict[str, Any] = {"optimizer": optimizer}
    target = _class_of(config)
    takes_mode = _wants_metric(target) and "mode" in inspect.signature(target).parameters
    if takes_mode and "mode" not in config:
        # A plateau of an accuracy is not where it stops falling.
        injected["mode"] = tracking_metric.suffix if frequency == "evaluation" else "min"
    scheduler = instantiate(config, instance_of=torch.optim.lr_scheduler.LRScheduler, **injected)
    # Asked of what was built: the target may be a function.
    return Schedule(scheduler, frequency, _wants_metric(type(scheduler)))


def _class_of(config: dict[str, Any]) -> Any:
    from autrainer.config.locate import locate

    return locate(config["_target_"])


def _wants_metric(scheduler_class: Any) -> bool:
    """Whether `step` cannot be called without an argument, as that of `ReduceLROnPlateau`."""
    step = getattr(scheduler_class, "step", None)
    parameters = list(inspect.signature(step).parameters.values())[1:] if step else []
    return any(
        p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        for p in parameters
    )


def _build_loader(data: AbstractDataset, subset: str, size: int, options: dict[str, Any]) -> Any:
    """A loader by the dataset, whose own method may be older than some of the options."""
    create = getattr(data, f"create_{subset}_loader")
    parameters = inspect.signature(create).parameters
    takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    unknown = [name for name in options if name not in parameters and not takes_all]
    if unknown:
        raise ConfigError(
            f"{subset}_loader_kwargs has {', '.join(unknown)}, which create_{subset}_loader of "
            f"{type(data).__name__} does not take; remove it, or let the method take **options "
            "and hand them on"
        )
    if options.get("sampler") is not None:
        with errors_named(SAMPLER_KEY, options["sampler"]):
            options["sampler"] = data.build_sampler(options["sampler"])
    return create(size, **options)


def _refuse_empty(loaders: dict[str, Any], sizes: dict[str, int]) -> None:
    for subset, loader in loaders.items():
        if len(loader) == 0:
            raise ConfigError(
                f"the {subset} split yields no batch of {sizes[subset]} samples; use a smaller "
                f"batch size, or drop_last: false in {subset}_loader_kwargs"
            )
