"""Every combination of a sweep, also where some of it cannot be composed or read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from autrainer.checking.findings import Finding, Findings
from autrainer.config.hydra.collect import examined
from autrainer.config.hydra.compose import SweepHooks, command_line
from autrainer.config.hydra.key_sources import COMMAND_LINE, Sources
from autrainer.config.hydra.overrides import UnsupportedFlagError
from autrainer.config.hydra.snapshot import frozen_folders
from autrainer.config.hydra.sweep_points import Point
from autrainer.config.hydra.unknown_names import UnusableOverrideError
from autrainer.config.plain import Plain
from autrainer.config.schema.problems import Origin, Problem, ProblemsError
from autrainer.config.schema.run import RunConfig
from autrainer.errors import AutrainerError, ConfigError, message_of
from autrainer.runs.finished import is_finished


@dataclass(frozen=True)
class Entry:
    """A run of a sweep that is to be looked at.

    Args:
        name: What sets it apart: its overrides.
        run: Its configuration, read; parts of it may be wrong.
        sources: Knows where its keys are set.
        faulty: Groups and keys at the top that something is wrong with, or that were not composed.
        point: The run with its folder; None where it has none yet.
    """

    name: str
    run: RunConfig
    sources: Sources
    faulty: frozenset[str] = frozenset()
    point: Point | None = None


@dataclass
class Composition:
    """The combinations of a sweep.

    Args:
        findings: What is wrong with them.
        entries: The runs that are to be looked at.
    """

    findings: Findings = field(default_factory=Findings)
    entries: list[Entry] = field(default_factory=list)
    _lines: dict[str, Sequence[str]] = field(default_factory=dict)
    _dropped: set[str] = field(default_factory=set)
    _pending: set[str] = field(default_factory=set)
    _faulty: dict[tuple[str, ...], frozenset[str]] = field(default_factory=dict)

    def compose(
        self,
        arguments: Sequence[str],
        config_name: str,
        look: Callable[[], object],
        advance: Callable[[], object],
    ) -> None:
        """Compose every combination.

        Args:
            arguments: Overrides and flags of Hydra.
            config_name: The main configuration.
            look: Called once when all are composed, while their folders are frozen.
            advance: Called for each combination.

        Raises:
            UnsupportedFlagError: for a flag of Hydra that has no meaning here.
            SystemExit: if Hydra has told on stderr what is wrong.
        """
        left: list[str] | None = list(arguments)

        def check(config: Plain, sources: Origin) -> RunConfig:
            advance()
            return self._read(config, sources)

        def collect(points: Sequence[Point]) -> None:
            self._take(points)
            look()

        hooks = SweepHooks(
            own_folders=False, check=check, refused=self._refused, is_finished=is_finished
        )
        while left is not None:
            try:
                examined(left, config_name, hooks, collect)
                return
            except UnsupportedFlagError:
                raise
            except UnusableOverrideError as error:
                left = self._without(left, error)
            except AutrainerError as error:
                self.findings.note(Finding("", " ".join(message_of(error).split())))
                return

    def _without(self, arguments: Sequence[str], error: UnusableOverrideError) -> list[str] | None:
        """The arguments without one that no combination can be composed with."""
        key = _key(error.override)
        kept = [text for text in arguments if _key(text) != key]
        if len(kept) == len(arguments):
            self.findings.note(Finding(key, message_of(error)))
            return None
        self._dropped.add(_root(key))
        value = error.override.partition("=")[2]
        text = message_of(error).replace(f" ({COMMAND_LINE})", "")
        self.findings.note(Finding(key, text, COMMAND_LINE, None, value))
        return kept

    def _read(self, config: Plain, sources: Origin) -> RunConfig:
        assert isinstance(sources, Sources)
        found, problems = RunConfig.parse(config)
        name = self._name(sources.overrides)
        faulty = frozenset({*self._dropped, *self._pending, *map(root_of, problems)})
        self._pending.clear()
        self._faulty[tuple(sources.overrides)] = faulty
        if problems:
            # It may lack what its folder is named after: it is looked at without one.
            for problem in problems:
                self.findings.add(problem, config, sources, name)
            self.entries.append(Entry(name, found, sources, faulty))
            raise ProblemsError(problems)
        return found

    def _refused(self, overrides: Sequence[str], error: ConfigError) -> Sequence[str] | None:
        if isinstance(error, ProblemsError):
            return None
        name = self._name(overrides)
        if not isinstance(error, UnusableOverrideError):
            self._pending.clear()
            self.findings.note(Finding("", " ".join(message_of(error).split())), name)
            return None
        key, value = _key(error.override), error.override.partition("=")[2]
        sources = Sources(
            overrides=overrides, folders=frozen_folders(), arguments=command_line.get()
        )
        place = sources.place(key)
        file, line = (None, None) if place is None else (place.file, place.line)
        text = message_of(error).replace(f" ({COMMAND_LINE})", "")
        self.findings.note(Finding(key, text, file, line, value), name)
        self._pending.add(_root(key))
        return [text for text in overrides if text != error.override]

    def names(self) -> dict[str, str]:
        """Short names of the runs: of their overrides those that not all of them have."""
        common = set.intersection(*map(set, self._lines.values())) if self._lines else set()
        return {
            name: " ".join(line for line in lines if line not in common)
            for name, lines in self._lines.items()
        }

    def _name(self, lines: Sequence[str]) -> str:
        name = " ".join(lines)
        self._lines.setdefault(name, tuple(lines))
        return name

    def _take(self, points: Sequence[Point]) -> None:
        for point in points:
            if point.run is not None:
                lines = tuple(point.sources.overrides)
                faulty = self._faulty.get(lines, frozenset())
                entry = Entry(self._name(lines), point.run, point.sources, faulty, point)
                self.entries.append(entry)


def _key(override: str) -> str:
    return override.lstrip("+~").partition("=")[0]


def _root(key: str) -> str:
    return key.partition(".")[0].partition("[")[0].partition("@")[0]


def root_of(problem: Problem) -> str:
    """The group, or the key at the top, that a problem is about; a criterion is one of its own."""
    return "criterion" if problem.key.startswith("dataset.criterion") else _root(problem.key)
