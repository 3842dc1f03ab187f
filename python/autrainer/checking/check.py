"""`check_sweep`: everything that is wrong with a sweep, before anything of it runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autrainer.checking.composing import Composition
from autrainer.checking.findings import Finding, Findings
from autrainer.config.hydra.collector import collecting
from autrainer.config.hydra.sweep_points import Point, refuse_other_run, without_twins
from autrainer.errors import ConfigError, CorruptFileError
from autrainer.runs.process.bars import is_watched, new_bar

if TYPE_CHECKING:
    from autrainer.checking.pieces import Pieces

BAR_DELAY_S = 1.0
SETTINGS = "save_train_outputs: false, keep_checkpoints or a larger save_frequency"


@dataclass(frozen=True)
class Report:
    """What a check has found.

    Args:
        findings: What is wrong.
        notes: What could not be looked at.
        num_runs: How many runs the sweep has; those that cannot be composed are not among them.
        num_finished: How many of them have finished before.
        needed_bytes: About how much disk the others will take; runs with problems are left out.
        free_bytes: How much is free there; None where that is not known.
        warnings: What is allowed, and seldom meant.
    """

    findings: Sequence[Finding]
    notes: Sequence[str] = ()
    num_runs: int = 0
    num_finished: int = 0
    needed_bytes: int = 0
    free_bytes: int | None = None
    warnings: Sequence[str] = ()


def check_sweep(arguments: Sequence[str], config_name: str, *, shows_bar: bool = True) -> Report:
    """Compose every run of a sweep as `train` does, and look at it.

    Nothing is trained, written or downloaded. What runs share is looked at once.

    Args:
        arguments: Overrides and flags of Hydra.
        config_name: The main configuration.
        shows_bar: Show a bar where that takes more than a second.

    Raises:
        UnsupportedFlagError: for a flag of Hydra that has no meaning here.
        SystemExit: if Hydra has told on stderr what is wrong.
    """
    found = Composition()
    reports: list[Report] = []
    bar = new_bar(
        desc="composing",
        unit="run",
        delay=BAR_DELAY_S,
        leave=False,
        disable=not (shows_bar and is_watched()),
    )

    def look() -> None:
        bar.set_description("checking", refresh=False)
        bar.reset(len(found.entries))
        from autrainer.checking.pieces import Pieces

        with collecting():
            reports.append(_looked(found, Pieces(found.findings), bar.update))

    with bar:
        found.compose(arguments, config_name, look, bar.update)
    return reports[0] if reports else Report(found.findings.all(found.names()))


def _looked(found: Composition, pieces: Pieces, advance: Callable[[], object]) -> Report:
    from autrainer.runs.random.seeding import preserved_rng
    from autrainer.runs.web.refusal import downloads_refused

    points = _with_own_folders(found)
    left = {id(point) for point in points if not point.was_finished}
    needed = 0
    with preserved_rng(), downloads_refused(), _kept_warnings() as warnings:
        try:
            for entry in found.entries:
                num_bytes = pieces.look_at(entry)
                needed += num_bytes if id(entry.point) in left else 0
                advance()
        finally:
            pieces.close()
    free = _compared(found.findings, needed, points)
    num_runs = len(points) + sum(entry.point is None for entry in found.entries)
    findings, num_finished = found.findings.all(found.names()), len(points) - len(left)
    return Report(
        findings, [*pieces.notes], num_runs, num_finished, needed, free, [*dict.fromkeys(warnings)]
    )


@contextmanager
def _kept_warnings() -> Iterator[list[str]]:
    """Within the block, what datasets warn of is kept, and not written beside the bar."""
    kept: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: kept.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("autrainer.datasets")
    before, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield kept
    finally:
        logger.removeHandler(handler)
        logger.propagate = before


def _with_own_folders(found: Composition) -> list[Point]:
    """The runs that have a folder of their own; where others have it is noted."""
    points = [entry.point for entry in found.entries if entry.point is not None]
    kept, shared = without_twins(points)
    for told in shared:
        found.findings.note(Finding("", _in_a_line(told)))
    for point in kept:
        if point.was_finished:
            try:
                refuse_other_run(point.directory, point.config)
            except (ConfigError, CorruptFileError) as error:
                found.findings.note(Finding("", _in_a_line(str(error))), " ".join(point.overrides))
    return kept


def _compared(findings: Findings, needed: int, points: Sequence[Point]) -> int | None:
    """What is free where the runs will be; too little is noted."""
    from autrainer.checking.space import free_bytes
    from autrainer.runs.state.disk_space import size_text

    folder = points[0].directory.parent if points else Path()
    free = free_bytes(folder)
    if free is not None and needed > free:
        told = (
            f"the sweep needs about {size_text(needed)}, and {size_text(free)} are free in "
            f"{folder}; free some, or set {SETTINGS}"
        )
        findings.note(Finding("results_dir", told))
    return free


def _in_a_line(text: str) -> str:
    """A message whose lines are a heading, differences and a way out, as a sentence."""
    first, *differences, way_out = [line.strip() for line in text.splitlines()] or [""]
    return "; ".join(filter(None, [" ".join([first, ", ".join(differences)]), way_out]))
