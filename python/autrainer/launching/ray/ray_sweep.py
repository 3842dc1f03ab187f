"""A pool for the points of a sweep whose workers are tasks of Ray."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from autrainer.config.schema.sections.clusters import RaySection
from autrainer.config.schema.sections.training import AUTO
from autrainer.errors import ConfigError
from autrainer.launching.live_table import LiveTable
from autrainer.launching.pool import Pool
from autrainer.launching.ray.ray_workers import RayTasks
from autrainer.launching.slots import Slot, SlotTable
from autrainer.launching.sweep_pool import SweepPool
from autrainer.launching.view import View
from autrainer.runs.process.run_process import process_of

if TYPE_CHECKING:
    from autrainer.config.schema.run import RunConfig


def ray_pool_of(configs: Sequence[RunConfig], section: RaySection | None) -> RaySweepPool:
    """The pool that these runs ask for; Ray is there when it is returned.

    Args:
        configs: The runs.
        section: Where Ray is, and what a run asks for.

    Raises:
        ConfigError: if the runs differ in what they ask for, or name a GPU by its number.
        MissingExtraError: if Ray is not installed.
        AutrainerError: if it cannot be reached or started.
    """
    section = section or RaySection()
    processes, on_gpus = _asked(configs)
    tasks = RayTasks(section, processes, on_gpus)
    jobs = configs[0].sweep.jobs
    num = tasks.room() if jobs in (1, AUTO) else int(jobs)
    # Ray decides where a run is; a slot only counts how many there are at once.
    table = SlotTable([Slot(number) for number in range(num)], max(1, int(section.cpus)))
    live = LiveTable(is_shown=any(config.training.progress_bar for config in configs))
    pool = Pool(
        table,
        View(len(configs), live),
        fails_fast=any(config.sweep.fail_fast for config in configs),
        make_worker=tasks.start,
        max_lost=section.max_retries,
        is_fresh=True,
    )
    return RaySweepPool(pool, tasks)


def _asked(configs: Sequence[RunConfig]) -> tuple[int, bool]:
    """Processes of a run, and whether they are on GPUs."""
    asked = {(config.compute.devices, config.compute.device.split(":")[0]) for config in configs}
    if len(asked) > 1:
        raise ConfigError("launcher is 'ray', but devices or device differ between the runs")
    ((processes, kind),) = asked
    if not isinstance(processes, int):
        raise ConfigError(f"devices is {processes!r}, but a task of Ray asks for a number: give it")
    for config in configs:
        if kind == "cuda" and config.compute.device not in ("cuda", "cuda:0"):
            raise ConfigError(
                f"device is {config.compute.device!r}, but Ray gives runs their GPUs: use cuda"
            )
    if process_of(os.environ) is not None:
        raise ConfigError("launcher is 'ray', but torchrun has started the processes")
    return processes, kind == "cuda"


class RaySweepPool(SweepPool):
    """A pool that lets go of Ray at its end.

    Args:
        pool: The pool.
        tasks: Its workers.
    """

    def __init__(self, pool: Pool, tasks: RayTasks) -> None:
        super().__init__(pool)
        self._tasks = tasks

    def __exit__(self, *error: object) -> None:
        try:
            super().__exit__(*error)
        finally:
            self._tasks.close()
