"""`autrainer show`: one configuration, and where it is."""

from __future__ import annotations

import sys
from pathlib import Path

from autrainer.cli.errors import CommandLineError
from autrainer.cli.files import (
    SUFFIXES,
    check_directories,
    config_files,
    copy_new,
    near_matches,
    packaged_dir,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser


def run(
    parser: ArgumentParser | None,
    directory: str,
    config: str,
    save: bool,
    force: bool,
    global_only: bool = False,
    config_dir: str = "conf",
) -> None:
    """Print a configuration, the project's before the packaged one, and copy it if asked to.

    Raises:
        CommandLineError: if there is no such configuration, or the copy exists already.
    """
    check_directories(parser, [directory])
    for suffix in SUFFIXES:
        config = config.removesuffix(suffix)
    packaged = config_files(packaged_dir() / directory)
    # What is saved is the packaged one: a local one is there already.
    local = {} if global_only or save else config_files(Path(config_dir, directory))
    found = {**packaged, **local}
    if config not in found:
        raise CommandLineError(
            parser, f"no {directory} configuration {config!r}; {near_matches(config, found)}", 1
        )
    if config in local and config in packaged:
        sys.stderr.write(f"{local[config]} stands in front of the packaged one (-g shows that)\n")
    text = found[config].read_text(encoding="utf-8")
    print(text if text.endswith("\n") else f"{text}\n", end="")
    if save:
        copy_new(parser, packaged[config], Path(config_dir, directory, f"{config}.yaml"), force)
