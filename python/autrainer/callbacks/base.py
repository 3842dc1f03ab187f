"""The hooks of a run: what they are called, when they fire, and what they are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    import pandas as pd
    import torch
    from omegaconf import DictConfig

    from autrainer.config.schema.run import RunConfig
    from autrainer.datasets.base import AbstractDataset
    from autrainer.models.base import AbstractModel

Hook = TypeVar("Hook", bound=Callable[..., Any])

ORDER_ATTRIBUTE = "_autrainer_callback_order"
CHAIN_ATTRIBUTE = "_autrainer_callback_chain"

EVENTS: Mapping[str, tuple[str, ...]] = {
    "cb_on_train_begin": (),
    "cb_on_train_end": (),
    "cb_on_iteration_begin": ("iteration",),
    "cb_on_iteration_end": ("iteration", "metrics"),
    "cb_on_step_begin": ("iteration", "batch_idx"),
    "cb_on_step_end": ("iteration", "batch_idx", "loss"),
    "cb_on_loader_exhausted": ("iteration",),
    "cb_on_dev_begin": ("iteration",),
    "cb_on_dev_end": ("iteration", "dev_results"),
    "cb_on_dev_step_begin": ("batch_idx",),
    "cb_on_dev_step_end": ("batch_idx", "loss"),
    "cb_on_test_begin": (),
    "cb_on_test_end": ("test_results",),
    "cb_on_test_step_begin": ("batch_idx",),
    "cb_on_test_step_end": ("batch_idx", "loss"),
}
"""Every event with its keyword arguments besides `trainer`."""

FORMER_NAMES: Mapping[str, str] = {
    event: event.replace("cb_on_dev_", "cb_on_val_")
    for event in EVENTS
    if event.startswith("cb_on_dev_")
}
"""Events that an earlier generation of callbacks knows by another name."""


class TrainerView(Protocol):
    """What hooks may rely on: the public face of `ModularTaskTrainer`."""

    output_directory: Path
    data: AbstractDataset
    model: AbstractModel
    optimizer: torch.optim.Optimizer
    criterion: torch.nn.Module
    scheduler: Any
    loggers: list[Any]
    callbacks: list[Any]
    initial_iteration: int
    best_iteration: int
    max_dev_metric: float

    @property
    def cfg(self) -> DictConfig:
        """Configuration of the run."""

    @property
    def config(self) -> RunConfig:
        """The same, read into sections."""

    @property
    def metrics(self) -> pd.DataFrame:
        """A row for every evaluated iteration, indexed by it."""

    def stop(self, reason: str = "") -> None:
        """End training with the iteration in progress; the run is tested and counts as finished."""


class CallbackSignature:
    """All hooks with their arguments. Copy the ones you need; nothing has to inherit from this.

    Datasets, models, optimizers, schedulers, criterions, loggers and everything in the `callbacks`
    list of the configuration take part in a run by having methods of these names. Arguments are
    passed by keyword. Objects are called in this order: dataset, model, optimizer, scheduler,
    criterion, loggers, callbacks; `CallbackMixin.order` changes it for one method.

    The names `cb_on_val_begin`, `cb_on_val_end(iteration, val_results)`, `cb_on_val_step_begin` and
    `cb_on_val_step_end` work as well; where an object has both, only the `dev` one is called.
    """

    def cb_on_train_begin(self, trainer: TrainerView) -> None:
        """Called once, before the first iteration."""

    def cb_on_train_end(self, trainer: TrainerView) -> None:
        """Called once, when every file of the run is on disk."""

    def cb_on_iteration_begin(self, trainer: TrainerView, iteration: int) -> None:
        """Called before each epoch, or before the first step of each evaluation period.

        Args:
            trainer: The trainer.
            iteration: The epoch, or the first step of the period; both count from 1.
        """

    def cb_on_iteration_end(
        self, trainer: TrainerView, iteration: int, metrics: dict[str, float]
    ) -> None:
        """Called after each evaluated iteration, after `cb_on_dev_end`.

        Args:
            trainer: The trainer.
            iteration: The evaluated epoch or step.
            metrics: Dev metrics, `train_loss` and `dev_loss`.
        """

    def cb_on_step_begin(self, trainer: TrainerView, iteration: int, batch_idx: int) -> None:
        """Called before each optimizer step, when the batch is on the device.

        Args:
            trainer: The trainer.
            iteration: The epoch, or the step.
            batch_idx: Position of the batch in the epoch, or in the evaluation period.
        """

    def cb_on_step_end(
        self, trainer: TrainerView, iteration: int, batch_idx: int, loss: float
    ) -> None:
        """Called after each optimizer step; fetching the loss waits for the device.

        Args:
            trainer: The trainer.
            iteration: The epoch, or the step.
            batch_idx: Position of the batch in the epoch, or in the evaluation period.
            loss: Mean loss of the batch.
        """

    def cb_on_loader_exhausted(self, trainer: TrainerView, iteration: int) -> None:
        """Called whenever all training samples have been seen once more.

        Args:
            trainer: The trainer.
            iteration: The epoch that ended, or the step that opens the next pass.
        """

    def cb_on_dev_begin(self, trainer: TrainerView, iteration: int) -> None:
        """Called before the dev set is evaluated.

        Args:
            trainer: The trainer.
            iteration: The evaluated epoch or step.
        """

    def cb_on_dev_end(
        self, trainer: TrainerView, iteration: int, dev_results: dict[str, float]
    ) -> None:
        """Called after the dev set has been evaluated and the best state updated.

        Args:
            trainer: The trainer.
            iteration: The evaluated epoch or step.
            dev_results: Dev metrics, `train_loss` and `dev_loss`.
        """

    def cb_on_dev_step_begin(self, trainer: TrainerView, batch_idx: int) -> None:
        """Called before each dev batch.

        Args:
            trainer: The trainer.
            batch_idx: Position of the batch in the dev set.
        """

    def cb_on_dev_step_end(self, trainer: TrainerView, batch_idx: int, loss: float) -> None:
        """Called after each dev batch; fetching the loss waits for the device.

        Args:
            trainer: The trainer.
            batch_idx: Position of the batch in the dev set.
            loss: Mean loss of the batch.
        """

    def cb_on_test_begin(self, trainer: TrainerView) -> None:
        """Called before the test set is evaluated with the best state."""

    def cb_on_test_end(self, trainer: TrainerView, test_results: dict[str, float]) -> None:
        """Called after the test set has been evaluated.

        Args:
            trainer: The trainer.
            test_results: `test_loss`, then every metric with the prefix `test_`.
        """

    def cb_on_test_step_begin(self, trainer: TrainerView, batch_idx: int) -> None:
        """Called before each test batch.

        Args:
            trainer: The trainer.
            batch_idx: Position of the batch in the test set.
        """

    def cb_on_test_step_end(self, trainer: TrainerView, batch_idx: int, loss: float) -> None:
        """Called after each test batch; fetching the loss waits for the device.

        Args:
            trainer: The trainer.
            batch_idx: Position of the batch in the test set.
            loss: Mean loss of the batch.
        """
