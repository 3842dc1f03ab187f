"""Builds the parts of a run from its configuration, each by one function.

Each function takes the sections that it needs, and no more.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch

from autrainer.augmentations import AugmentationManager
from autrainer.config.instantiate import build
from autrainer.config.plain import plain_copy
from autrainer.config.schema.run import RunConfig
from autrainer.config.schema.sections.augmentation import AugmentationSection
from autrainer.config.schema.sections.dataset import DatasetSection
from autrainer.config.schema.sections.loaders import LOADER_KEYS, LoaderSection, LoadersSection
from autrainer.config.schema.sections.model import ModelSection
from autrainer.config.schema.sections.optimizer import OptimizerSection
from autrainer.config.schema.sections.training import (
    CompileSection,
    ComputeSection,
    TrainingSection,
)
from autrainer.config.schema.sections.updates import UpdateSection
from autrainer.criterions.base import Loss
from autrainer.data.loader import Loader
from autrainer.datasets.base import AbstractDataset
from autrainer.datasets.sampling import SAMPLER_KEY
from autrainer.datasets.tables.strata import TOTAL
from autrainer.engine.compiling import CompileOptions, compile_model, count_compiling
from autrainer.engine.interfaces import Batches
from autrainer.engine.precision import Precision
from autrainer.engine.runtime import Runtime
from autrainer.engine.sharding import Sharding
from autrainer.engine.step import DeviceMover
from autrainer.engine.sync_batch_norm import synchronise
from autrainer.engine.update import Limits, Update
from autrainer.engine.weight_average import (
    EMAOptions,
    ExponentialAverage,
    IterationAverage,
    WeightAverage,
)
from autrainer.errors import ConfigError
from autrainer.models.base import AbstractModel
from autrainer.models.freezing import freeze
from autrainer.optimizers.build import build_optimizer
from autrainer.runs.random.seeding import set_seed
from autrainer.runs.stage_clock import StageClock
from autrainer.training.checks.constructor_errors import errors_named
from autrainer.training.resuming.checkpoints import (
    load_model_state,
    load_optimizer_state,
    load_scheduler_state,
)
from autrainer.training.schedule import Schedule, build_schedule
from autrainer.transforms.manager import TransformManager


@dataclass
class Parts:
    """What a run is made of."""

    runtime: Runtime
    data: AbstractDataset
    criterion: torch.nn.Module
    model: AbstractModel
    optimizer: torch.optim.Optimizer
    schedule: Schedule | None
    train_loader: Batches
    dev_loader: Batches
    test_loader: Batches
    precision: Precision
    update: Update
    average: WeightAverage | None = None
    sharding: Sharding | None = None

    def join_evaluation(self) -> None:
        """Take part in a batch of an evaluation of which this process has no sample."""
        if self.sharding is not None:
            self.sharding.join_pass(self.precision, self.evaluated_model)

    @property
    def evaluated_model(self) -> AbstractModel:
        """The model that is evaluated: that with averaged weights, if there is one."""
        return self.model if self.average is None else self.average.model

    @property
    def after_update(self) -> Callable[[torch.Tensor], None] | None:
        """Called with the losses of a batch after its update; None if nothing follows one."""
        follows = self.average is not None and self.average.follows_updates
        follows = follows or self.schedule_by("batch") is not None
        return self._after_update if follows else None

    def _after_update(self, loss: torch.Tensor) -> None:
        if not self.update.was_made:
            return
        if self.average is not None:
            self.average.after_update(self.model)
        schedule = self.schedule_by("batch")
        if schedule is not None:
            schedule.after_batch(loss)

    @property
    def device(self) -> torch.device:
        """Where criterion and model are."""
        return self.runtime.device

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


def build_sharding(config: ComputeSection, runtime: Runtime) -> Sharding | None:
    """What divides the model over the processes; None where each has the whole of it."""
    if config.strategy != "fsdp" or runtime.process.is_alone:
        return None
    return Sharding(runtime, None if config.fsdp is None else config.fsdp.units)


def build_parts(config: RunConfig, runtime: Runtime, sharding: Sharding | None = None) -> Parts:
    """Build data, criterion, model, optimizer, scheduler and loaders, in this order.

    Args:
        config: The configuration, checked.
        runtime: Where criterion and model go, and which process of the run this is.
        sharding: Divides the model over the processes.
    """
    training, checkpoints, device = config.training, config.model.checkpoints, runtime.device
    data = build_dataset(config.dataset, config.model, config.augmentation, config.seeds.dataset)
    data.process = runtime.process
    criterion = build_criterion(config.dataset, data)
    criterion.to(device)
    # Seeded once more: what the model starts from does not depend on what the dataset drew.
    set_seed(config.seeds.training)
    model = build_model(config.model, data.output_dim)
    load_model_state(model, checkpoints)
    freeze(model, config.model.freeze)
    synced = config.compute.sync_batchnorm and not runtime.process.is_alone
    if synced:
        synchronise(model, runtime.communicator)
    if sharding is None:
        model.to(device)
    average = weight_average(config.updates, training, model)
    if sharding is not None:
        sharding.divide(model)
        if average is not None:
            average.divide(sharding)
    optimizer = build_optimizer_of(config.optimizer, model, training.learning_rate)
    if sharding is not None:
        sharding.follow(optimizer)
    load_optimizer_state(optimizer, model, checkpoints, device)
    schedule = build_schedule(config.scheduler, optimizer, data.tracking_metric)
    if schedule is not None:
        load_scheduler_state(schedule.scheduler, checkpoints)
    train_loader, dev_loader, test_loader = build_loaders(
        config.loaders, training, data, config.compute.features_cache
    )
    for loader in (train_loader, dev_loader, test_loader):
        _refuse_unshared(loader, runtime)
    precision = Precision(config.updates.precision, device)
    return Parts(
        runtime,
        data,
        criterion,
        model,
        optimizer,
        schedule,
        train_loader,
        dev_loader,
        test_loader,
        precision,
        Update(
            optimizer,
            precision,
            limits(config.updates),
            runtime,
            sends_early=not synced,
            sharding=sharding,
            samples_per_update=training.batch_size,
        ),
        average,
        sharding,
    )


def compile_parts(section: CompileSection | None, parts: Parts, clock: StageClock) -> None:
    """Compile the model, and the one that is evaluated, if the configuration asks for it.

    Only when everything has been tried: batches of one sample are no shape of a run.
    """
    if section is None or not section.enabled:
        return
    options = CompileOptions(section.mode, section.dynamic, section.fullgraph, section.backend)
    for model in {id(each): each for each in (parts.model, parts.evaluated_model)}.values():
        compile_model(model, options)
    count_compiling(parts.precision, clock, by_shape=not options.dynamic)


def weight_average(
    updates: UpdateSection, training: TrainingSection, model: AbstractModel
) -> WeightAverage | None:
    """The average of a model's weights that is evaluated, if the configuration asks for one.

    The mean of the best weights is none: it is made at the end, and put in the place of the model.
    """
    if updates.ema is not None:
        return ExponentialAverage(model, EMAOptions(**asdict(updates.ema)))
    swa = updates.swa
    if swa is None or swa.best is not None:
        return None
    first = swa.first_iteration(training.iterations, training.eval_frequency)
    return IterationAverage(model, first, average_buffers=swa.average_buffers)


def limits(updates: UpdateSection) -> Limits:
    """What keeps the updates of a run within bounds."""
    return Limits(
        micro_batch_size=updates.micro_batch_size,
        max_grad_norm=updates.max_grad_norm,
        max_grad_value=updates.max_grad_value,
        skips_nonfinite=updates.on_nonfinite == "skip",
    )


def build_dataset(
    section: DatasetSection, model: ModelSection, augmentation: AugmentationSection, seed: int
) -> AbstractDataset:
    """The dataset, with the transforms that it and the model ask for; all of it is checked.

    Raises:
        AutrainerError: if it cannot be built, or its data cannot be used.
    """
    with errors_named("dataset", section.target.described("criterion", *LOADER_KEYS)):
        augmentations = AugmentationManager(augmentation.target.config).get_augmentations()
        transforms = TransformManager(model.transform, section.transform, *augmentations)
        train, dev, test = transforms.get_transforms()
        data: AbstractDataset = build(
            section.target,
            AbstractDataset,
            train_transform=train,
            dev_transform=dev,
            test_transform=test,
            seed=seed,
        )
        _refuse_strata(data)
        # Asked for here: it may read the data.
        _ = data.output_dim
    return data


def _refuse_strata(data: AbstractDataset) -> None:
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


def build_criterion(section: DatasetSection, data: AbstractDataset) -> torch.nn.Module:
    """The criterion, set up with the dataset; its losses are not reduced."""
    target = section.criterion
    with errors_named(target.key, target.described()):
        criterion: torch.nn.Module = build(target, Loss, reduction="none")
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


def build_model(section: ModelSection, output_dim: int) -> AbstractModel:
    """The model as it is initialised, without a checkpoint."""
    hidden = (*section.target.consumed, *section.target.dropped)
    with errors_named("model", section.target.described(*hidden)):
        model: AbstractModel = build(section.target, AbstractModel, output_dim=output_dim)
    return model


def build_optimizer_of(
    section: OptimizerSection, model: AbstractModel, learning_rate: float
) -> torch.optim.Optimizer:
    """The optimizer of a model."""
    with errors_named("optimizer", section.target.described(lr=learning_rate)):
        return build_optimizer(section, model, learning_rate)


def build_loaders(
    loaders: LoadersSection,
    training: TrainingSection,
    data: AbstractDataset,
    features_cache: str | None,
) -> list[Any]:
    """The loaders of train, dev and test."""
    inference = training.inference_batch_size
    sizes = {"train": training.batch_size, "dev": inference, "test": inference}
    built = {
        subset: _build_loader(loaders.of(subset), data, subset, size, features_cache)
        for subset, size in sizes.items()
    }
    _refuse_empty(built, sizes)
    return list(built.values())


def _build_loader(
    section: LoaderSection,
    data: AbstractDataset,
    subset: str,
    size: int,
    features_cache: str | None,
) -> Any:
    """A loader by the dataset, whose own method may be older than some of the options."""
    create = getattr(data, f"create_{subset}_loader")
    parameters = inspect.signature(create).parameters
    takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    unknown = [name for name in section.arguments if name not in parameters and not takes_all]
    if unknown:
        raise ConfigError(
            f"{subset}_loader_kwargs has {', '.join(unknown)}, which create_{subset}_loader of "
            f"{type(data).__name__} does not take; remove it, or let the method take **options "
            "and hand them on"
        )
    options = plain_copy(section.arguments)
    if features_cache is not None and (takes_all or "features_cache" in parameters):
        options.setdefault("features_cache", features_cache)
    if section.sampler is not None:
        with errors_named(SAMPLER_KEY, section.sampler.described()):
            options["sampler"] = data.build_sampler(options["sampler"])
    return create(size, **options)


def _refuse_empty(loaders: dict[str, Batches], sizes: dict[str, int]) -> None:
    for subset, loader in loaders.items():
        if len(loader) == 0:
            raise ConfigError(
                f"the {subset} split yields no batch of {sizes[subset]} samples; use a smaller "
                f"batch size, or drop_last: false in {subset}_loader_kwargs"
            )


def _refuse_unshared(loader: Batches, runtime: Runtime) -> None:
    if runtime.world_size > 1 and not isinstance(loader, Loader):
        raise ConfigError(
            f"the dataset makes a {type(loader).__name__}, whose batches {runtime.world_size} "
            "processes cannot share; let its methods return a Loader of autrainer.data.loader"
        )
