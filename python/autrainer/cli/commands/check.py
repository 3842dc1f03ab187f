"""`autrainer check`: what is wrong with a sweep, told at once and before anything runs."""

from __future__ import annotations

import logging
import sys

from autrainer.cli.door import door
from autrainer.cli.errors import CommandLineError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from autrainer.checking.check import Report
    from autrainer.checking.findings import Finding

log = logging.getLogger(__name__)

ABOUT = (
    "Check every combination of the main configuration without running it: classes and their "
    "arguments, files, columns and labels of the datasets, whether dataset, model, criterion and "
    "metrics fit each other, checkpoints, libraries, folders and disk. Nothing is written or "
    "downloaded. The exit code is 0 if nothing was found, 1 if something was."
)
EXAMPLE = "autrainer check -cn config seed=1,2 optimizer=SGD"
TAKES_HYDRA = True


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options of the command; all other arguments are for Hydra."""
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")


def run(parser: ArgumentParser | None, arguments: list[str], config_name: str = "config") -> None:
    """Check the sweep that these arguments describe, and print what was found.

    Raises:
        CommandLineError: if the arguments cannot be used.
        SystemExit: with code 1 if something was found.
    """
    from autrainer.cli.parser import Parser

    options = Parser(prog="autrainer check", add_help=False, allow_abbrev=False)
    add_arguments(options)
    chosen, rest = options.parse_known_args(arguments)
    report = _checked(parser, rest, config_name, shows_bar=not chosen.json)
    if chosen.json:
        import json

        print(json.dumps(_as_json(report), indent=2, default=str))
    else:
        print("\n".join(_lines(report)))
    if report.findings:
        raise SystemExit(1)


@door
def check(
    override_kwargs: Mapping[str, Any] | Sequence[str] | None = None,
    config_name: str = "config",
    config_path: str | None = None,
) -> list[Finding]:
    """Check every combination of a main configuration without running it.

    Args:
        override_kwargs: As of `train`.
        config_name: Main configuration.
        config_path: Folder of the project's configurations; `conf` by default.

    Returns:
        What is wrong, each thing once: `str(finding)` is a sentence with file and line; its
        `key`, `text`, `file`, `line`, `value`, `num_runs` and `runs` are attributes.

    Raises:
        CommandLineError: if the arguments cannot be used.
    """
    from autrainer.cli.process import process_kept
    from autrainer.cli.values import hydra_arguments
    from autrainer.config.module_reload import forget_edited_modules

    arguments = hydra_arguments(override_kwargs, config_name, config_path)
    forget_edited_modules()
    try:
        with process_kept():
            report = _checked(None, arguments, config_name)
    except SystemExit as error:
        told = "Hydra has refused this; why is on stderr"
        raise CommandLineError(None, told, 1) from error
    for warning in report.warnings:
        log.warning("%s", warning)
    return list(report.findings)


def _checked(
    parser: ArgumentParser | None,
    arguments: list[str],
    config_name: str,
    *,
    shows_bar: bool = True,
) -> Report:
    from autrainer.checking.check import check_sweep
    from autrainer.config.hydra.overrides import UnsupportedFlagError

    # Modules of the user are imported, and Python would write what it compiles of them.
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        return check_sweep(arguments, config_name, shows_bar=shows_bar)
    except UnsupportedFlagError as error:
        raise CommandLineError(parser, str(error), 2) from error
    finally:
        sys.dont_write_bytecode = before


def _lines(report: Report) -> Iterator[str]:
    for finding in report.findings:
        yield f"- {finding}{_where(finding, report.num_runs)}"
    for warning in report.warnings:
        yield f"warning: {warning}"
    for note in report.notes:
        yield f"not looked at: {note}"
    yield _summary(report)


def _where(finding: Finding, num_runs: int) -> str:
    """In which runs it is, where it is not one of all of them."""
    if not finding.num_runs or finding.num_runs >= num_runs:
        return ""
    more = finding.num_runs - 1
    others = f" and {more} more" if more else ""
    return f"\n    in {finding.runs[0]}{others}"


def _summary(report: Report) -> str:
    count, runs = len(report.findings), report.num_runs
    found = "nothing found" if not count else f"{count} problem{'s' if count > 1 else ''}"
    parts = [f"{found} in {runs} run{'' if runs == 1 else 's'}"]
    if report.num_finished:
        parts.append(f"{report.num_finished} finished before")
    if report.needed_bytes and report.free_bytes is not None:
        from autrainer.runs.state.disk_space import size_text

        needed, free = size_text(report.needed_bytes), size_text(report.free_bytes)
        parts.append(f"about {needed} of disk needed, {free} free")
    return "; ".join(parts)


def _as_json(report: Report) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(report), "findings": [asdict(finding) for finding in report.findings]}
