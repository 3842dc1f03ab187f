"""`autrainer list`: the configurations and classes that a project can choose from."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

from autrainer.cli.errors import CommandLineError
from autrainer.cli.files import check_directories, config_files
from autrainer.config.packaged import packaged_dir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Mapping

    from autrainer.config.kinds import Kind

POINTER = "autrainer show NAME prints what one takes and the YAML to write"


def run(
    parser: ArgumentParser | None,
    directory: str,
    local_only: bool,
    global_only: bool,
    pattern: str,
    config_dir: str = "conf",
) -> None:
    """Print the names of the configurations in a directory, or the classes of a kind.

    Raises:
        CommandLineError: if there is no such directory or kind.
    """
    from autrainer.config.kinds import CALLBACKS, CLASSES, KINDS, LISTABLE, chosen_kind

    kind = chosen_kind(directory)
    if kind not in LISTABLE:
        check_directories(parser, [directory], LISTABLE)
        _list_configurations(parser, directory, local_only, global_only, pattern, config_dir)
        return
    if local_only and not global_only:
        raise CommandLineError(parser, "-l lists configurations; classes are no files there", 2)
    found = [_list_classes(each, pattern) for each in KINDS if kind in (CLASSES, each.name)]
    if kind in (CALLBACKS, CLASSES):
        found.append(_list_hooks(pattern))
    print(POINTER if any(found) else f"No {kind} match '{pattern}'.")


def _list_configurations(
    parser: ArgumentParser | None,
    directory: str,
    local_only: bool,
    global_only: bool,
    pattern: str,
    config_dir: str,
) -> None:
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


def _list_classes(kind: Kind, pattern: str) -> bool:
    from autrainer.config.catalogue import classes_of

    heading = f"{kind.name.capitalize()}, {kind.package}.NAME"
    about = {name: source.summary for name, source in classes_of(kind).items()}
    return _print_entries(f"{heading} ({kind.more})" if kind.more else heading, about, pattern)


def _list_hooks(pattern: str) -> bool:
    import ast

    from autrainer.config.catalogue import hooks

    about = {name: ast.get_docstring(node) or "" for name, node in hooks().items()}
    lines = {name: doc.partition("\n")[0] for name, doc in about.items()}
    return _print_entries("Callbacks: a class of yours with some of these methods", lines, pattern)


def _print_entries(heading: str, entries: Mapping[str, str], pattern: str) -> bool:
    """Print the entries that match; whether there are any."""
    from autrainer.cli.class_help import aligned

    matching = {name: about for name, about in entries.items() if fnmatchcase(name, pattern)}
    if matching:
        print(f"{heading}:\n{aligned(matching)}\n")
    return bool(matching)
