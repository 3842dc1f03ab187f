"""`autrainer list`: the configurations that a project can choose from."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

from autrainer.cli.errors import CommandLineError
from autrainer.cli.files import check_directories, config_files, packaged_dir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser


def run(
    parser: ArgumentParser | None,
    directory: str,
    local_only: bool,
    global_only: bool,
    pattern: str,
    config_dir: str = "conf",
) -> None:
    """Print the names of the configurations in a directory.

    Raises:
        CommandLineError: if there is no such directory.
    """
    check_directories(parser, [directory])
    both = local_only == global_only
    if global_only or both:
        _print("Global", directory, packaged_dir() / directory, pattern)
    local = Path(config_dir, directory)
    if local_only and not both and not local.is_dir():
        raise CommandLineError(
            parser, f"the directory '{local}' does not exist; autrainer create {directory}", 1
        )
    if (local_only or both) and local.is_dir():
        _print("Local", directory, local, pattern)


def _print(place: str, directory: str, folder: Path, pattern: str) -> None:
    names = [name for name in config_files(folder) if fnmatchcase(name, pattern)]
    if not names:
        print(f"No {place.lower()} '{directory}' configurations match '{pattern}'.")
        return
    print(f"{place} '{directory}' configurations:")
    for name in names:
        print(f" - {name}")
