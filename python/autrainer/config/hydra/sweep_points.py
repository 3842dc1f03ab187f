"""The combinations of a sweep, and which of them may not run side by side."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import (
    InterpolationToMissingValueError,
    MissingMandatoryValue,
    OmegaConfBaseException,
)

from autrainer.config.comparing import all_differences
from autrainer.config.hydra.compose import Check, SweepHooks
from autrainer.config.hydra.key_sources import Sources
from autrainer.config.run_name import run_name
from autrainer.errors import AnotherRunError, ConfigError, CorruptFileError
from autrainer.runs.layout import CONFIG_FILE
from autrainer.runs.record.run_record import RunRecord

if TYPE_CHECKING:
    from autrainer.config.schema.run import RunConfig

log = logging.getLogger(__name__)

SHOWN = 5
_NAMED = "${autrainer.run_name:}"
_LEFT_OPEN = "%3F%3F%3F"
_SIMPLE = re.compile(r"\$\{(\w+)\}")
_MISSING = re.compile(r"(?:key '|Missing key |Missing mandatory value: )([\w.]+)")


@dataclass(frozen=True)
class Point:
    """A combination of a sweep.

    Args:
        overrides: What it overrides.
        config: Its configuration, resolved, without the `hydra` node.
        directory: Its run folder.
        was_finished: The folder held a finished run when the sweep began.
        sources: Knows which file sets a key.
        check: Reads its configuration; None if nobody does.
    """

    overrides: Sequence[str]
    config: Mapping[str, Any]
    directory: Path
    was_finished: bool
    sources: Sources = field(default_factory=Sources)
    check: Check | None = None

    @classmethod
    def read(
        cls,
        overrides: Sequence[str],
        composed: DictConfig,
        index: int,
        hooks: SweepHooks,
    ) -> Point:
        """Resolve a composed configuration.

        Args:
            overrides: What it overrides.
            composed: The configuration with its `hydra` node.
            index: Number of the job.
            hooks: They check a configuration, and tell whether its run has finished.

        Raises:
            ConfigError: if an interpolation cannot be resolved.
        """
        node = composed.hydra
        with open_dict(node.job):
            node.job.id = node.job.num = index
        config = _resolved(overrides, composed)
        sources = Sources.of_hydra(node)
        try:
            directory = _plain_directory(composed, config) or _directory(overrides, composed)
        except ConfigError:
            # A run that lacks its seed is told so before that its folder is named after it.
            if hooks.check is not None:
                hooks.check(config, sources)
            raise
        is_finished = hooks.is_finished(directory)
        point = cls(overrides, config, directory, is_finished, sources, hooks.check)
        if hooks.collect is not None or not hooks.own_folders or not point.is_as_finished:
            # What is wrong with it is told before anything begins.
            _ = point.run
        return point

    @cached_property
    def run(self) -> RunConfig | None:
        """Its configuration, read; None if nobody reads it.

        That of a run which has finished with this very configuration is read when it is asked for.

        Raises:
            ConfigError: if it cannot be used, of a run that another version has trained.
        """
        return None if self.check is None else self.check(self.config, self.sources)

    @cached_property
    def record(self) -> RunRecord:
        """What is in the run folder."""
        return RunRecord(self.directory)

    @cached_property
    def is_as_finished(self) -> bool:
        """Whether the finished run had this very configuration."""
        if not self.was_finished:
            return False
        before = self.record.config
        return bool(before) and not all_differences(before, self.config)

    @property
    def name(self) -> str:
        """Name of the run folder."""
        return self.directory.name

    @cached_property
    def attributes(self) -> Any:
        """The configuration for filters: keys are attributes and items alike."""
        return OmegaConf.create(dict(self.config))


def _resolved(overrides: Sequence[str], composed: DictConfig) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for key in composed:
        if key == "hydra":
            continue
        node: Any = composed._get_node(key)
        if not OmegaConf.is_config(node) and _is_literal(value := node._value()):
            config[str(key)] = value
            continue
        try:
            value = composed[key]
            config[str(key)] = (
                OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
            )
        except (InterpolationToMissingValueError, MissingMandatoryValue):
            config[str(key)] = "???"
        except OmegaConfBaseException as error:
            raise _unresolved(str(key), overrides, error) from error
    return config


def _is_literal(value: object) -> bool:
    """Whether a value stands for itself: it is no interpolation and not left open."""
    return not isinstance(value, str) or ("${" not in value and value != "???")


def _directory(overrides: Sequence[str], composed: DictConfig) -> Path:
    sweep: Any = composed.hydra.sweep
    try:
        return Path(str(sweep.dir), str(sweep.subdir))
    except OmegaConfBaseException as error:
        raise _unresolved("hydra.sweep", overrides, error) from error


def _plain_directory(composed: DictConfig, config: Mapping[str, Any]) -> Path | None:
    """The folder of a run where it can be read off the resolved values; None where it is not.

    That takes less time than the grammar of OmegaConf.
    """
    sweep: Any = composed.hydra.sweep
    name = _name_of(config) if sweep._get_node("subdir")._value() == _NAMED else None
    folder = _filled_in(sweep._get_node("dir")._value(), config)
    return None if name is None or folder is None else Path(folder, name)


def _name_of(config: Mapping[str, Any]) -> str | None:
    """The name of a run by its resolver; None where OmegaConf has to say what is missing."""
    try:
        name = run_name(config)
    except (LookupError, TypeError):
        return None
    return None if _LEFT_OPEN in name else name


def _filled_in(text: object, config: Mapping[str, Any]) -> str | None:
    """A text with `${key}` replaced by texts of the configuration; None if that is not all."""
    if not isinstance(text, str) or "\\" in text:
        return None
    values = {key: config.get(key) for key in _SIMPLE.findall(text)}
    if not all(isinstance(value, str) and value != "???" for value in values.values()):
        return None
    filled = _SIMPLE.sub(lambda match: str(values[match[1]]), text)
    return None if "${" in _SIMPLE.sub("", text) or filled == "???" else filled


def _unresolved(key: str, overrides: Sequence[str], error: OmegaConfBaseException) -> ConfigError:
    key = error.full_key or key
    reason = str(error).split("\n")[0]
    missing = _MISSING.search(reason)
    if missing is not None and key.startswith("hydra.sweep"):
        name = missing[1]
        return ConfigError(
            f"{name} is missing, and run folders are named by it ({key}); set it in the main "
            f"configuration, or on the command line: {name}=..."
        )
    chosen = f" with {' '.join(overrides)}" if overrides else ""
    return ConfigError(f"{key} cannot be resolved{chosen}: {reason}")


def refuse_shared_folders(points: Sequence[Point]) -> list[Point]:
    """Keep the first of equal combinations; refuse different ones that have the same folder.

    Raises:
        ConfigError: if two combinations differ but would be written to the same folder.
    """
    kept, shared = without_twins(points)
    for told in shared:
        raise ConfigError(told)
    return kept


def without_twins(points: Sequence[Point]) -> tuple[list[Point], list[str]]:
    """The first combination of each folder, and what is wrong where another one differs from it."""
    kept: dict[Path, Point] = {}
    shared: dict[Path, str] = {}
    for point in points:
        first = kept.setdefault(point.directory, point)
        if first is point:
            continue
        found = all_differences(first.config, point.config)
        if found:
            shared.setdefault(point.directory, _shared(first, point, found))
        else:
            log.info("Running once: %s is the same configuration twice", point.name)
    return list(kept.values()), list(shared.values())


def refuse_other_runs(points: Sequence[Point]) -> None:
    """Refuse combinations whose folder holds a finished run of another configuration.

    Raises:
        ConfigError: if a finished run differs in a key that matters.
    """
    for point in points:
        if point.was_finished and not point.is_as_finished:
            refuse_other_run(point.directory, point.config)


def refuse_other_run(directory: Path, config: Mapping[str, Any]) -> None:
    """Refuse a configuration if the run in this folder is one of another configuration.

    Raises:
        AnotherRunError: if it differs in a key that matters.
        ConfigError: if the configuration of that run cannot be read.
    """
    before = read_config(directory)
    if before is None:
        log.warning("%s has no %s: taken as the same run", directory, CONFIG_FILE)
        return
    from autrainer.config.identity import differences

    found = differences(before, config)
    if found:
        raise AnotherRunError(
            f"the run in {directory} is another one; it differs in\n"
            f"{listed(found, 'there', 'here')}\n"
            f"{_way_out(found, config)}, or remove the folder to train it again"
        )


def read_config(directory: Path) -> dict[str, Any] | None:
    """The configuration that a run folder was trained with, or None if it is not there."""
    try:
        return RunRecord(directory).read_config()
    except CorruptFileError as error:
        path = directory / CONFIG_FILE
        raise ConfigError(f"{path} cannot be read: {error}; remove the folder") from error


def _shared(first: Point, second: Point, found: list[tuple[str, Any, Any]]) -> str:
    way_out = _way_out(found, first.config, second.config)
    return (
        f"two runs of this sweep would share the folder {first.directory}; they differ in\n"
        f"{listed(found, 'first', 'second')}\n{way_out}"
    )


def listed(found: list[tuple[str, Any, Any]], first: str, second: str) -> str:
    """Differences, one a line."""
    lines = [f"  {key}: {a!r} ({first}), {b!r} ({second})" for key, a, b in found[:SHOWN]]
    if len(found) > SHOWN:
        lines.append(f"  and {len(found) - SHOWN} more")
    return "\n".join(lines)


def _is_written(key: str, config: Mapping[str, Any]) -> bool:
    """Whether `${key}` resolves: a default does not, nor a key of what is written in short."""
    at: Any = config
    for name in key.split("."):
        if not isinstance(at, Mapping) or name not in at:
            return False
        at = at[name]
    return True


def _way_out(found: list[tuple[str, Any, Any]], *configs: Mapping[str, Any]) -> str:
    """How to give runs of these configurations folders of their own."""
    key = found[0][0]
    group, _, rest = key.partition(".")
    chosen = configs[0].get(group)
    if rest and isinstance(chosen, Mapping) and "id" in chosen:
        return f"give them names of their own: add {group}.id='{chosen['id']}-${{{key}}}'"
    is_long = any(isinstance(value, list | Mapping) for value in found[0][1:])
    if is_long or not all(_is_written(key, config) for config in configs):
        return "give each of them an experiment_id of its own"
    return (
        "give them names of their own: add "
        f"hydra.sweep.subdir='${{autrainer.run_name:}}-${{{key}}}'"
    )
