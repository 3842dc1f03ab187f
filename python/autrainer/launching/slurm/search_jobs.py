"""The jobs of a search: how many there are to be, and waiting until they have no more to do."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from autrainer.config.hydra.pools import SearchProgress
from autrainer.errors import AutrainerError, RunFailedError, RunInterruptedError
from autrainer.launching.slurm.cluster import Cluster, array_of
from autrainer.launching.slurm.job_table import JobTable
from autrainer.runs.process.signals import requests_handled, stops_deferred

log = logging.getLogger(__name__)

USUAL_WORKERS = 4
"""Jobs of a search for which `slurm.at_once` says nothing."""
LOOK_EVERY_S = 2.0
ASK_EVERY_S = 20.0
POLL_S = 0.2

Submit = Callable[[int], list[str]]


class SearchJobs:
    """Jobs that search, by numbers that they have as workers of a study.

    Args:
        folder: Where the folders of jobs lie.
        cluster: Where they run.
        progress: How far the search is.
    """

    def __init__(self, folder: Path, cluster: Cluster, progress: SearchProgress) -> None:
        self._cluster, self._progress = cluster, progress
        self._table = JobTable(folder, f"search-{progress.name}.yaml")

    def submit(self, at_once: int | None, submit: Submit) -> list[str]:
        """Submit as many as there is work for, beside those that are there.

        Args:
            at_once: So many work at once; None for the usual number.
            submit: Submits so many, and returns their numbers.

        Returns:
            The numbers of all of them.

        Raises:
            AutrainerError: if SLURM does not take them.
            RunInUseError: if another process is submitting jobs of this search.
        """
        with self._table.open() as jobs:
            there = self._there(jobs)
            work = self._progress.num_left() + self._progress.num_at_work()
            # Those that are at work go on with what is left.
            number = min(at_once or USUAL_WORKERS, work) - len(there)
            if not self._progress.num_left():
                number = 0
            with stops_deferred():
                new = submit(number) if number > 0 else []
                named = {str(place): job for place, job in enumerate([*there, *new])}
                jobs.clear()
                jobs |= named
        self._say(there, new)
        return [*there, *new]

    def _there(self, jobs: Mapping[str, str]) -> dict[str, str]:
        """The states of the jobs of earlier commands that are still to do something."""
        states = self._cluster.states()
        there = [job for job in jobs.values() if job in states]
        return {job: states[job] for job in there if not self._progress.has_left(job)}

    def _say(self, there: Mapping[str, str], new: list[str]) -> None:
        for job, state in there.items():
            log.info("\tjob %s is in the queue: %s", job, state.lower())
        for job in new:
            log.info("\tjob %s: takes trials of %s until none is left", job, self._progress.name)
        if there or new:
            log.info("Cancel the jobs:   scancel %s", " ".join(array_of([*there, *new])))

    def wait(self, jobs: list[str]) -> None:
        """Wait until no trial is left, telling of those that end.

        Args:
            jobs: Numbers of the jobs.

        Raises:
            RunInterruptedError: if a signal has asked to stop waiting; the jobs go on.
            RunFailedError: if all jobs have ended before.
        """
        looked_s = asked_s = float("-inf")
        told, is_there = "", True
        with requests_handled() as requests:
            log.info("Waiting for the trials; Ctrl-C leaves the jobs alone")
            while True:
                if requests.any and requests.stop is not None:
                    log.info("The jobs go on; the same command waits for them again")
                    raise RunInterruptedError(requests.stop, saved=True)
                now_s = time.monotonic()
                if now_s - asked_s >= ASK_EVERY_S:
                    asked_s, is_there = now_s, self._is_any_there(jobs)
                if now_s - looked_s >= LOOK_EVERY_S:
                    looked_s = now_s
                    told = self._tell(told)
                    if self._has_ended(jobs):
                        return
                    if not is_there:
                        raise self._gone()
                time.sleep(POLL_S)

    def _tell(self, told: str) -> str:
        now = str(self._progress)
        if now != told:
            log.info("Study %s: %s", self._progress.name, now)
        return now

    def _has_ended(self, jobs: list[str]) -> bool:
        """Whether nothing is at work, and nobody is to begin anything."""
        if self._progress.num_at_work():
            return False
        return not self._progress.num_left() or all(map(self._progress.has_left, jobs))

    def _is_any_there(self, jobs: list[str]) -> bool:
        """Whether SLURM has a job; where it does not answer, one is taken to be there."""
        try:
            states = self._cluster.states()
        except AutrainerError as error:
            log.warning("SLURM does not answer, and is asked again: %s", error)
            return True
        return any(job in states for job in jobs)

    def _gone(self) -> RunFailedError:
        return RunFailedError(
            f"all jobs of the search have left the queue, and {self._progress.num_left()} trials "
            "are left; what the jobs have printed is in "
            f"{self._table.folder}, and the same command goes on"
        )
