"""The parts of a run that is only tried: no folder, and the process as it was afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from autrainer.config.schema.run import RunConfig
from autrainer.engine.interfaces import Batches
from autrainer.engine.runtime import Runtime
from autrainer.models.utils import create_model_inputs
from autrainer.runs.environment import set_device
from autrainer.runs.model_summary import summarised
from autrainer.runs.process.global_state import GlobalState
from autrainer.runs.random.seeding import set_reproducibility, set_seed
from autrainer.training.build import Parts, build_parts
from autrainer.training.checks.shapes import Fit


@contextmanager
def parts_tried(config: RunConfig) -> Iterator[Parts]:
    """The parts of a run, ready to be trained; generators and settings are given back.

    Args:
        config: Configuration of the run, checked.

    Raises:
        AutrainerError: if a part cannot be built.
    """
    before = GlobalState.now()
    try:
        set_seed(config.seeds.training)
        set_reproducibility(config.compute.reproducible, config.updates.matmul_precision)
        parts = build_parts(config, Runtime(set_device(config.compute.device)))
        parts.model.train()
        with closed([parts.train_loader, parts.dev_loader, parts.test_loader]):
            yield parts
    finally:
        before.restore()


def mult_adds_of(config: RunConfig, parts: Parts) -> int | None:
    """Multiplications and additions of the model for one sample, which say how many threads a run
    takes; None if they are unknown.
    """
    fit = Fit(
        config.dataset, config.model, parts.data, parts.criterion, parts.dev_loader, parts.device
    )
    table = summarised(parts.model, create_model_inputs(parts.model, fit.sample()))
    return None if table is None else int(table.total_mult_adds)


@contextmanager
def closed(loaders: Sequence[Batches]) -> Iterator[None]:
    """After the block the loaders are closed."""
    try:
        yield
    finally:
        for loader in loaders:
            getattr(loader, "close", _nothing)()


def _nothing() -> None:
    """A loader that has nothing to close."""
