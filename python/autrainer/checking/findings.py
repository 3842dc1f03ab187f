"""What a check has found, each thing once, however many runs of the sweep it concerns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from autrainer.config.error_places import place_in_user_code, sentence
from autrainer.config.hydra.key_sources import Sources
from autrainer.config.plain import Plain
from autrainer.config.schema.problems import Problem
from autrainer.config.schema.run import GROUPS
from autrainer.errors import AutrainerError, message_of

_STEPS = re.compile(r"[^.\[\]]+")
_KEY = re.compile(r"(?P<key>[a-z_]+(?:[.\[][\w.\[\]]*[\w\]])?)(?=[: ])")
MOST_RUNS = 3
"""Runs that are named where a problem is not one of all of them."""


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a sweep.

    Args:
        key: The key that it is about; empty where there is none.
        text: What is wrong, and how to mend it, in a sentence.
        file: The file that sets the key, or `the command line`; None where that is not known.
        line: The line in it, counted from 1.
        value: The value of the key; None where there is none.
        num_runs: How many runs of the sweep it concerns.
        runs: The first of them, each by the overrides that not all runs have.
    """

    key: str
    text: str
    file: str | None = None
    line: int | None = None
    value: Any = None
    num_runs: int = 0
    runs: tuple[str, ...] = ()

    def __str__(self) -> str:
        place = self.file or ""
        if place and self.line is not None:
            place = f"{place}:{self.line}"
        return f"{place}: {self.text}" if place else self.text


@dataclass
class Findings:
    """All that has been found so far."""

    _found: dict[tuple[str, str, str | None], Finding] = field(default_factory=dict)

    def add(
        self,
        problem: Problem,
        config: Plain,
        sources: Sources | None,
        run: str,
    ) -> None:
        """Note a problem of a run.

        Args:
            problem: The problem.
            config: The configuration of the run; values come from there.
            sources: Knows where its keys are set.
            run: Overrides of the run.
        """
        place = sources.place(problem.key) if sources is not None else None
        file, line = (None, None) if place is None else (place.file, place.line)
        self.note(
            Finding(problem.key, problem.line(), file, line, value_of(config, problem.key)), run
        )

    def note(self, finding: Finding, run: str = "") -> None:
        """Note a finding of a run; of none in particular with an empty text."""
        entry = (finding.key, finding.text, finding.file)
        known = self._found.get(entry, finding)
        if run:
            runs = known.runs if run in known.runs else (*known.runs, run)[:MOST_RUNS]
            known = replace(known, num_runs=known.num_runs + 1, runs=runs)
        self._found[entry] = known

    def all(self, names: Mapping[str, str]) -> list[Finding]:
        """The findings, file by file, those without a file at the end.

        Args:
            names: What to call the runs.
        """
        order = {file: number for number, file in enumerate(self._files())}
        found = [
            replace(each, runs=tuple(names.get(run) or run for run in each.runs))
            for each in self._found.values()
        ]
        return sorted(found, key=lambda each: (order[each.file], each.line or 0, each.key))

    def _files(self) -> Sequence[str | None]:
        files = dict.fromkeys(each.file for each in self._found.values())
        return sorted(
            files, key=lambda file: (file is None, file != "the command line", file or "")
        )


def value_of(config: Plain, key: str) -> Any:
    """The value of a dotted key; None where there is none."""
    node: Any = config
    for step in _STEPS.findall(key):
        if isinstance(node, list) and step.isdigit() and int(step) < len(node):
            node = node[int(step)]
        elif isinstance(node, dict) and step in node:
            node = node[step]
        else:
            return None
    return node


def problems_of(error: BaseException, piece: str) -> Iterator[Problem]:
    """An error of a constructor or of a check as problems, one for each thing that is wrong.

    Args:
        error: The error.
        piece: Key of what was built or looked at; the message may name another one in it.
    """
    problems = getattr(error, "problems", ())
    if problems:
        yield from problems
        return
    details: Sequence[str] = getattr(error, "details", ())
    if details:
        yield from (Problem(piece, f"cannot be used: {text}") for text in details)
        return
    text = message_of(error).strip()
    if not isinstance(error, AutrainerError):
        place = place_in_user_code(error)
        text = sentence(error) if place is None else f"{sentence(error)} ({place})"
    found = _KEY.match(text)
    if found and found["key"].split(".")[0].split("[")[0] in (*GROUPS, piece.split(".")[0]):
        rest = text[found.end() :]
        what = f"cannot be used{rest}" if rest.startswith(":") else rest.strip()
        yield Problem(found["key"], what)
    else:
        yield Problem(piece, f"cannot be used: {text}")
