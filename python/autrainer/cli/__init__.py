"""The commands as functions: `autrainer.cli.train({"seed": [1, 2]})`.

They return None and raise `CommandLineError` where the command would end with a message; in a
notebook that message is printed. `sys.argv` is neither read nor changed.
"""

from __future__ import annotations

import builtins
import sys

from autrainer.cli.errors import CommandLineError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

__all__ = ["CommandLineError", "create", "list", "show", "train"]


def create(
    directories: Sequence[str] | None = None,
    empty: bool = False,
    all: bool = False,
    force: bool = False,
) -> None:
    """Start a project: a folder of configurations with a main one; or add folders to one.

    Args:
        directories: Folders to create in `conf`.
        empty: Create `conf` without folders.
        all: Create all folders.
        force: Overwrite `conf/config.yaml`.
    """
    from autrainer.cli.commands import create as command

    _call(command.run, directories or [], empty, all, force)


def list(
    directory: str,
    local_only: bool = False,
    global_only: bool = False,
    pattern: str = "*",
    config_dir: str = "conf",
) -> None:
    """Print the configurations in a directory.

    Args:
        directory: Kind of configuration, such as `model`.
        local_only: Only those of the project.
        global_only: Only those of autrainer.
        pattern: Names to print, such as `Cnn*`.
        config_dir: The project's configurations.
    """
    from autrainer.cli.commands import list as command

    _call(command.run, directory, local_only, global_only, pattern, config_dir)


def show(
    directory: str,
    config: str,
    save: bool = False,
    force: bool = False,
    global_only: bool = False,
    config_dir: str = "conf",
) -> None:
    """Print a configuration.

    Args:
        directory: Kind of configuration, such as `model`.
        config: Its name.
        save: Copy the packaged one into the project.
        force: Overwrite an existing copy.
        global_only: Print the packaged one, not the project's.
        config_dir: The project's configurations.
    """
    from autrainer.cli.commands import show as command

    _call(command.run, directory, config, save, force, global_only, config_dir)


def train(
    override_kwargs: Mapping[str, Any] | None = None,
    config_name: str = "config",
    config_path: str | None = None,
) -> None:
    """Train every combination of a main configuration.

    Args:
        override_kwargs: Values by key; a list is swept over.
        config_name: Main configuration.
        config_path: Folder of the project's configurations; `conf` by default.

    Raises:
        SystemExit: if a job failed; why is on stderr.
    """
    from autrainer.cli.commands import train as command

    _call(command.run, hydra_arguments(override_kwargs, config_name, config_path))


def hydra_arguments(
    override_kwargs: Mapping[str, Any] | None, config_name: str, config_path: str | None
) -> builtins.list[str]:
    """Arguments of a command with Hydra.

    Raises:
        CommandLineError: if a value is neither text nor number nor a list of them.
    """
    arguments = ["-cn", config_name]
    if config_path is not None:
        arguments += ["-cd", config_path]
    return arguments + [f"{k}={_override(k, v)}" for k, v in (override_kwargs or {}).items()]


def _override(key: str, value: Any) -> str:
    if isinstance(value, builtins.list | tuple) and value:
        return ",".join(_override(key, item) for item in value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    if value is None:
        return "null"
    raise CommandLineError(
        None, f"{key} is {value!r}; use a text, a number, a bool or a list of them", 2
    )


def _call(command: Callable[..., None], *args: Any) -> None:
    try:
        command(None, *args)
    except CommandLineError as error:
        if not _in_notebook():
            raise
        sys.stderr.write(f"{error.message}\n")


def _in_notebook() -> bool:
    return any("jupyter" in text or "ipykernel" in text for text in sys.argv)
