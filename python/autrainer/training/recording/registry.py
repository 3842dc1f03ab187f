"""What of a run is in a state: each part is said once, here, and how large it is on the disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch

from autrainer.config.schema.run import RunConfig
from autrainer.config.schema.sections.loaders import SUBSETS
from autrainer.datasets.base import AbstractDataset
from autrainer.engine.stateful import StatefulParts, StatefulValue
from autrainer.runs.layout import EMA_STATE, MODEL_STATE
from autrainer.runs.state.disk_space import (
    BLOCK_BYTES,
    optimizer_bytes,
    outputs_bytes,
    records_bytes,
)
from autrainer.training.build import Parts
from autrainer.training.checks.conditions import Conditions
from autrainer.training.recording.records import Records, rows_of_pass


def stateful_parts(parts: Parts, records: Records, conditions: Conditions) -> StatefulParts:
    """Everything that changes while a run trains. Callbacks may replace any of it."""
    stop, average = records.stop_request, parts.average
    averaged = EMA_STATE if average is None else f"{average.key}.pt"
    found = StatefulParts()
    found.add(f"states/{MODEL_STATE}", lambda: parts.model, checkpoint=MODEL_STATE)
    found.add(
        "states/optimizer.pt",
        lambda: parts.optimizer,
        checkpoint="optimizer.pt",
        num_bytes=lambda: optimizer_bytes(parts.optimizer),
    )
    found.add("states/scheduler.pt", lambda: parts.scheduler, checkpoint="scheduler.pt")
    found.add(
        f"states/{averaged}",
        lambda: None if average is None else average.model,
        checkpoint=averaged,
        is_new=True,
    )
    found.add(f"{averaged.removesuffix('.pt')}_updates", lambda: _num_averaged(parts), is_new=True)
    found.add("criterion", lambda: parts.criterion)
    found.add("scaler", lambda: parts.precision.scaler, is_new=True)
    found.add("loader", lambda: parts.train_loader)
    found.add("history", lambda: records.history)
    found.add("best", lambda: records.best)
    found.add("timers/train_timer", lambda: records.train_timer)
    found.add("timers/dev_timer", lambda: records.dev_timer)
    found.add("timers/test_timer", lambda: records.test_timer)
    found.add("timers/clock", lambda: records.clock)
    found.add("losses", lambda: records.losses)
    found.add("conditions", lambda: conditions, is_new=True)
    found.add("stop", lambda: StatefulValue(lambda: stop.reason, stop.restore), is_new=True)
    return found


def _num_averaged(parts: Parts) -> StatefulValue[int] | None:
    """How many updates the average of the weights has seen."""
    average = parts.average
    if average is None:
        return None
    return StatefulValue(lambda: average.num_updates, partial(setattr, average, "num_updates"))


def needed_bytes(config: RunConfig, parts: Parts, stateful: StatefulParts) -> int:
    """About how much disk the files of a run will take."""
    rows = {subset: rows_of_pass(parts, subset) for subset in SUBSETS}
    sizes = Sizes(
        stateful.num_bytes(checkpoints_only=True),
        stateful.num_bytes(),
        weights_bytes(parts.model),
        rows,
    )
    return run_bytes(config, parts.data, sizes)


def weights_bytes(model: torch.nn.Module) -> int:
    """How large the state of a model is."""
    return sum(each.nbytes for each in (*model.parameters(), *model.buffers()))


@dataclass(frozen=True)
class Sizes:
    """What the disk that a run needs depends on.

    Args:
        checkpoint: Bytes of what users load of a state: model, optimizer, scheduler.
        state: Bytes of all that a run resumes from.
        weights: Bytes of the weights alone.
        rows: Samples that a pass over each split has.
    """

    checkpoint: int
    state: int
    weights: int
    rows: Mapping[str, int]


def run_bytes(config: RunConfig, data: AbstractDataset, sizes: Sizes) -> int:
    """About how much disk the files of a run of these sizes will take."""
    training, saving = config.training, config.saving
    evaluations = -(-training.iterations // training.eval_frequency)
    saves = -(-training.iterations // saving.save_frequency)
    kept = min(saves, saving.keep_checkpoints or saves)
    # Besides: `_initial` and `_best`, and two rolling states.
    states = (sizes.checkpoint + 2 * BLOCK_BYTES) * (kept + 2)
    states += (sizes.state + BLOCK_BYTES) * 2
    states += (sizes.weights + BLOCK_BYTES) * _num_averaged_files(config)
    outputs = sum(
        outputs_bytes(sizes.rows[subset], data.output_dim) * times
        for subset, times in (("train", evaluations), ("dev", evaluations + 1), ("test", 1))
        if saving.saves_outputs(subset)
    )
    # Regression has results in the unit of the target beside the others.
    num_results = 2 if data.task.endswith("regression") else 1
    return states + outputs + records_bytes(evaluations, num_results=num_results)


def _num_averaged_files(config: RunConfig) -> int:
    """Files of weights for the mean of the best ones, besides those that are kept anyway."""
    training, saving, number = config.training, config.saving, config.updates.num_best
    if number is None:
        return 0
    is_all_kept = saving.keep_checkpoints is None
    if is_all_kept and training.eval_frequency % saving.save_frequency == 0:
        return 1
    # Beside the mean: what has fallen out stands until the run cannot go on from before.
    evaluations = -(-training.iterations // training.eval_frequency)
    return 1 + min(number + 2, evaluations)
