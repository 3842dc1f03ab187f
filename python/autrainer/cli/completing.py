"""What can stand at the end of a command line: names of configurations, keys and runs."""

from __future__ import annotations

import itertools
import shlex
from pathlib import Path

from autrainer.cli.files import config_files
from autrainer.cli.parser import CONFIG_DIRS
from autrainer.config.packaged import packaged_dir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

COMPOSE = frozenset(
    {"train", "check", "fetch", "preprocess", "find-learning-rate", "find-batch-size"}
)
"""Commands that take overrides."""
TAKE_RUNS = frozenset({"diff", "verify", "export"})
TAKE_EXPERIMENTS = frozenset({"runs", "report", "verify"})
"""Commands that take them by name; folders are completed by the shell itself."""

_MAIN = ("-cn", "--config-name")
_FOLDER = ("-cd", "--config-dir")
_SIGNS = ("++", "+", "~")
_NOT_RUNS = ("group",)
"""Main configurations of other commands."""


def candidates(line: str, results_dir: str | Path = "results") -> list[str]:
    """What can take the place of the last word of a line.

    Args:
        line: A command line as far as it is typed, `autrainer` included.
        results_dir: Where experiments lie.

    Returns:
        Whole words, sorted; nothing where the scripts of the shells know better.
    """
    words = _words(line)
    if len(words) < 3 or (current := words[-1]).startswith("-"):
        return []
    command, before = words[1], words[-2]
    if command in COMPOSE:
        folder = _option(words, _FOLDER) or "conf"
        if before in _FOLDER:
            return []
        if before in _MAIN:
            return _starting(current, _configurations("", folder))
        return _overrides(current, folder)
    if before.startswith("-"):
        return []
    return _starting(current, _names(command, Path(results_dir)))


def _words(line: str) -> list[str]:
    """The words of a line, of which the last one may be empty or have an open quotation mark."""
    for end in ("", "'", '"'):
        try:
            words = shlex.split(line + end)
        except ValueError:
            continue
        return words if line[-1:].strip() else [*words, ""]
    return []


def for_bash(words: list[str], line: str) -> list[str]:
    """What bash takes for these words: it divides them at `=` and `:`, and asks for the last part.

    >>> for_bash(["model=Cnn10", "model=Cnn14"], "autrainer train model=Cn")
    ['Cnn10', 'Cnn14']
    """
    current = (_words(line) or [""])[-1]
    start = max(current.rfind("="), current.rfind(":")) + 1
    return [word[start:] for word in words]


def _option(words: list[str], names: tuple[str, ...]) -> str | None:
    following = itertools.pairwise(words)
    return next((value for name, value in following if name in names), None)


def _starting(prefix: str, words: Iterable[str]) -> list[str]:
    return sorted({word for word in words if word.startswith(prefix)})


def _configurations(group: str, folder: str) -> list[str]:
    """Names of the configurations of a group, or of main files, shipped and of the project."""
    return [
        name
        for place in (packaged_dir(), Path(folder))
        for name in config_files(place / group)
        if group or not (name.startswith("_") or name in _NOT_RUNS)
    ]


def _overrides(current: str, folder: str) -> list[str]:
    sign = next((sign for sign in _SIGNS if current.startswith(sign)), "")
    key, equals, value = current.removeprefix(sign).partition("=")
    if not equals:
        return [f"{sign}{name}=" for name in _starting(key, _keys())]
    if key not in CONFIG_DIRS:
        return [f"{sign}{key}={each}" for each in _starting(value, _values(key))]
    # Of several options the last one is being typed.
    chosen, comma, last = value.rpartition(",")
    taken = {*chosen.split(",")}
    names = [name for name in _configurations(key, folder) if name not in taken]
    return [f"{sign}{key}={chosen}{comma}{name}" for name in _starting(last, names)]


def _keys() -> list[str]:
    from autrainer.config.schema.run import ATTRIBUTE_KEYS

    groups = [group for group in CONFIG_DIRS if group != "preprocessing"]
    return [*groups, *(each.name for each in ATTRIBUTE_KEYS)]


def _values(key: str) -> list[str]:
    """What a key may be, if that is one of few names."""
    from autrainer.config.schema.run import ATTRIBUTE_KEYS

    found = [each for each in ATTRIBUTE_KEYS if each.name == key]
    return ["true", "false"] if found and isinstance(found[0].default, bool) else []


def _names(command: str, results: Path) -> list[str]:
    """Names of the experiments and of the runs that a command takes."""
    if command not in TAKE_RUNS | TAKE_EXPERIMENTS or not results.is_dir():
        return []
    from autrainer.runs.layout import RUNS
    from autrainer.runs.record.finding import experiments_in

    found = experiments_in(results) if command in TAKE_EXPERIMENTS else []
    if command in TAKE_RUNS:
        folders = [results / name / RUNS for name in experiments_in(results)]
        runs = [run for folder in folders for run in folder.iterdir() if run.is_dir()]
        found += [run.name for run in runs if not run.name.startswith(".")]
    return found
