"""The runs of a sweep as jobs of SLURM: what is submitted, and what is at work already."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autrainer.config.hydra.outcomes import Outcome
from autrainer.config.hydra.pools import Compose, Report, SearchProgress, WorkerPool
from autrainer.config.schema.sections.clusters import SlurmSection
from autrainer.errors import ConfigError
from autrainer.launching.job_runner import setup_here
from autrainer.launching.jobs import Job
from autrainer.launching.live_table import LiveTable
from autrainer.launching.messages import Setup, Train
from autrainer.launching.slurm.cluster import Cluster, Resources, SlurmCluster, array_of
from autrainer.launching.slurm.job_table import JobTable, folder_of_jobs
from autrainer.launching.slurm.pack import PackedRun, RunPack
from autrainer.launching.slurm.search_pack import SearchPack
from autrainer.launching.sweep_pool import outcome_of
from autrainer.launching.view import View
from autrainer.runs.elsewhere import AT_WORK_ELSEWHERE, SharedRuns
from autrainer.runs.locking.holders import holder_of
from autrainer.runs.process.signals import stops_deferred

if TYPE_CHECKING:
    from autrainer.config.hydra.sweep_points import Point
    from autrainer.config.schema.problems import Problem
    from autrainer.config.schema.run import RunConfig

log = logging.getLogger(__name__)

QUEUED = "queued"

MakeCluster = Callable[[Path, SlurmSection, str], Cluster]


class SlurmSweep:
    """Submits points of a sweep to SLURM.

    It stands where a pool of processes stands otherwise.

    Args:
        section: What jobs ask for.
        points: The points that are to be trained.
        make_cluster: Makes what jobs are submitted to.

    Raises:
        ConfigError: if they cannot be trained by jobs.
        AutrainerError: if there is no SLURM here, or no submitit.
    """

    logs_to_pool = False
    """Jobs log on a stream of their own."""

    def __init__(
        self,
        section: SlurmSection,
        points: Sequence[Point],
        make_cluster: MakeCluster = SlurmCluster,
    ) -> None:
        self._section, self._points = section, points
        self._fails_fast = any(_run(point).sweep.fail_fast for point in points)
        self._shows_table = any(_run(point).training.progress_bar for point in points)
        folder = _folder_of(points)
        self._table = JobTable(folder)
        self._cluster = make_cluster(folder, section, folder.parent.name)

    def start(self, points: Sequence[Point]) -> None:
        """There is nothing to start."""

    def find_problems(self, configs: Sequence[RunConfig]) -> Sequence[list[Problem]]:
        """What is wrong with the classes that each of these configurations names."""
        from autrainer.launching.task import find_problems

        return find_problems(configs)

    def train(
        self,
        points: Sequence[Point],
        composed: Compose,
        report: Report,
        shared: SharedRuns | None = None,
        first: int = 0,
    ) -> None:
        """Submit jobs for points; wait for them if that is asked for.

        Args:
            points: The points.
            composed: Composes a point as a job of this number.
            report: Gets the outcome of each.
            shared: Not needed: the jobs themselves see who has taken a run.
            first: Number of the first point.

        Raises:
            AutrainerError: if SLURM does not take the jobs.
            RunInUseError: if another process is submitting jobs of this experiment.
            RunInterruptedError: if a signal has asked to stop waiting.
        """
        numbered = list(enumerate(points, start=first))
        with self._table.open() as jobs:
            states = self._cluster.states()
            queued, free = [], []
            for number, point in numbered:
                job = jobs.get(point.name, "")
                if job in states:
                    log.info("\t#%d is in the queue: job %s, %s", number, job, states[job].lower())
                    queued.append((number, point))
                elif holder_of(point.directory) is not None:
                    report(Outcome(point.overrides, point.directory, AT_WORK_ELSEWHERE))
                else:
                    free.append((number, point))
            with stops_deferred():
                for pack, job in self._submitted(free, composed):
                    jobs |= dict.fromkeys([point.name for _, point in pack], job)
                    for number, point in pack:
                        told = " ".join(o for o in point.overrides if not o.startswith("hydra."))
                        log.info("\t#%d : %s, job %s", number, told, job)
            outcomes = [
                (number, Outcome(point.overrides, point.directory, QUEUED, job=jobs[point.name]))
                for number, point in sorted([*queued, *free], key=lambda pair: pair[0])
            ]
        self._tell([outcome for _, outcome in outcomes])
        self._hand_over(outcomes, report)

    def search(
        self, work: Callable[[WorkerPool], Mapping[str, str]], progress: SearchProgress
    ) -> None:
        """Submit jobs that search, as many as there is work for; wait if that is asked for.

        Args:
            work: What a job does.
            progress: How far the search is.

        Raises:
            ConfigError: if trials do not ask for the same, or jobs are to have several runs.
            AutrainerError: if SLURM does not take the jobs.
            RunInUseError: if another process is submitting jobs of this search.
            RunInterruptedError: if a signal has asked to stop waiting.
        """
        from autrainer.launching.slurm.search_jobs import SearchJobs

        if self._section.runs_per_job != 1:
            raise ConfigError(
                f"slurm.runs_per_job is {self._section.runs_per_job}, but a job of a search takes "
                "trials until none is left: leave runs_per_job out; slurm.at_once is the number "
                "of jobs"
            )
        kinds = list(dict.fromkeys(_resources(point) for point in self._points))
        if len(kinds) > 1:
            raise ConfigError(
                "launcher is 'slurm', and a job of a search trains all kinds of trials, but "
                "devices, nodes or device differ between them; search these one by one"
            )

        def submit(number: int) -> list[str]:
            packs = [SearchPack(self._setup(), work, **self._limits()) for _ in range(number)]
            return self._cluster.submit(packs, kinds[0])

        jobs = SearchJobs(self._table.folder, self._cluster, progress)
        submitted = jobs.submit(self._section.at_once, submit)
        if submitted:
            self._say_how_to_look()
        if submitted and self._section.wait:
            jobs.wait(submitted)

    def _hand_over(self, queued: Sequence[tuple[int, Outcome]], report: Report) -> None:
        """Report the runs, at once or when they have ended."""
        if not self._section.wait:
            for _, outcome in queued:
                report(outcome)
            return
        from autrainer.launching.slurm.waiting import Waiting

        jobs = {number: self._job(number, outcome) for number, outcome in queued}
        waiting = Waiting(
            [(jobs[number], outcome.job) for number, outcome in queued],
            self._table.folder,
            self._cluster,
            SharedRuns(self._table.path),
            View(len(jobs), LiveTable(is_shown=self._shows_table)),
            fails_fast=self._fails_fast,
        )
        told: set[int] = set()

        def ended(job: Job) -> None:
            told.add(job.number)
            report(outcome_of(job))

        try:
            waiting.wait(ended)
        finally:
            for number, outcome in queued:
                if number not in told:
                    report(outcome)

    def _job(self, number: int, outcome: Outcome) -> Job:
        return Job(number, outcome.overrides, outcome.directory, lambda: None)

    def _submitted(
        self, free: Sequence[tuple[int, Point]], composed: Compose
    ) -> Iterator[tuple[Sequence[tuple[int, Point]], str]]:
        """Submit an array for all runs that ask for the same, and say which job has which runs."""
        kinds = dict.fromkeys(_resources(point) for _, point in free)
        for kind in kinds:
            same = [pair for pair in free if _resources(pair[1]) == kind]
            size = self._section.runs_per_job
            groups = [same[start : start + size] for start in range(0, len(same), size)]
            packs = [self._packed(group, composed) for group in groups]
            yield from zip(groups, self._cluster.submit(packs, kind), strict=True)

    def _packed(self, group: Sequence[tuple[int, Point]], composed: Compose) -> RunPack:
        runs = []
        for number, point in group:
            # Jobs begin in this folder most often, but nothing promises that.
            directory = str(point.directory.absolute())
            config = pickle.dumps(composed(point, number))
            runs.append(PackedRun(point.name, Train(config, directory)))
        return RunPack(self._setup(), runs, **self._limits())

    def _setup(self) -> Setup:
        return setup_here(self._section.cpus or 0)

    def _limits(self) -> dict[str, Any]:
        """What all jobs have to keep to."""
        return {
            "time_s": self._section.time,
            "margin_s": self._section.margin_s,
            "max_timeouts": self._section.max_timeouts,
            "jobs_dir": self._table.folder,
            "fails_fast": self._fails_fast,
        }

    def _tell(self, outcomes: Sequence[Outcome]) -> None:
        """Say how to look at the jobs, and how to cancel them."""
        if not outcomes:
            return
        self._say_how_to_look()
        arrays = array_of([outcome.job for outcome in outcomes])
        log.info("Cancel the jobs:   scancel %s", " ".join(arrays))

    def _say_how_to_look(self) -> None:
        training = self._points[0].directory.parent
        log.info("Look at the runs:  autrainer runs %s --watch", training)

    def __enter__(self) -> SlurmSweep:
        return self

    def __exit__(self, *_: object) -> None:
        return


def _run(point: Point) -> RunConfig:
    assert point.run is not None
    return point.run


def _folder_of(points: Sequence[Point]) -> Path:
    """Where the folders of jobs lie: beside that of the runs.

    Raises:
        ConfigError: if the runs lie in several folders.
    """
    folders = list(dict.fromkeys(point.directory.parent for point in points))
    if len(folders) > 1:
        listed = ", ".join(map(str, folders))
        raise ConfigError(
            f"launcher is 'slurm', but the runs lie in several folders ({listed}); give one "
            "command for each experiment"
        )
    return folder_of_jobs(folders[0].absolute())


def _resources(point: Point) -> Resources:
    """What a run needs.

    Raises:
        ConfigError: if it does not say how many processes it has.
    """
    compute = _run(point).compute
    if not isinstance(compute.devices, int):
        raise ConfigError(
            f"devices is {compute.devices!r}, but a job of SLURM asks for a number of them: give it"
        )
    kind, _, number = compute.device.partition(":")
    if kind == "cuda" and number not in ("", "0"):
        raise ConfigError(
            f"device is {compute.device!r}, but a job of SLURM is given its GPUs: use device=cuda"
        )
    return Resources(compute.devices, kind == "cuda", compute.nodes)
