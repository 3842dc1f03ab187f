"""`autrainer.main`: makes a function a Hydra application that composes our configurations.

What Hydra finds, in this order: its own configurations, a folder given as `config_path`, the
user's folder (`-cd`, else `./conf`), the packaged one. The last two are frozen in memory for as
long as the command runs.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autrainer.config.hydra.logs import loggers_kept
from autrainer.config.hydra.overrides import Arguments, UnsupportedFlagError, split_arguments
from autrainer.config.hydra.pools import PointPool
from autrainer.config.plain import Plain
from autrainer.errors import AutrainerError, ConfigError
from autrainer.runs.layout import TABLE
from autrainer.runs.process.notebook import in_notebook

if TYPE_CHECKING:
    from autrainer.config.schema.problems import Origin
    from autrainer.config.schema.run import RunConfig

Task = Callable[..., Any]
Check = Callable[[Plain, "Origin"], "RunConfig | None"]


def _has_table(folder: Path) -> bool:
    return (folder / TABLE).is_file()


@dataclass(frozen=True)
class SweepHooks:
    """What a task wants from the sweep that calls it.

    Args:
        own_folders: Every run has a folder of its own; runs that would share one are refused.
        check: Reads a configuration; raises an `AutrainerError` for one that cannot run. It gets
            the configuration, resolved and in plain form, and what knows which file sets a key.
        before_launch: Raises an `AutrainerError` if one of the configurations that are about to
            run cannot; it may import what the runs need. Gets the pool too, if they run in one.
            Only asked where they run here, or in a pool.
        pool: The pool of processes that is to run these combinations, or None where they run here.
        log_to_pool: Gets what `prepare_job` gets, before a pool runs it.
        prepare_job: Gets the composed configuration of a run with its `hydra` node, and may change
            that, before Hydra sets up the job. Only called where the run takes place here.
        watch: Gets, before the first run, a function that tells the outcomes at any moment. Only
            called where the runs take place here.
        report: Gets the outcomes of all runs after a sweep.
        report_search: Gets the result of a search after its `report`.
        is_finished: Whether a run folder holds a run that need not run again.
        tells_failures: Write to stderr why runs have failed.
        record: Name of the file in a run folder that holds the traceback of a run that failed.
        collect: Gets the combinations, and none of them runs.
        refused: Gets the overrides of a combination that cannot be composed or read, and why; it
            gives the overrides to go on with, or None to leave the combination out. Without it the
            first of them ends the sweep.
    """

    own_folders: bool = True
    check: Check | None = None
    before_launch: Callable[..., None] | None = None
    pool: Callable[[Sequence[Any]], PointPool | None] | None = None
    log_to_pool: Callable[[Any], None] | None = None
    prepare_job: Callable[[Any], None] | None = None
    watch: Callable[[Callable[[], list[Any]]], None] | None = None
    report: Callable[[list[Any]], None] | None = None
    report_search: Callable[[Any], None] | None = None
    is_finished: Callable[[Path], bool] = _has_table
    tells_failures: bool = True
    record: str | None = None
    collect: Callable[[Sequence[Any]], object] | None = None
    refused: Callable[[Sequence[str], ConfigError], Sequence[str] | None] | None = None


HOOKS = "autrainer_hooks"
command_line: ContextVar[tuple[str, ...]] = ContextVar("command_line", default=())


def main(
    config_name: str,
    config_path: str | None = None,
    version_base: str | None = None,
    *,
    hooks: SweepHooks | None = None,
) -> Callable[[Task], Callable[..., Any]]:
    """Decorator that runs a function with the configurations that the command line describes.

    Args:
        config_name: Name of the main configuration.
        config_path: Folder with configurations beside the script, before all others.
        version_base: As in `hydra.main`; None means the present defaults of Hydra.
        hooks: What the sweep does around the runs.

    Returns:
        A decorator. The decorated function reads `sys.argv`; called with a configuration it runs
        with that one.
    """

    def decorate(task: Task) -> Callable[..., Any]:
        setattr(task, HOOKS, hooks or SweepHooks())

        @functools.wraps(task)
        def decorated(config: Any = None) -> Any:
            if config is not None:
                return task(config)
            try:
                launch(task, sys.argv[1:], config_name, config_path, version_base)
            except AutrainerError as error:
                sys.stderr.write(f"{error}\n")
                raise SystemExit(1) from error
            return None

        return decorated

    return decorate


def launch(
    task: Task,
    arguments: Sequence[str],
    config_name: str,
    config_path: str | None = None,
    version_base: str | None = None,
) -> None:
    """Run a task with the configurations that these arguments describe.

    Raises:
        ConfigError: if the configuration or one of its combinations cannot be used.
        SystemExit: if a job fails; why is on stderr.
    """
    from autrainer.config.hydra.snapshot import frozen

    split = split_arguments(arguments)
    with _surroundings(), loggers_kept(), frozen(_user_dir(split)) as snapshots:
        hydra_arguments = split.normalized(split.config_name or config_name, snapshots)
        token = command_line.set(tuple(hydra_arguments))
        try:
            _run(task, hydra_arguments, config_name, config_path, version_base)
        finally:
            command_line.reset(token)


def _user_dir(split: Arguments) -> Path | None:
    folder = split.config_dir or Path("conf")
    return folder.absolute() if folder.is_dir() else None


@contextmanager
def _surroundings() -> Iterator[None]:
    """Modules of the working directory are importable, and figures need no display."""
    path, backend = list(sys.path), os.environ.get("MPLBACKEND")
    if backend is None and not in_notebook():
        os.environ["MPLBACKEND"] = "Agg"
    sys.path.insert(0, os.getcwd())
    try:
        yield
    finally:
        sys.path[:] = path
        if backend is None:
            os.environ.pop("MPLBACKEND", None)


def _run(
    task: Task,
    arguments: list[str],
    config_name: str,
    config_path: str | None,
    version_base: str | None,
) -> None:
    from hydra import main as hydra_main
    from hydra import version
    from hydra.core.hydra_config import HydraConfig

    from autrainer.config.hydra.internals import get_args_parser

    parsed, unknown = get_args_parser().parse_known_args(arguments)
    if unknown:
        raise _unknown_flag(unknown[0])
    hydra_config = HydraConfig.instance()
    before = hydra_config.cfg
    plain = ("overrides", "config_name", "multirun")
    try:
        if any(value for key, value in vars(parsed).items() if key not in plain):
            # Help, --cfg, --info and so on: all of it Hydra's.
            with _argv([sys.argv[0], *arguments]):
                hydra_main(config_path, config_name, version_base)(task)()
            return
        version.setbase(version_base)
        name = parsed.config_name or config_name
        _sweep(task, parsed.overrides, name, config_path, parsed.multirun)
    finally:
        hydra_config.cfg = before


def _unknown_flag(flag: str) -> UnsupportedFlagError:
    name, equals, value = flag.lstrip("-").partition("=")
    return UnsupportedFlagError(
        f"there is no flag {flag.partition('=')[0]!r}; a key of the configuration is set by "
        f"{name.replace('-', '_')}={value if equals else 'VALUE'}"
    )


def _sweep(
    task: Task, overrides: list[str], config_name: str, config_path: str | None, multirun: bool
) -> None:
    """As `hydra.main`, but the main configuration is composed once instead of twice."""
    from hydra.types import RunMode

    from autrainer.config.hydra.internals import application as application_of

    def run(application: Any) -> None:
        composed = _compose(application, config_name, overrides)
        if composed.hydra.mode == RunMode.MULTIRUN or multirun:
            with _composed_already(application, composed):
                application.multirun(config_name, task, overrides)
        else:
            with _prepared(application, task):
                application.run(config_name, task, overrides)

    with application_of(task, config_path) as application:
        _reported(lambda: run(application))


def _compose(application: Any, config_name: str, overrides: list[str]) -> Any:
    """The main configuration.

    Raises:
        ConfigError: if it does not compose, with the near matches of a misspelt name.
    """
    from hydra.errors import CompactHydraException
    from hydra.types import RunMode

    from autrainer.config.hydra.unknown_names import explained, explained_value, refuse_params

    try:
        composed = application.compose_config(
            config_name=config_name,
            overrides=overrides,
            run_mode=RunMode.MULTIRUN,
            with_log_configuration=True,
        )
    except CompactHydraException as error:
        loader = application.config_loader
        raise explained(error, loader, config_name, overrides) from error
    except AutrainerError:
        raise
    except RecursionError as error:
        raise ConfigError(
            f"the defaults of {config_name} lead back to a configuration that is being composed; "
            "no configuration can be built on itself"
        ) from error
    except ValueError as error:
        raise explained_value(error, overrides) from error
    refuse_params(composed)
    return composed


def _reported(run: Callable[[], None]) -> None:
    """Let Hydra tell about all errors but ours.

    Raises:
        AutrainerError: whatever the task or the sweep raised of ours.
        SystemExit: after any other error.
    """
    from autrainer.config.hydra.internals import run_and_report

    def reraise(error: Exception) -> None:
        raise error

    try:
        run()
    except AutrainerError:
        raise
    except Exception as error:
        caught = error
        run_and_report(lambda: reraise(caught))


@contextmanager
def _composed_already(application: Any, composed: Any) -> Iterator[None]:
    application.compose_config = lambda **_: composed
    try:
        yield
    finally:
        del application.compose_config


@contextmanager
def _prepared(application: Any, task: Task) -> Iterator[None]:
    """Let the task prepare its only job, as a sweep does with each of several."""
    prepare = getattr(task, HOOKS).prepare_job
    compose = application.compose_config

    def composed(**arguments: Any) -> Any:
        config = compose(**arguments)
        if prepare is not None:
            prepare(config)
        return config

    application.compose_config = composed
    try:
        yield
    finally:
        del application.compose_config


@contextmanager
def _argv(argv: list[str]) -> Iterator[None]:
    before, sys.argv = sys.argv, argv
    try:
        yield
    finally:
        sys.argv = before
