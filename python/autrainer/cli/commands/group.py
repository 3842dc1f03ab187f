"""`autrainer group`: new experiments of runs that are there, averaged by groups of one's own."""

from __future__ import annotations

from autrainer.cli.door import door, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Mapping, Sequence
    from typing import Any

    from autrainer.postprocessing.group import GroupGrid
    from autrainer.postprocessing.summary import SummarizeGrid

TAKES_HYDRA = True
ABOUT = (
    "Copy runs into new experiments, and average them by groups of your own. The configuration "
    "says which; the packaged group.yaml explains its keys."
)
EXAMPLE = "autrainer group -cn grouping"


def add_arguments(parser: ArgumentParser) -> None:
    """Add no arguments: all are for Hydra."""


def run(parser: ArgumentParser | None, arguments: list[str]) -> None:
    """Copy and average, and print where.

    Raises:
        CommandLineError: if the configuration cannot be used.
        SystemExit: if Hydra has told on stderr what is wrong.
    """
    from autrainer.config.hydra.overrides import UnsupportedFlagError

    with told(parser, misuse=(UnsupportedFlagError,)):
        for grid, made in _grouped(arguments):
            for summary in made:
                print(f"Tables: {summary.folder}")
            for name, other in grid.renamed.items():
                print(f"Renamed, as another run has that name: {name} is {other}")
            for name, reason in grid.skipped.items():
                print(f"Left out: {name}: {reason}")


@door
def group(
    override_kwargs: Mapping[str, Any] | Sequence[str] | None = None,
    config_name: str = "group",
    config_path: str | None = None,
) -> list[SummarizeGrid]:
    """Copy runs into new experiments, and average them by groups.

    Args:
        override_kwargs: As of `train`.
        config_name: The configuration with the groups.
        config_path: Folder of the project's configurations; `conf` by default.

    Returns:
        The tables that were written: of each experiment with `create_summary` those of all runs,
        then those of its groups.

    Raises:
        CommandLineError: if the configuration cannot be used.
    """
    from autrainer.cli.errors import CommandLineError
    from autrainer.cli.process import process_kept
    from autrainer.cli.values import hydra_arguments

    arguments = hydra_arguments(override_kwargs, config_name, config_path)
    try:
        with process_kept():
            return [summary for _, made in _grouped(arguments) for summary in made]
    except SystemExit as error:
        raise CommandLineError(None, "Hydra has refused this; why is on stderr", 1) from error


def _grouped(arguments: Sequence[str]) -> list[tuple[GroupGrid, list[SummarizeGrid]]]:
    """What the composed configuration makes; nothing after a flag with which Hydra only tells."""
    from autrainer.config.hydra.compose import HOOKS, SweepHooks, launch

    made: list[tuple[GroupGrid, list[SummarizeGrid]]] = []
    failed: list[Exception] = []

    def task(config: Any) -> None:
        try:
            grid = _grid_of(config)
            made.append((grid, grid.group_runs()))
        except Exception as error:
            # Hydra would print the error of a job.
            failed.append(error)

    setattr(task, HOOKS, SweepHooks())
    launch(task, arguments, "group")
    if failed:
        raise failed[0]
    return made


def _grid_of(config: Any) -> GroupGrid:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from autrainer.errors import ConfigError
    from autrainer.postprocessing.group import GroupGrid, known

    try:
        plain: Any = OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(f"the configuration cannot be resolved: {error}") from error
    plain.pop("hydra", None)
    keys = ("results_dir", "groupings", "max_runs", "plotting")
    known(plain, "group", keys, required=("results_dir", "groupings"))
    groupings = plain["groupings"]
    if not isinstance(groupings, list):
        raise ConfigError(f"groupings is {groupings!r}; give a list of experiments")
    plotting = plain.get("plotting")
    return GroupGrid(
        plain["results_dir"],
        groupings,
        plain.get("max_runs"),
        plotting or None,
        draws=bool(plotting),
    )
