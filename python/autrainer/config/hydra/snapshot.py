"""Configuration folders, frozen in memory for as long as a command runs.

Jobs of a long sweep are composed one after the other. What they are composed from is what the
folder held when the command started, whatever is edited meanwhile. There is no copy on disk, so
nothing is left behind, and a launcher that composes on another machine takes the snapshot along.
"""

from __future__ import annotations

import builtins
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from autrainer.config.hydra.internals import ConfigSearchPath, ObjectType, Plugins, header_of
from autrainer.config.hydra.omegaconf_yaml import parse_config
from autrainer.config.packaged import packaged_dir
from autrainer.config.run_name import run_name
from autrainer.errors import ConfigError, CorruptFileError
from autrainer.runs.writing.opening import read_text

SUFFIXES = (".yaml", ".yml")


class Snapshot:
    """The YAML files below a folder, as they were when this object was made.

    Args:
        folder: The folder; one that does not exist is empty.
        lazily: Read a file when it is first asked for: right for folders that nobody edits.
    """

    def __init__(self, folder: Path, *, lazily: bool = False) -> None:
        self.folder = folder
        self.paths: dict[str, Path] = {}
        self._texts: dict[str, str] = {}
        self._parsed: dict[str, Any] = {}
        for path in _yaml_files(folder):
            name = path.relative_to(folder).with_suffix("").as_posix()
            if name in self.paths and path.suffix == ".yml":
                continue
            self.paths[name] = path
            if not lazily:
                self._texts[name] = _text(path)
        parents = {parent for name in self.paths for parent in Path(name).parents}
        self.groups = {"" if group == Path(".") else group.as_posix() for group in parents}

    def text(self, name: str) -> str:
        """Text of a file, named without suffix."""
        if name not in self._texts:
            self._texts[name] = _text(self.paths[name])
        return self._texts[name]

    def parsed(self, name: str) -> Any:
        """Content of a file as plain containers; it belongs to the snapshot."""
        if name not in self._parsed:
            self._parsed[name] = parse_config(self.text(name), str(self.paths[name]))
        return self._parsed[name]

    def __deepcopy__(self, memo: dict[int, Any]) -> Snapshot:
        return self


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is no text in UTF-8: {error}") from error
    except CorruptFileError as error:
        raise ConfigError(str(error)) from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from error


def _as_config(content: Any, path: Path) -> DictConfig | ListConfig:
    try:
        config: DictConfig | ListConfig = OmegaConf.create(content)
    except (OmegaConfBaseException, RecursionError) as error:
        reason = str(error).split("\n")[0]
        raise ConfigError(f"{path} is no configuration: {reason}") from error
    return config


def _yaml_files(folder: Path) -> Iterator[Path]:
    seen: set[str] = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        # A link to a folder above would be walked for ever.
        folders[:] = [name for name in folders if _is_new(os.path.join(parent, name), seen)]
        for file in files:
            if file.endswith(SUFFIXES):
                yield Path(parent, file)


def _is_new(folder: str, seen: set[str]) -> bool:
    real = os.path.realpath(folder)
    if real in seen:
        return False
    seen.add(real)
    return True


class SnapshotSource(ConfigSource):
    """Serves configurations to Hydra from a snapshot.

    Args:
        provider: Who put the folder into the search path.
        path: `frozen://` and the path of the folder.
    """

    def __init__(self, provider: str, path: str) -> None:
        super().__init__(provider=provider, path=path)
        folder = Path(self.path)
        taken = _search_path.get()
        self.snapshot = taken[folder] if folder in taken else Snapshot(folder)

    @staticmethod
    def scheme() -> str:
        """Prefix of the paths that this source serves."""
        return "frozen"

    def load_config(self, config_path: str) -> ConfigResult:
        """Load a configuration by its name within the folder."""
        name = _name(config_path)
        if name not in self.snapshot.paths:
            raise ConfigLoadError(f"Config not found: {self.path}/{name}.yaml")
        content = self.snapshot.parsed(name)
        config = _as_config({} if content is None else content, self.snapshot.paths[name])
        header = header_of(self.snapshot.text(name)[:512])
        return ConfigResult(
            provider=self.provider, path=self.full_path(), config=config, header=header
        )

    def is_group(self, config_path: str) -> bool:
        """Whether the snapshot has this folder."""
        return config_path.strip("/") in self.snapshot.groups

    def is_config(self, config_path: str) -> bool:
        """Whether the snapshot has this file."""
        return _name(config_path) in self.snapshot.paths

    def available(self) -> bool:
        """Whether the folder was there."""
        return self.is_group("") or Path(self.path).is_dir()

    def list(self, config_path: str, results_filter: ObjectType | None) -> builtins.list[str]:
        """Names of the configurations and folders in a folder."""
        parent = Path(config_path.strip("/"))
        found: set[str] = set()
        if results_filter in (None, ObjectType.CONFIG):
            found |= {
                Path(name).name for name in self.snapshot.paths if Path(name).parent == parent
            }
        if results_filter in (None, ObjectType.GROUP):
            groups = (Path(group) for group in self.snapshot.groups if group)
            found |= {group.name for group in groups if group.parent == parent}
        return sorted(found)


def _name(config_path: str) -> str:
    name = config_path.strip("/")
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    return name


_search_path: ContextVar[Mapping[Path, Snapshot]] = ContextVar(
    "search_path", default=MappingProxyType({})
)


class AutrainerSearchPath(SearchPathPlugin):
    """Puts the frozen folders into Hydra's search path, in a command of ours only."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append the folders, the user's before the packaged one."""
        for folder in _search_path.get():
            search_path.append("autrainer", f"{SnapshotSource.scheme()}://{folder.as_posix()}")


def frozen_folders() -> list[Snapshot]:
    """The folders that are frozen now, the first before the others."""
    return list(_search_path.get().values())


@contextmanager
def frozen(user: Path | None) -> Iterator[list[Snapshot]]:
    """Let Hydra compose from the user's folder, as it is now, and from the packaged one."""
    plugins = Plugins.instance()
    # Nothing happens when they are registered already; outside of this block they are inert.
    plugins.register(SnapshotSource)
    plugins.register(AutrainerSearchPath)
    packaged = packaged_dir()
    taken = {}
    if user is not None and user.resolve() != packaged.resolve():
        taken[user] = Snapshot(user)
    taken[packaged] = Snapshot(packaged, lazily=True)
    token = _search_path.set(taken)
    try:
        yield list(taken.values())
    finally:
        _search_path.reset(token)


# Registered on import, so that a process that unpickles a snapshot can name runs too.
OmegaConf.register_new_resolver(
    "autrainer.run_name", lambda *, _root_: run_name(_root_), replace=True
)
