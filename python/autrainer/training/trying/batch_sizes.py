"""Training at growing batch sizes, which leaves nothing behind."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import median

import torch

from autrainer.config.schema.run import RunConfig
from autrainer.engine.interfaces import Batch, Batches
from autrainer.engine.loading import batches_of
from autrainer.engine.threads import intra_op_threads
from autrainer.engine.update import SkippedBatch
from autrainer.errors import message_of
from autrainer.training.build import Parts, build_loaders
from autrainer.training.checks.constructor_errors import is_about_memory
from autrainer.training.trying.parts import closed, mult_adds_of, parts_tried

CLOSE_TO_FASTEST = 0.95
"""A size that makes so much of the most samples a second is as good as the fastest one."""

MEMORY = Path("/proc/meminfo")
STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class SizeTrial:
    """How training went at a batch size.

    Args:
        batch_size: Samples of an update.
        step_s: Median seconds of an update with all that comes before it; None if it failed.
        peak_bytes: Most memory that was in use: of the CUDA device, or of the process. None where
            that is not known.
        problem: Why it failed; None if it did not.
    """

    batch_size: int
    step_s: float | None = None
    peak_bytes: int | None = None
    problem: str | None = None

    @property
    def samples_per_s(self) -> float:
        """Samples that are trained on a second; 0 if it failed."""
        return self.batch_size / self.step_s if self.step_s else 0.0


def suggested(trials: Sequence[SizeTrial]) -> SizeTrial | None:
    """The smallest size that is as good as the fastest one; None if every size failed."""
    fastest = max((trial.samples_per_s for trial in trials), default=0.0)
    if not fastest:
        return None
    return next(t for t in trials if t.samples_per_s >= CLOSE_TO_FASTEST * fastest)


def try_sizes(
    config: RunConfig,
    first: int,
    last: int | None,
    num_steps: int,
    *,
    seen: Callable[[SizeTrial], object],
) -> list[SizeTrial]:
    """Train some steps at each size, doubled until memory is short or a batch is all samples.

    Args:
        config: Configuration of the run, checked.
        first: The first size.
        last: The last size; None for as many as there are training samples.
        num_steps: Steps at each size that are timed; one more comes before.
        seen: Called with each trial when it is done.

    Raises:
        AutrainerError: if a part of the run cannot be built.
        Exception: whatever training raises, but for a lack of memory.
    """
    trials: list[SizeTrial] = []
    with parts_tried(config) as parts:
        num_samples, mult_adds = len(parts.data.train_dataset), mult_adds_of(config, parts)
        size = first
        while size <= min(num_samples, last or num_samples):
            with intra_op_threads(mult_adds, size, parts.device):
                trial = _short(trials, size, parts.device)
                trial = trial or _tried(parts, config, size, num_steps)
            trials.append(trial)
            seen(trial)
            if trial.problem is not None:
                break
            size *= 2
    return trials


def _tried(parts: Parts, config: RunConfig, size: int, num_steps: int) -> SizeTrial:
    training = replace(config.training, batch_size=size)
    loaders = build_loaders(config.loaders, training, parts.data, config.compute.features_cache)
    _forget_peak(parts.device)
    with closed(loaders):
        try:
            steps = islice(_steps(parts, loaders[0], size), num_steps + 1)
            seconds = [_timed(parts, step) for step in steps]
        except Exception as error:
            if not is_about_memory(error):
                raise
            return SizeTrial(size, problem=f"out of memory: {_first_line(error)}")
        finally:
            parts.optimizer.zero_grad()
    if not seconds:
        return SizeTrial(size, problem="a pass has no whole batch of this size")
    return SizeTrial(size, median(seconds[1:]), _peak_bytes(parts.device))


def _steps(parts: Parts, loader: Batches, size: int) -> Iterator[tuple[float, Batch]]:
    """Whole batches of pass after pass, each with the time at which it was asked for.

    A sampler may draw fewer samples than there are: without a whole batch in a pass it ends.
    """
    is_whole = True
    while is_whole:
        is_whole, begun_s = False, time.perf_counter()
        for batch in batches_of(loader, parts.device):
            if batch is not None and len(batch.index) == size:
                is_whole = True
                yield begun_s, batch
            begun_s = time.perf_counter()


def _timed(parts: Parts, step: tuple[float, Batch]) -> float:
    """Seconds from asking for a batch to the end of its update."""
    begun_s, batch = step
    probabilities_fn = parts.data.target_transform.probabilities_training
    batch = parts.mover("train")(batch)
    with suppress(SkippedBatch):
        parts.update.step(parts.model, batch, parts.criterion, probabilities_fn)
    if parts.device.type == "cuda":
        torch.cuda.synchronize(parts.device)
    return time.perf_counter() - begun_s


def _short(trials: Sequence[SizeTrial], size: int, device: torch.device) -> SizeTrial | None:
    """A failed trial if twice as much memory as the last size took is not there.

    On the CPU a process that takes too much is ended by the system, without an error.
    """
    free = _number_of(MEMORY, "MemAvailable:") if device.type == "cpu" else None
    if free is None or len(trials) < 2:
        return None
    last, before = trials[-1].peak_bytes, trials[-2].peak_bytes
    if last is None or before is None:
        return None
    needed = 2 * max(last - before, 0)
    if needed < free:
        return None
    return SizeTrial(
        size, problem=f"needs about {needed / 1e9:.1f} GB more, {free / 1e9:.1f} are free"
    )


def _forget_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def _peak_bytes(device: torch.device) -> int | None:
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return _number_of(STATUS, "VmHWM:") if device.type == "cpu" else None


def _number_of(file: Path, name: str) -> int | None:
    """Bytes that Linux tells under a name; None elsewhere."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith(name)]
    return 1024 * int(found[0]) if found else None


def _first_line(error: BaseException) -> str:
    lines = message_of(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
