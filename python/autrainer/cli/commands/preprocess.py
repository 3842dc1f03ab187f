"""`autrainer preprocess`: makes the features of all datasets of a configuration, once.

Neither torch nor pandas is imported where nothing is to be made, or the core makes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from autrainer.cli.errors import CommandLineError
from autrainer.config.hydra.collect import collected, distinct, frozen_config
from autrainer.config.hydra.overrides import UnsupportedFlagError
from autrainer.errors import AutrainerError, ConfigError, DataError
from autrainer.preprocessing.extraction import Extract, State, run_job, state_of
from autrainer.preprocessing.jobs import NOT_OF_FEATURES, Job, job_of

if TYPE_CHECKING:
    from argparse import ArgumentParser

SHOWN = 20


def run(
    parser: ArgumentParser | None,
    arguments: list[str],
    config_name: str = "config",
    num_workers: int = 0,
    update_frequency: int = 1,
    check: bool = False,
    force: bool = False,
) -> None:
    """Make the features of all datasets that the main configuration and its sweep name.

    Args:
        parser: Parser of the command.
        arguments: Options of this command, and overrides and flags for Hydra.
        config_name: The main configuration.
        num_workers: How many recordings are worked on at a time, unless code of the user's own does
            it; 0 for as many as there are cores.
        update_frequency: Files between two looks of the progress bar; 0 for none.
        check: Only tell what would be made.
        force: Make everything again.

    Raises:
        CommandLineError: if the configuration cannot be used, or some recordings have no features.
        SystemExit: if Hydra has told on stderr what is wrong.
    """
    from autrainer.cli.parser import preprocess_options

    options, rest = preprocess_options(
        arguments,
        num_workers=num_workers,
        update_frequency=update_frequency,
        check=check,
        force=force,
    )
    if options.num_workers < 0:
        message = f"-n/--num-workers is {options.num_workers}; use 0 for all cores, or a number"
        raise CommandLineError(parser, message, 2)
    failures: dict[str, str] = {}

    def look(configs: Sequence[Mapping[str, Any]]) -> None:
        for name, dataset in distinct(configs, "dataset", ignoring=NOT_OF_FEATURES):
            failures.update(_preprocess(name, dataset, options))

    try:
        collected(rest, config_name, look)
    except UnsupportedFlagError as error:
        raise CommandLineError(parser, str(error), 2) from error
    except (AutrainerError, FileNotFoundError) as error:
        raise CommandLineError(parser, str(error), 1) from error
    if failures:
        raise CommandLineError(parser, _told(failures), 1)


def preprocess_main(
    name: str,
    dataset: Mapping[str, Any],
    preprocess: Mapping[str, Any],
    num_workers: int = 0,
    update_frequency: int = 1,
) -> None:
    """Make the features of one dataset.

    Args:
        name: Its id.
        dataset: Its configuration.
        preprocess: A mapping with `file_handler` and `pipeline`.
        num_workers: How many recordings are worked on at a time, unless code of the user's own does
            it; 0 for as many as there are cores.
        update_frequency: Files between two looks of the progress bar; 0 for none.

    Raises:
        ConfigError: if that is no dataset or no preprocessing.
        DataError: naming the recordings of which no features could be made.
    """
    if num_workers < 0:
        raise ConfigError(f"num_workers is {num_workers}; use 0 for all cores, or a number")
    job = job_of(name, dataset, preprocess)
    state = run_job(job, _extract_of, num_threads=num_workers, update_frequency=update_frequency)
    if state.failures:
        raise DataError(_told(state.failures))


def _preprocess(name: str, dataset: Mapping[str, Any], options: Any) -> Mapping[str, str]:
    """Make the features of a dataset; returns why some could not be made, by recording."""
    chosen = dataset.get("features_subdir")
    config = frozen_config(f"preprocessing/{chosen}") if chosen else None
    if config is None:
        why = f"there is no preprocessing/{chosen}" if chosen else "it has no features_subdir"
        print(f" - {name}: skipping, {why}")
        return {}
    job = job_of(name, dataset, config)
    if options.check:
        state = state_of(job, force=options.force)
        print(f" - {name}: {len(state.missing)} to make in {job.folder}{_beside(state)}")
        return {}
    state = run_job(
        job,
        _extract_of,
        num_threads=options.num_workers,
        update_frequency=options.update_frequency,
        force=options.force,
    )
    print(f" - {name}: {state.made} made in {job.folder}{_beside(state)}")
    return state.failures


def _extract_of(job: Job) -> tuple[Extract, bool]:
    """By the core, without torch, if it can make all of the features."""
    from autrainer.preprocessing.by_core import extract_by_core

    by_core = extract_by_core(job)
    if by_core is not None:
        return by_core
    from autrainer.preprocessing.by_torch import extract_by_torch

    return extract_by_torch(job)


def _beside(state: State) -> str:
    told = f", {state.kept} as they should be"
    if state.foreign:
        told += f", {len(state.foreign)} made by others and left alone (-f makes them again)"
    if state.failures:
        told += f", {len(state.failures)} that cannot be made"
    return told


def _told(failures: Mapping[str, str]) -> str:
    lines = [f"  {recording}: {reason}" for recording, reason in list(failures.items())[:SHOWN]]
    if len(failures) > SHOWN:
        lines.append(f"  and {len(failures) - SHOWN} more")
    return "\n".join([f"{len(failures)} recordings have no features:", *lines])
