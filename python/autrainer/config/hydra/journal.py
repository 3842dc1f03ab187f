"""`sweep.yaml`: which runs a sweep has, and how far it is, for whoever looks into its folder."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autrainer.runs.layout import SWEEP_FILE
from autrainer.runs.status import FINISHED, RUNNING, STOPPED, read_status
from autrainer.runs.writing.files import write_text
from autrainer.runs.yaml.reading import read_mapping
from autrainer.runs.yaml.writing import yaml_text

if TYPE_CHECKING:
    from autrainer.config.hydra.outcomes import Outcome

log = logging.getLogger(__name__)

WRITE_EVERY_S = 5.0
WAITING = "waiting"
QUEUED = "queued"
ENDED = (FINISHED, STOPPED)
STATES = {"done": FINISHED, "finished before": FINISHED, "finished elsewhere": FINISHED}


class Journal:
    """Writes the journal of a sweep.

    Several commands may share a sweep, so nothing is only in the journal: what became of a run
    that this command has not trained is read off its folder whenever the journal is written, and
    each command writes a whole one. Runs of other sweeps in the folder stay in it.

    Args:
        folder: Where the runs lie.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / SWEEP_FILE
        self._written_s = float("-inf")
        before = read_mapping(self._path).get("runs")
        self._runs: dict[str, Any] = before if isinstance(before, dict) else {}
        self._ended: set[str] = set()

    def write(self, outcomes: Iterable[Outcome], *, now: bool = False) -> None:
        """Write it, unless that was done a moment ago; what cannot be written is left.

        Args:
            outcomes: What is known of all runs of the sweep.
            now: Write it in any case.
        """
        if not now and time.monotonic() - self._written_s < WRITE_EVERY_S:
            return
        self._written_s = time.monotonic()
        for outcome in outcomes:
            name = outcome.directory.name
            if name in self._ended:
                continue
            self._runs[name] = self._entry(outcome)
            if outcome.state in STATES:
                # Its status does not change any more, and a sweep may have thousands of runs.
                self._ended.add(name)
        self._save()

    def refresh(self) -> None:
        """Write again what the folders of its runs tell by now."""
        for name, entry in self._runs.items():
            if entry.get("state") in ENDED:
                continue
            status = read_status(self._path.parent / name)
            state = status.get("state", entry.get("state", WAITING))
            told = {"attempts": status.get("attempts", 0), "host": status.get("host")}
            self._runs[name] = {**entry, "state": state, **told}
        if self._runs:
            self._save()

    def _save(self) -> None:
        counts = Counter(entry["state"] for entry in self._runs.values())
        left = sum(count for state, count in counts.items() if state not in ENDED)
        content = {"left": left, "states": dict(sorted(counts.items())), "runs": self._runs}
        try:
            write_text(self._path, yaml_text(content))
        except OSError as error:
            log.debug("%s cannot be written: %s", self._path, error)

    def _entry(self, outcome: Outcome) -> dict[str, Any]:
        before = self._runs.get(outcome.directory.name, {})
        if outcome.state == "finished before" and before.get("state") in ENDED:
            return dict(before)
        status = read_status(outcome.directory)
        state = STATES.get(outcome.state, outcome.state)
        # Of a run that has not begun here, others may know more.
        if outcome.state not in STATES or status.get("state") == STOPPED:
            is_queued = outcome.job and status.get("state") != RUNNING
            state = QUEUED if is_queued else status.get("state", WAITING)
        told = {
            "overrides": list(outcome.overrides),
            "state": state,
            "attempts": status.get("attempts", 0),
            "host": status.get("host"),
        }
        job = outcome.job or before.get("job")
        return {**told, "job": job} if job else told


def refresh(folder: Path) -> None:
    """Let the journal of a sweep tell what its runs have come to; there may be none.

    Args:
        folder: Where the runs lie.
    """
    Journal(folder).refresh()
