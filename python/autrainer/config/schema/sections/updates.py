"""How the weights are updated."""

from __future__ import annotations

from dataclasses import dataclass

from autrainer.config.schema.kinds import count, flag, one_of, or_null, positive, share
from autrainer.config.schema.reading import Reader, key, options, required
from autrainer.config.schema.sections.training import TrainingSection

SWA_START = 0.75
"""Share of the iterations that pass before `swa` begins, unless it says so."""


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
class SWASection:
    """The mean of the weights at the end of some iterations, evaluated in place of the model.

    Args:
        start: Share of the iterations that pass before the first weights are taken.
        last: Take so many weights instead, those of the last iterations.
        best: Take so many weights instead, those of the best iterations, when training has ended.
        average_buffers: Average floating-point buffers instead of copying them.
    """

    start: float | None = key(or_null(share, "for 0.75"), None)
    last: int | None = key(or_null(count, "for `start`"), None)
    best: int | None = key(or_null(count, "for `start`"), None)
    average_buffers: bool = key(flag, True)

    def first_iteration(self, iterations: int, eval_frequency: int) -> int:
        """The first iteration whose weights are taken.

        >>> SWASection().first_iteration(20, 1)
        16
        >>> SWASection(last=3).first_iteration(1000, 300)
        600
        """
        if self.last is None:
            return int((SWA_START if self.start is None else self.start) * iterations) + 1
        before_end = range(eval_frequency, iterations, eval_frequency)
        return iterations if self.last == 1 else before_end[1 - self.last]


@dataclass(frozen=True)
class UpdateSection:
    """How the weights are updated, and what keeps updates within bounds.

    Args:
        on_nonfinite: What a loss that is not finite is: an `error`, a step to `skip`, or nothing
            (`ignore`).
        precision: The numbers that the model computes with: `fp32`, `bf16` or `fp16`.
        matmul_precision: Products of float32 matrices: `highest`, `high` (TF32 on CUDA) or `medium`
            (bfloat16), as for `torch.set_float32_matmul_precision`; None for `highest` in a
            reproducible run and `high` in others.
        micro_batch_size: Samples that go through the model at once, where a whole batch takes too
            much memory; the update is the same. None for a whole batch.
        max_grad_norm: Largest norm of all gradients together; larger ones are scaled down. None for
            any.
        max_grad_value: Largest absolute value of a gradient; larger ones are cut. None for any.
        ema: Evaluate an exponential moving average of the weights: its decay, such as 0.999, or a
            mapping; None for none.
        swa: Evaluate the mean of the weights of the last or best iterations: the share of the
            iterations that pass before, such as 0.75, or a mapping; None for none.
    """

    on_nonfinite: str = key(one_of("error", "skip", "ignore"), "error")
    precision: str = key(one_of("fp32", "bf16", "fp16"), "fp32")
    matmul_precision: str | None = key(
        or_null(one_of("highest", "high", "medium"), "to have it follow from `reproducible`"), None
    )
    # The update is the same up to rounding: what runs out of memory goes on with a smaller one.
    micro_batch_size: int | None = key(or_null(count, "for the whole batch"), None, makes_run=False)
    max_grad_norm: float | None = key(or_null(positive, "for no limit"), None)
    max_grad_value: float | None = key(or_null(positive, "for no limit"), None)
    ema: EMASection | None = options(EMASection, shorthand="decay")
    swa: SWASection | None = options(SWASection, shorthand="start")

    @property
    def has_average_beside(self) -> bool:
        """Whether a second model with averaged weights goes along while the run trains."""
        return self.ema is not None or (self.swa is not None and self.swa.best is None)

    @property
    def num_best(self) -> int | None:
        """How many of the best weights are averaged at the end; None if none are."""
        return None if self.swa is None else self.swa.best

    @classmethod
    def read(cls, reader: Reader, training: TrainingSection) -> UpdateSection:
        """Read it; of two averages of the weights one can be evaluated.

        Args:
            reader: Has the configuration, and takes note of what is wrong with it.
            training: How the run trains.
        """
        section = reader.section(cls)
        if section.ema is not None and section.swa is not None:
            reader.refuse("swa", "is given beside ema", "one average is evaluated; remove one")
        if section.swa is not None:
            _check_weights(reader, section.swa, training)
        return section


def _check_weights(reader: Reader, swa: SWASection, training: TrainingSection) -> None:
    """Look which weights the mean is made of: one key says that, and they have to be there."""
    given = [name for name in ("start", "last", "best") if getattr(swa, name) is not None]
    if len(given) > 1:
        *names, last = [f"`{name}`" for name in given]
        reader.refuse("swa", f"has {', '.join(names)} and {last}", "keep one of them")
        return
    for name in ("last", "best"):
        number = getattr(swa, name)
        if number is not None:
            _refuse_too_many(reader, f"swa.{name}", number, training)


def _refuse_too_many(reader: Reader, key: str, number: int, training: TrainingSection) -> None:
    iterations, every = training.iterations, training.eval_frequency
    # What is wrong with these two is told on its own.
    if not (iterations and every):
        return
    evaluations = -(-iterations // every)
    if number > evaluations:
        reader.refuse(
            key,
            f"is {number}, but the run is evaluated {evaluations} times",
            f"use at most {evaluations}, or train and evaluate more often",
        )
