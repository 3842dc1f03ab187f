"""The first combination of a configuration, for commands that try one and run none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from autrainer.cli.errors import CommandLineError

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Mapping, Sequence

    from autrainer.config.hydra.sweep_points import Point
    from autrainer.config.schema.run import RunConfig

Result = TypeVar("Result")


def tried_first(
    parser: ArgumentParser | None,
    arguments: Sequence[str],
    config_name: str,
    attempt: Callable[[RunConfig], Result],
) -> tuple[str, Result]:
    """Compose the combinations, check the first one, and try it.

    Args:
        parser: Parser of the command, or None.
        arguments: Overrides and flags of Hydra.
        config_name: The main configuration.
        attempt: What to do with the configuration.

    Returns:
        What was tried, in words, and what `attempt` has returned.

    Raises:
        CommandLineError: if a flag has no meaning here, or there is no combination.
        AutrainerError: if the configuration cannot be used.
        SystemExit: after a flag with which Hydra only tells something, or if it has told on stderr
            what is wrong.
    """
    from autrainer.cli.commands.train import _HOOKS
    from autrainer.config.hydra.collect import examined
    from autrainer.config.hydra.overrides import UnsupportedFlagError

    found: list[tuple[str, Result]] = []

    def look(points: Sequence[Point]) -> None:
        found.append((_named(points), attempt(_checked(points[0]))))

    try:
        hooks = replace(_HOOKS, own_folders=False, is_finished=lambda folder: False)
        examined(arguments, config_name, hooks, look)
    except UnsupportedFlagError as error:
        raise CommandLineError(parser, str(error), 2) from error
    if not found:
        raise SystemExit(0)
    return found[0]


def called_from_python(
    override_kwargs: Mapping[str, Any] | Sequence[str] | None,
    config_name: str,
    config_path: str | None,
    attempt: Callable[[RunConfig], Result],
) -> Result:
    """As `tried_first`, for a function: the process is as before afterwards.

    Args:
        override_kwargs: As of `autrainer.cli.train`.
        config_name: The main configuration.
        config_path: Folder of the project's configurations; `conf` by default.
        attempt: What to do with the configuration.

    Raises:
        CommandLineError: if the arguments cannot be used.
        AutrainerError: if the configuration cannot be used.
    """
    from autrainer.cli.process import process_kept
    from autrainer.cli.values import hydra_arguments
    from autrainer.config.module_reload import forget_edited_modules

    arguments = hydra_arguments(override_kwargs, config_name, config_path)
    forget_edited_modules()
    try:
        with process_kept():
            return tried_first(None, arguments, config_name, attempt)[1]
    except SystemExit as error:
        told = "Hydra has refused this; why is on stderr"
        raise CommandLineError(None, told, 1) from error


def _named(points: Sequence[Point]) -> str:
    if not points:
        raise CommandLineError(None, "all combinations are filtered out; nothing to try", 1)
    others = f", the first of {len(points)}" if len(points) > 1 else ""
    return f"{' '.join(points[0].overrides) or 'the main configuration'}{others}"


def _checked(point: Point) -> RunConfig:
    from autrainer.config.schema.problems import refuse
    from autrainer.training.checks.configuration import find_problems

    assert point.run is not None
    refuse(find_problems(point.run), point.sources)
    return point.run
