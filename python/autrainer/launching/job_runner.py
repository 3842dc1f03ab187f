"""Trains runs that another process has composed, as jobs of Hydra."""

from __future__ import annotations

import os
import pickle
import signal
import sys
from pathlib import Path
from typing import Any

from autrainer.launching.messages import Ended, Failure, Setup, Train


def setup_here(threads: int = 0, *, ends_later: bool = False) -> Setup:
    """What another process needs to know of this one to train what is composed here.

    Args:
        threads: Threads of its numerical libraries; 0 leaves them as they are.
        ends_later: A run may be written to its end beside the next one.
    """
    from hydra import version

    from autrainer.config.hydra.internals import JobRuntime

    name = JobRuntime.instance().get("name")
    return Setup([*sys.path], [*sys.argv], name, str(version.getbase()), threads, ends_later)


class JobRunner:
    """Runs composed jobs, one after the other.

    Args:
        setup: What this process has in common with the one that has composed them.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._callbacks: Any = None

    def prepare(self) -> None:
        """Import everything that a run needs, and set up Hydra."""
        from hydra import version

        from autrainer.config.hydra.internals import JobRuntime, setup_globals
        from autrainer.launching.task import trainer_class

        setup_globals()
        version.setbase(self._setup.version_base)
        JobRuntime.instance().set("name", self._setup.job_name)
        trainer_class()
        if self._setup.threads:
            _use_threads(self._setup.threads)

    def train(self, task: Train, listener: object = None) -> Ended:
        """Train a run; what it raises is in the result.

        Args:
            task: The run.
            listener: Its hooks are called after those of all others.
        """
        from autrainer.runs.finished import is_finished

        was_finished = is_finished(Path(task.directory))
        try:
            job = self._run(pickle.loads(task.config), listener)
        except KeyboardInterrupt as error:
            code = getattr(error, "exit_code", 128 + signal.SIGINT)
            return Ended("interrupted", signal=code - 128, is_saved=hasattr(error, "exit_code"))
        except BaseException as error:
            # `sys.exit` in code of the user too: it ends a run, and no others.
            return Ended("failed", failure=Failure.of(error))
        if isinstance(job, BaseException):
            return Ended("failed", failure=Failure.of(job))
        return Ended("finished before" if was_finished else "done", value=job)

    def _run(self, config: Any, listener: object) -> Any:
        """What the run has returned, or the error that has ended it."""
        from hydra.types import HydraContext

        from autrainer.config.hydra.internals import Callbacks, result_of, run_composed_job
        from autrainer.launching.task import train_composed

        if self._callbacks is None:
            self._callbacks = Callbacks(config)
        loader: Any = None
        job = run_composed_job(
            task_function=lambda composed: train_composed(composed, listener),
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
            hydra_context=HydraContext(config_loader=loader, callbacks=self._callbacks),
        )
        return result_of(job)


def _use_threads(threads: int) -> None:
    """Let torch compute with so many threads, unless the user has said how many."""
    import torch

    from autrainer.engine.threads import CHOSEN_BY_THE_USER

    if not any(name in os.environ for name in CHOSEN_BY_THE_USER):
        torch.set_num_threads(threads)
