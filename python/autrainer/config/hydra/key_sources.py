"""Where the keys of a composed configuration come from, as far as Hydra tells."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autrainer.config.hydra.compose import command_line
from autrainer.config.hydra.snapshot import Snapshot, frozen_folders


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
    def of_composed(cls, composed: Any) -> Sources:
        """Sources of a composed configuration with its `hydra` node."""
        return cls.of_hydra(composed.hydra)

    @classmethod
    def of_job(cls) -> Sources | None:
        """Sources of the configuration of the job that runs now, or None outside of Hydra."""
        from hydra.core.hydra_config import HydraConfig

        return cls.of_hydra(HydraConfig.get()) if HydraConfig.initialized() else None

    @classmethod
    def of_hydra(cls, node: Any) -> Sources:
        """Sources of a configuration with this `hydra` node."""
        return cls(
            choices={str(k): str(v) for k, v in node.runtime.choices.items()},
            overrides=[str(text) for text in node.overrides.task],
            main=str(node.job.config_name or "config"),
            folders=frozen_folders(),
            arguments=command_line.get(),
        )

    def of(self, key: str) -> str | None:
        """The file that sets a key, `the command line`, or None where it is not known."""
        steps = key.split("[")[0].split(".")
        for text in reversed(self.overrides):
            name, _, _ = text.lstrip("+~").partition("=")
            if _covers(name.split("."), steps) and name not in self.choices:
                return self._of_override(name)
        for name in self._main_files():
            if (place := self._file_with(name, steps)) is not None:
                return place
        option = self.choices.get(steps[0])
        if option is not None:
            return self._file(f"{steps[0]}/{option}")
        return None

    def _of_override(self, name: str) -> str | None:
        given = (text.lstrip("+~").partition("=")[0] for text in self.arguments if "=" in text)
        if name in given:
            return "the command line"
        for config in self._main_files():
            content = self._content(config)
            for step in ("hydra", "sweeper", "params"):
                content = content.get(step) if isinstance(content, Mapping) else None
            if isinstance(content, Mapping) and name in {str(k).lstrip("+") for k in content}:
                return self._file(config)
        return "the command line"

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
