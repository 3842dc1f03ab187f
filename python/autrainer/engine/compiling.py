"""Compiling a model, in place: its parameters and the keys of its state stay what they are."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from autrainer.engine.interfaces import Batch
from autrainer.engine.precision import Precision
from autrainer.models.base import AbstractModel
from autrainer.runs.stage_clock import COMPILING, StageClock


@dataclass(frozen=True)
class CompileOptions:
    """How a model is compiled; see `torch.compile`.

    Args:
        mode: `default`, `reduce-overhead` (CUDA graphs), `max-autotune`, or
            `max-autotune-no-cudagraphs`; None for that of the backend.
        dynamic: Whether one program serves all shapes. By default each shape has its own, so the
            bits of a batch do not depend on the batches before it, and a run that goes on in the
            middle of a pass ends with the same bits.
        fullgraph: Fail where the model cannot be one graph.
        backend: What makes programs of graphs.
    """

    mode: str | None = None
    dynamic: bool = False
    fullgraph: bool = False
    backend: str = "inductor"


def compile_model(model: torch.nn.Module, options: CompileOptions) -> None:
    """Let calls of a model compile it, when the first batch of each shape comes."""
    model.compile(
        mode=options.mode,
        dynamic=options.dynamic,
        fullgraph=options.fullgraph,
        backend=options.backend,
    )


def count_compiling(precision: Precision, clock: StageClock, *, by_shape: bool) -> None:
    """Count calls that compile to a stage of their own: the first one of each kind.

    In training the rest of the step counts too, in which the backward pass is compiled.

    Args:
        precision: Calls the model.
        clock: Counts time.
        by_shape: Each shape is compiled for itself.
    """
    forward, seen = precision.forward, set()

    def counted(model: AbstractModel, batch: Batch) -> torch.Tensor:
        shape = getattr(batch.features, "shape", None) if by_shape else None
        trains = torch.is_grad_enabled()
        kind = (shape, trains, model.training)
        if kind in seen:
            return forward(model, batch)
        seen.add(kind)
        before = clock.enter(COMPILING)
        output = forward(model, batch)
        if not trains:
            clock.enter(before)
        return output

    precision.forward = counted
