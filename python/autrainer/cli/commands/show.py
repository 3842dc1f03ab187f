"""`autrainer show`: one configuration, or what a class is and takes."""

from __future__ import annotations

import sys
from pathlib import Path

from autrainer.cli.errors import CommandLineError
from autrainer.cli.files import (
    SUFFIXES,
    check_directories,
    config_files,
    copy_new,
    one_of,
)
from autrainer.config.packaged import packaged_dir
from autrainer.errors import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser

NUM_EXAMPLES = 5
"""Names that a message gives of a kind with many."""


def run(
    parser: ArgumentParser | None,
    directory: str,
    config: str | None = None,
    save: bool = False,
    force: bool = False,
    global_only: bool = False,
    config_dir: str = "conf",
) -> None:
    """Print a configuration, the project's before the packaged one, and copy it if asked to.

    A name alone is that of a class, or of a hook of callbacks.

    Raises:
        CommandLineError: if there is no such configuration, class or hook, or the copy exists
            already.
    """
    from autrainer.config.constants import NamingConstants
    from autrainer.config.kinds import LISTABLE, chosen_kind

    if config is not None and directory not in NamingConstants().CONFIG_DIRS:
        if chosen_kind(directory) is None:
            check_directories(parser, [directory], LISTABLE)
        directory, config = config, None
    elif config is None and directory in NamingConstants().CONFIG_DIRS:
        names = list(config_files(packaged_dir() / directory))
        message = f"name a {directory} configuration, such as {', '.join(names[:NUM_EXAMPLES])}"
        if len(names) > NUM_EXAMPLES:
            message += f"; autrainer list {directory} prints all {len(names)}"
        raise CommandLineError(parser, message, 2)
    if config is not None:
        _show_configuration(parser, directory, config, save, force, global_only, config_dir)
    elif save:
        raise CommandLineError(parser, "-s copies configurations; a class has no file", 2)
    else:
        _show_class(parser, directory)


def _show_configuration(
    parser: ArgumentParser | None,
    directory: str,
    config: str,
    save: bool,
    force: bool,
    global_only: bool,
    config_dir: str,
) -> None:
    for suffix in SUFFIXES:
        config = config.removesuffix(suffix)
    packaged = config_files(packaged_dir() / directory)
    # What is saved is the packaged one: a local one is there already.
    local = {} if global_only or save else config_files(Path(config_dir, directory))
    found = {**packaged, **local}
    if config not in found:
        hint = did_you_mean(config, found) or one_of(found)
        raise CommandLineError(parser, f"no {directory} configuration {config!r}; {hint}", 1)
    if config in local and config in packaged:
        sys.stderr.write(f"{local[config]} stands in front of the packaged one (-g shows that)\n")
    text = found[config].read_text(encoding="utf-8")
    print(text if text.endswith("\n") else f"{text}\n", end="")
    if save:
        copy_new(parser, packaged[config], Path(config_dir, directory, f"{config}.yaml"), force)


def _show_class(parser: ArgumentParser | None, name: str) -> None:
    from autrainer.cli.class_help import describe_class, describe_hook
    from autrainer.config.catalogue import all_names, find_class, hooks
    from autrainer.config.kinds import chosen_kind

    # An import path, as configurations have it, is fine too.
    name = name.rpartition(".")[2]
    if name in hooks():
        print(describe_hook(hooks()[name]))
        return
    found = find_class(name)
    if found is None and (kind := chosen_kind(name)) is not None:
        raise CommandLineError(parser, f"name one of them; autrainer list {kind} prints all", 2)
    if found is None:
        hint = did_you_mean(name, all_names()) or "autrainer list classes prints all of them"
        raise CommandLineError(parser, f"there is no class {name!r} in autrainer; {hint}", 1)
    print(describe_class(*found))
