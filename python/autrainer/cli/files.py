"""Where configurations lie, for the commands that only look at files."""

from __future__ import annotations

from pathlib import Path

from autrainer.cli.errors import CommandLineError
from autrainer.errors import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterable

SUFFIXES = (".yaml", ".yml")


def config_files(folder: Path) -> dict[str, Path]:
    """Configurations in a folder, by name, sorted without regard to case."""
    if not folder.is_dir():
        return {}
    files = [path for path in folder.iterdir() if path.suffix in SUFFIXES and path.is_file()]
    # Where both exist, `.yaml` is read; so it comes last here.
    files.sort(key=lambda path: (path.stem.lower(), path.stem, path.suffix == ".yaml"))
    return {path.stem: path for path in files}


def check_directories(
    parser: ArgumentParser | None, names: Iterable[str], others: Iterable[str] = ()
) -> None:
    """Refuse names that are no kind of configuration.

    Args:
        parser: Parser of the command.
        names: The names.
        others: What the command takes besides.

    Raises:
        CommandLineError: if one is not.
    """
    from autrainer.config.constants import NamingConstants

    known = NamingConstants().CONFIG_DIRS
    options = [*known, *others]
    for name in names:
        if name not in known:
            hint = did_you_mean(name, options) or one_of(options)
            raise CommandLineError(parser, f"unknown directory {name!r}; {hint}", 2)


def one_of(options: Iterable[str]) -> str:
    """All options, for a message."""
    listed = ", ".join(options)
    return f"use one of {listed}" if listed else "there is none"


def copy_new(parser: ArgumentParser | None, source: Path, target: Path, force: bool) -> None:
    """Copy a configuration, comments and all, whole or not at all.

    Raises:
        CommandLineError: if the target exists and `force` is not given.
    """
    if target.exists() and not force:
        raise CommandLineError(parser, f"{target} exists; overwrite it with -f", 1)
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = target.with_name(f".{target.name}.new")
    staged.write_bytes(source.read_bytes())
    staged.replace(target)
