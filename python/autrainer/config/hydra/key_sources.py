"""Where the keys of a composed configuration come from, as far as Hydra tells."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autrainer.config.hydra.compose import command_line
from autrainer.config.hydra.snapshot import Snapshot, frozen_folders
from autrainer.runs.yaml.lines import line_of

COMMAND_LINE = "the command line"
_STEPS = re.compile(r"[^.\[\]]+")
_PARAMS = ("hydra", "sweeper", "params")
_Found = tuple[str, str | None, Sequence[str]]


@dataclass(frozen=True)
class KeyPlace:
    """Where a key is set.

    Args:
        file: The file, or `the command line`.
        line: Its line, counted from 1; None where there is none.
    """

    file: str
    line: int | None = None


@dataclass(frozen=True)
class Sources:
    """Knows which file or flag set a key.

    Args:
        choices: Chosen option of each group.
        overrides: Overrides of this run, swept or not.
        main: Name of the main configuration.
        folders: Folders of configurations, the first before the others.
        arguments: The command line.
    """

    choices: Mapping[str, str] = field(default_factory=dict)
    overrides: Sequence[str] = ()
    main: str = "config"
    folders: Sequence[Snapshot] = ()
    arguments: Sequence[str] = ()

    @classmethod
    def of_job(cls) -> Sources | None:
        """Sources of the configuration of the job that runs now, or None outside of Hydra."""
        from hydra.core.hydra_config import HydraConfig

        return cls.of_hydra(HydraConfig.get()) if HydraConfig.initialized() else None

    @classmethod
    def of_hydra(cls, node: Any) -> Sources:
        """Sources of a configuration with this `hydra` node."""
        from omegaconf import OmegaConf

        choices: Any = OmegaConf.to_container(node.runtime.choices)
        return cls(
            choices={str(k): str(v) for k, v in choices.items()},
            overrides=OmegaConf.to_container(node.overrides.task),  # type: ignore[arg-type]
            main=str(node.job.config_name or "config"),
            folders=frozen_folders(),
            arguments=command_line.get(),
        )

    def of(self, key: str) -> str | None:
        """The file that sets a key, `the command line`, or None where it is not known."""
        found = self._found(key.split("[")[0])
        return None if found is None else found[0]

    def place(self, key: str) -> KeyPlace | None:
        """File and line that set a key, or the line of what the key stands in; None if unknown."""
        found = self._found(key)
        if found is None:
            return None
        file, name, steps = found
        folder = None if name is None else self._folder(name)
        if folder is None or name is None:
            return KeyPlace(file)
        return KeyPlace(file, line_of(folder.text(name), steps))

    def _found(self, key: str) -> _Found | None:
        """What sets a key: how it is called, the configuration, and the way to the key in it."""
        steps = _STEPS.findall(key)
        for text in reversed(self.overrides):
            name, _, _ = text.lstrip("+~").partition("=")
            if _covers(name.split("."), steps) and name not in self.choices:
                return self._of_override(name)
        for name in self._main_files():
            if (file := self._file_with(name, steps)) is not None:
                return file, name, steps
        option = self.choices.get(steps[0])
        if option is not None:
            name = f"{steps[0]}/{option}"
            file = self._file(name)
            return None if file is None else (file, name, steps[1:])
        return None

    def _of_override(self, name: str) -> _Found:
        given = (text.lstrip("+~").partition("=")[0] for text in self.arguments if "=" in text)
        if name in given:
            return COMMAND_LINE, None, ()
        for config in self._main_files():
            content = self._content(config)
            for step in _PARAMS:
                content = content.get(step) if isinstance(content, Mapping) else None
            spelt = [str(k) for k in content] if isinstance(content, Mapping) else []
            for spelling in spelt:
                if spelling.lstrip("+") == name and (file := self._file(config)) is not None:
                    return file, config, (*_PARAMS, spelling)
        return COMMAND_LINE, None, ()

    def _main_files(self) -> list[str]:
        """The main configuration and those that it is built on, the winning one first."""
        found: list[str] = []
        waiting = [self.main.removesuffix(".yaml").removesuffix(".yml")]
        while waiting:
            name = waiting.pop(0)
            content = self._content(name)
            if name in found or not isinstance(content, Mapping):
                continue
            found.append(name)
            defaults = content.get("defaults") or []
            waiting += [entry for entry in reversed(defaults) if isinstance(entry, str)]
        return found

    def _file_with(self, name: str, steps: Sequence[str]) -> str | None:
        node: Any = self._content(name)
        for step in steps:
            if isinstance(node, list):
                break
            if not isinstance(node, Mapping) or step not in node:
                return None
            node = node[step]
        return self._file(name)

    def _folder(self, name: str) -> Snapshot | None:
        return next((folder for folder in self.folders if name in folder.paths), None)

    def _content(self, name: str) -> Any:
        folder = self._folder(name)
        return None if folder is None else folder.parsed(name)

    def _file(self, name: str) -> str | None:
        folder = self._folder(name)
        return None if folder is None else _short(folder.paths[name])


def _covers(outer: Sequence[str], inner: Sequence[str]) -> bool:
    return list(inner[: len(outer)]) == list(outer)


def _short(path: Path) -> str:
    """A path as a user would type it."""
    try:
        relative = os.path.relpath(path)
    except ValueError:
        return str(path)
    return str(path) if relative.startswith("..") else relative
