"""`autrainer train`: trains every combination of the main configuration."""

from __future__ import annotations

import functools
import logging
import os
import sys
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from autrainer.cli.errors import CommandLineError
from autrainer.cli.signal_exit import installed
from autrainer.cli.sweep_table import sweep_table
from autrainer.config.hydra.compose import HOOKS, SweepHooks, launch, main
from autrainer.config.hydra.overrides import UnsupportedFlagError
from autrainer.errors import AutrainerError
from autrainer.runs.finished import is_finished, tidy_up
from autrainer.runs.layout import ERROR_FILE, MULTIRUN_FILE
from autrainer.runs.process.ending_runs import settle_runs
from autrainer.runs.process.streams import lenient

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Iterator, Sequence

    from omegaconf import DictConfig

    from autrainer.config.hydra.outcomes import Outcome
    from autrainer.config.hydra.sweep_points import Point
    from autrainer.config.plain import Plain
    from autrainer.config.schema.problems import Origin
    from autrainer.config.schema.run import RunConfig
    from autrainer.launching.slurm.slurm_sweep import SlurmSweep
    from autrainer.launching.sweep_pool import SweepPool
    from autrainer.searching.result import SearchResult

log = logging.getLogger(__name__)

JOB_LOG = "autrainer.runs.process.logfile.JobLog"
POOL_LOG = "autrainer.launching.worker.PoolLog"

LAST_RUN_S = 10.0
"""Who ends the command between two runs waits so long for the one before, whose plots are drawn."""


def run(parser: ArgumentParser | None, arguments: list[str], config_name: str = "config") -> None:
    """Run the sweep that these arguments describe.

    Raises:
        CommandLineError: if they cannot be used.
        SystemExit: if a job failed; why is on stderr.
    """
    from autrainer.runs.process.run_process import process_of
    from autrainer.runs.process.slurm_step import slurm_variables

    os.environ.update(slurm_variables(os.environ))
    process = process_of(os.environ)
    if process is None or process.is_alone:
        _launch(parser, train_run, arguments, config_name)
        return
    from autrainer.training.ranks.torchrun import follow, leading

    if not process.is_main:
        follow(process)
        return
    with leading(process):
        _launch(parser, train_run, arguments, config_name)


def outcomes_of(arguments: list[str]) -> list[Outcome]:
    """Run the sweep that these arguments describe, and return how its runs ended.

    Raises:
        CommandLineError: if they cannot be used, or Hydra has told on stderr what is wrong.
    """
    outcomes: list[Outcome] = []

    def report(told: list[Outcome]) -> None:
        outcomes.extend(told)
        _report(told)

    @functools.wraps(train_run)
    def task(config: DictConfig) -> float:
        return train_run(config)

    setattr(task, HOOKS, replace(_HOOKS, report=report, tells_failures=False))
    try:
        _launch(None, task, arguments, "config")
    except SystemExit as error:
        if error.code and not any(outcome.error for outcome in outcomes):
            raise CommandLineError(None, "Hydra has refused this; why is on stderr", 1) from error
    return outcomes


def _launch(
    parser: ArgumentParser | None, task: Any, arguments: list[str], config_name: str
) -> None:
    from autrainer.plotting.renderer import shared_renderer
    from autrainer.runs.process.logfile import one_sweep
    from autrainer.runs.process.signals import save_signals_ignored
    from autrainer.runs.process.time_limit import one_command

    try:
        with (
            one_command(),
            shared_renderer(),
            save_signals_ignored(),
            _logs_that_fail_are_silent(),
            one_sweep(),
        ):
            launch(task, arguments, config_name)
    except UnsupportedFlagError as error:
        raise CommandLineError(parser, str(error), 2) from error
    except AutrainerError as error:
        raise CommandLineError(parser, str(error), 1) from error


@contextmanager
def _logs_that_fail_are_silent() -> Iterator[None]:
    """On a full disk each line of a log would be a traceback; the end reports it."""
    before, logging.raiseExceptions = logging.raiseExceptions, False
    try:
        yield
    finally:
        logging.raiseExceptions = before


def _read(plain: Plain, sources: Origin) -> RunConfig:
    """The configuration of a run; what is wrong with it is told before anything heavy comes."""
    from autrainer.config.schema.run import RunConfig

    config = RunConfig.read(plain, sources)
    if config.saving.outputs_format != "csv":
        from autrainer.runs.writing.tables import require_library

        require_library(config.saving.outputs_format)
    return config


def _check_classes(points: Sequence[Point], pool: SweepPool | SlurmSweep | None = None) -> None:
    """Check the classes that the points of a sweep name before the first of them trains."""
    from autrainer.launching.task import check_classes, find_problems

    check_classes(points, find_problems if pool is None else pool.find_problems)


def _pool(points: Sequence[Point]) -> SweepPool | SlurmSweep | None:
    """What the points of a sweep ask to be trained by, if it is not this process."""
    if not any(point.run is not None and point.run.sweep.asks_for_pool for point in points):
        return None
    from autrainer.launching.sweep_pool import pool_of

    return pool_of(points)


def _guard_logs(composed: DictConfig) -> None:
    """Let the log of the job wait until it is known whether another process works on its folder."""
    from omegaconf import OmegaConf, open_dict

    logs: Any = OmegaConf.to_container(composed.hydra.job_logging, resolve=False)
    for name, handler in (logs.get("handlers") or {}).items():
        is_of_job = str(handler.get("filename", "")).startswith("${hydra.runtime.output_dir}/")
        if is_of_job and handler.get("class") == "logging.FileHandler":
            with open_dict(composed):
                composed.hydra.job_logging.handlers[name]["class"] = JOB_LOG


def _log_to_pool(composed: DictConfig) -> None:
    """Let what the job of a worker would print by its log be shown by the pool."""
    from omegaconf import OmegaConf, open_dict

    logs: Any = OmegaConf.to_container(composed.hydra.job_logging, resolve=False)
    for name, handler in (logs.get("handlers") or {}).items():
        if handler.get("class") == "logging.StreamHandler":
            with open_dict(composed):
                composed.hydra.job_logging.handlers[name] = {"class": POOL_LOG}


def _watch(outcomes: Callable[[], list[Outcome]]) -> None:
    """Let a signal that ends the process between two runs be followed by the table.

    From here on other commands may be at work on the sweep too.
    """
    handlers = installed()
    if handlers is not None:
        handlers.last_words = lambda: _say_how_far(outcomes)
    from autrainer.launching.task import shared_runs
    from autrainer.runs.elsewhere import SharedRuns

    runs = [outcome.directory for outcome in outcomes()]
    if len(runs) > 1:
        shared_runs.set(SharedRuns(runs[0].parent / MULTIRUN_FILE))


def _say_how_far(outcomes: Callable[[], list[Outcome]]) -> None:
    settle_runs(LAST_RUN_S)
    _print_table(outcomes())


def _report(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.state == "finished before":
            tidy_up(outcome.directory)
    _print_table(outcomes)
    from autrainer.launching.task import shared_runs

    shared_runs.set(None)
    handlers = installed()
    if handlers is not None:
        handlers.last_words = None


def _print_table(outcomes: list[Outcome]) -> None:
    stdout = lenient(sys.stdout)
    for line in sweep_table(outcomes):
        print(line, file=stdout)


def _report_search(result: SearchResult) -> None:
    """Say what a search has found, and where it has written more."""
    from autrainer.cli.search_report import search_lines

    stdout = lenient(sys.stdout)
    for line in search_lines(result):
        print(line, file=stdout)


def train_run(config: DictConfig) -> float:
    """Train one configuration in the run folder that Hydra made for it.

    Returns:
        The best value of the tracking metric on the dev set, for sweepers that optimise it.
    """
    from autrainer.launching.task import train_composed

    return train_composed(config)


_HOOKS = SweepHooks(
    check=_read,
    before_launch=_check_classes,
    pool=_pool,
    log_to_pool=_log_to_pool,
    prepare_job=_guard_logs,
    watch=_watch,
    report=_report,
    report_search=_report_search,
    is_finished=is_finished,
    record=ERROR_FILE,
)
main("config", hooks=_HOOKS)(train_run)
