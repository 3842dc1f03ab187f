"""How the weights are updated."""

from __future__ import annotations

from dataclasses import dataclass

from autrainer.config.schema.kinds import count, flag, one_of, or_null, positive, share
from autrainer.config.schema.reading import key, options, required


@dataclass(frozen=True)
class EMASection:
    """An exponential moving average of the weights, which is evaluated in place of the model.

    Args:
        decay: Share that the average keeps of itself at an update.
        warmup: Keep less at first, at update t at most (1 + t) / (10 + t).
        every: Updates between two averages.
        average_buffers: Average floating-point buffers instead of copying them.
    """

    decay: float = required(share, fix="give the share that the average keeps, such as 0.999")
    warmup: bool = key(flag, True)
    every: int = key(count, 1)
    average_buffers: bool = key(flag, False)


@dataclass(frozen=True)
class UpdateSection:
    """How the weights are updated, and what keeps updates within bounds.

    Args:
        on_nonfinite: What a loss that is not finite is: an `error`, a step to `skip`, or nothing
            (`ignore`).
        precision: The numbers that the model computes with: `fp32`, `bf16` or `fp16`.
        micro_batch_size: Samples that go through the model at once, where a whole batch takes too
            much memory; the update is the same. None for a whole batch.
        max_grad_norm: Largest norm of all gradients together; larger ones are scaled down. None for
            any.
        max_grad_value: Largest absolute value of a gradient; larger ones are cut. None for any.
        ema: Evaluate an exponential moving average of the weights: its decay, such as 0.999, or a
            mapping; None for none.
    """

    on_nonfinite: str = key(one_of("error", "skip", "ignore"), "error")
    precision: str = key(one_of("fp32", "bf16", "fp16"), "fp32")
    # The update is the same up to rounding: what runs out of memory goes on with a smaller one.
    micro_batch_size: int | None = key(or_null(count, "for the whole batch"), None, makes_run=False)
    max_grad_norm: float | None = key(or_null(positive, "for no limit"), None)
    max_grad_value: float | None = key(or_null(positive, "for no limit"), None)
    ema: EMASection | None = options(EMASection, shorthand="decay")
