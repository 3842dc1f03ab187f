"""`autrainer create`: a folder of configurations to start a project from."""

from __future__ import annotations

from pathlib import Path

from autrainer.cli.errors import CommandLineError
from autrainer.cli.files import check_directories, config_files, copy_new
from autrainer.config.packaged import packaged_dir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Sequence


def run(
    parser: ArgumentParser | None,
    directories: Sequence[str],
    empty: bool,
    all: bool,
    force: bool,
) -> None:
    """Create `conf` with these folders and a main configuration.

    A project that is there already gets the folders that it lacks; its main configuration stays.

    Raises:
        CommandLineError: if it is not said what to create, or there is nothing to add to `conf`.
    """
    from autrainer.config.constants import NamingConstants

    if not directories and not empty and not all:
        raise CommandLineError(
            parser, "nothing to create; name directories, or use -e for none or -a for all", 2
        )
    check_directories(parser, directories)
    if empty and all:
        raise CommandLineError(parser, "-e/--empty and -a/--all exclude each other", 2)
    if directories and (empty or all):
        raise CommandLineError(parser, "name directories, or use -e or -a, not both", 2)
    conf = Path("conf")
    has_main = bool(config_files(conf))
    if conf.exists() and empty and not force:
        raise CommandLineError(
            parser, "the directory 'conf' exists; overwrite its config.yaml with -f", 1
        )
    for name in NamingConstants().CONFIG_DIRS if all else directories:
        (conf / name).mkdir(parents=True, exist_ok=True)
    if force or not has_main:
        copy_new(parser, packaged_dir() / "config.yaml", conf / "config.yaml", force=True)
