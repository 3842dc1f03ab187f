"""Jobs that Hydra's own launcher runs here: composed as the sweep does, watched, and lightened."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any

from hydra.experimental.callback import Callback
from hydra.types import HydraContext
from omegaconf import DictConfig

from autrainer.config.error_places import sentence
from autrainer.config.hydra.composer import Composer
from autrainer.config.hydra.internals import JobReturn, JobStatus, result_of, runs_here
from autrainer.errors import RunInUseError

log = logging.getLogger(__name__)


class Watch(Callback):
    """Keeps what jobs return. A failure is logged at once, its reason at the end of the sweep.

    Of a job that is over, the memory is given back when the next one starts: until then other
    callbacks of Hydra may look at it.

    Args:
        on_end: Called when a job has ended.
    """

    def __init__(self, on_end: Callable[[], None]) -> None:
        self._on_end = on_end
        self.seen: list[JobReturn] = []

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Drop what is not needed of the job before."""
        if self.seen:
            _lighten(self.seen[-1])

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        """Keep what the job has returned, and say it if it has failed."""
        self.seen.append(job_return)
        if job_return.status == JobStatus.FAILED:
            error = result_of(job_return)
            if isinstance(error, RunInUseError):
                log.warning("\t%s", error)
            else:
                log.error("\tfailed: %s", sentence(error))
        self._on_end()


def _lighten(job: JobReturn) -> None:
    """Drop what is not needed of a job that has ended: its configurations and variables.

    The traceback of an error holds all that its functions were working on: model and data.
    """
    job.cfg = job.hydra_cfg = None
    error = result_of(job)
    while isinstance(error, BaseException):
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


class Prepared:
    """Lets Hydra's own launcher compose as the sweep does, and say at once what failed.

    Args:
        launcher: The launcher.
        context: Hydra's loader and callbacks.
        composer: Composes the combinations.
        prepare: Gets each composed configuration.
        on_end: Called when a job has ended.
    """

    def __init__(
        self,
        launcher: Any,
        context: HydraContext,
        composer: Composer,
        prepare: Callable[[Any], None] | None,
        on_end: Callable[[], None],
    ) -> None:
        self.prepare = prepare
        self.launcher = launcher
        self.context = context
        self.composer = composer
        self.watch = Watch(on_end)
        # Others may compose in another process.
        self.applies = runs_here(launcher)

    def __enter__(self) -> list[JobReturn]:
        """What the jobs have returned until now; the list grows."""
        if self.applies:
            self.context.callbacks.callbacks.append(self.watch)
            loader: Any = _Loader(self.context.config_loader, self.composer, self.prepare)
            self.launcher.hydra_context = HydraContext(
                config_loader=loader,
                callbacks=self.context.callbacks,
            )
        return self.watch.seen

    def __exit__(self, *_: object) -> None:
        """Leave the launcher as it was."""
        if self.applies:
            self.launcher.hydra_context = self.context
            self.context.callbacks.callbacks.remove(self.watch)


class _Loader:
    """A config loader that composes the combinations of a sweep, and prepares each."""

    def __init__(
        self, loader: Any, composer: Composer, prepare: Callable[[Any], None] | None
    ) -> None:
        self._loader = loader
        self._composer = composer
        self._prepare = prepare

    def load_sweep_config(
        self, master_config: DictConfig, sweep_overrides: list[str]
    ) -> DictConfig:
        """The configuration of a combination of this sweep."""
        found = self._composer.compose(sweep_overrides)
        if self._prepare is not None:
            self._prepare(found)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
