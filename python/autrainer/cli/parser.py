"""The parser of the command `autrainer`: all commands, with their help."""

from __future__ import annotations

import argparse
import os
import sys

from autrainer import __version__
from autrainer.cli.errors import CommandLineError
from autrainer.config.kinds import LISTABLE
from autrainer.errors import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

WIDTH = 80
"""Where there is no terminal."""

CONFIG_DIRS = (
    "augmentation",
    "dataset",
    "model",
    "optimizer",
    "plotting",
    "preprocessing",
    "scheduler",
)


def terminal_columns() -> int:
    """How wide the terminal is, as `shutil.get_terminal_size` has it.

    To ask that would import all formats of archives, 2 ms of the 28 that `autrainer list` takes.
    """
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given) > 0:
        return int(given)
    if sys.__stdout__ is None:
        return WIDTH
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or WIDTH
    except (ValueError, OSError):
        return WIDTH


class Formatter(argparse.HelpFormatter):
    """Help as wide as the terminal."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=terminal_columns() - 2)


class Parser(argparse.ArgumentParser):
    """A parser that raises instead of exiting, and proposes the commands nearest to a typo."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": Formatter, **options})

    def error(self, message: str) -> NoReturn:
        """Raise a usage error."""
        raise CommandLineError(self, message, 2)


COMMANDS = (
    *("check", "runs", "diff", "verify", "report", "export", "postprocess", "group", "rm-failed"),
    *("rm-states", "find-batch-size", "find-learning-rate", "completion"),
)
"""Commands that are a module of `cli.commands` each: `ABOUT`, `EXAMPLE`, `add_arguments`, `run`."""


def get_parser(only: str | None = None) -> Parser:
    """Make the parser of the command `autrainer`.

    Args:
        only: A command, for which alone the parser is.
    """
    parser = Parser(
        prog="autrainer",
        description="A training toolkit on Hydra and PyTorch.",
        epilog="example: autrainer train",
        allow_abbrev=False,
    )
    parser.add_argument("-v", "--version", action="version", version=f"autrainer {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="<command>", parser_class=Parser)
    for name in command_names() if only is None else [only]:
        add = _ADDED.get(name)
        if add is None:
            _add_module(commands, name)
        else:
            add(commands)
    return parser


def _add_module(commands: Any, name: str) -> None:
    import importlib

    module = importlib.import_module(f"autrainer.cli.commands.{name.replace('-', '_')}")
    takes_hydra = getattr(module, "TAKES_HYDRA", False)
    parser = _command(commands, name, module.ABOUT, module.EXAMPLE, add_help=not takes_hydra)
    module.add_arguments(parser)
    if takes_hydra:
        _add_hydra(parser)


def check_command(arguments: list[str]) -> None:
    """Refuse arguments that do not begin with a command.

    Raises:
        CommandLineError: if there is no command, or none of this name.
    """
    if not arguments:
        raise CommandLineError(get_parser(), "name a command", 2)
    name, names = arguments[0], command_names()
    if name in names or name in ("-h", "--help", "-v", "--version"):
        return
    kind = "option" if name.startswith("-") else "command"
    hint = did_you_mean(name, names) or f"use one of {', '.join(names)}"
    raise CommandLineError(get_parser(), f"unknown {kind} {name!r}; {hint}", 2)


def command_names() -> list[str]:
    """Names of all commands."""
    return [*_ADDED, *COMMANDS]


def subparsers(parser: Parser) -> dict[str, Parser]:
    """Parsers of the commands by their names."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _command(commands: Any, name: str, about: str, example: str, **options: Any) -> Any:
    return commands.add_parser(
        name,
        help=about,
        description=about,
        epilog=f"example: {example}",
        allow_abbrev=False,
        **options,
    )


def _add_create(commands: Any) -> None:
    parser = _command(
        commands,
        "create",
        "Start a project: a folder of configurations with a main one. A project that is there "
        "gets the folders that it lacks.",
        "autrainer create model dataset",
    )
    parser.add_argument(
        "directories",
        nargs="*",
        metavar="directory",
        help=f"folders to create in conf: {', '.join(CONFIG_DIRS)}",
    )
    parser.add_argument("-e", "--empty", action="store_true", help="create conf without folders")
    parser.add_argument("-a", "--all", action="store_true", help="create all folders")
    parser.add_argument("-f", "--force", action="store_true", help="overwrite conf/config.yaml")


def _add_list(commands: Any) -> None:
    parser = _command(
        commands,
        "list",
        "List configurations, or the classes that configurations can name.",
        "autrainer list transforms",
    )
    parser.add_argument(
        "directory",
        help=f"kind of configuration ({', '.join(CONFIG_DIRS)}) "
        f"or of class ({', '.join(LISTABLE)})",
    )
    parser.add_argument("-l", "--local-only", action="store_true", help="only those of the project")
    parser.add_argument("-g", "--global-only", action="store_true", help="only those of autrainer")
    parser.add_argument("-p", "--pattern", default="*", help="names to list, such as 'Cnn*'")
    _add_config_dir(parser)


def _add_show(commands: Any) -> None:
    parser = _command(
        commands,
        "show",
        "Print a configuration, as `autrainer train` would find it, or what a class is, takes and "
        "how it is named.",
        "autrainer show model ToyFFNN; autrainer show Standardizer",
    )
    parser.add_argument(
        "directory",
        help=f"kind of configuration ({', '.join(CONFIG_DIRS)}), or the name of a class",
    )
    parser.add_argument("config", nargs="?", help="name of the configuration")
    parser.add_argument(
        "-s", "--save", action="store_true", help="copy the packaged one into the project"
    )
    parser.add_argument("-f", "--force", action="store_true", help="overwrite an existing copy")
    parser.add_argument(
        "-g", "--global-only", action="store_true", help="the packaged one, not the project's"
    )
    _add_config_dir(parser)


def _add_config_dir(parser: Any) -> None:
    parser.add_argument(
        "-cd", "--config-dir", default="conf", help="the project's configurations (conf)"
    )


def _add_inference(commands: Any) -> None:
    from autrainer.runs.layout import BEST

    parser = _command(
        commands,
        "inference",
        "Predict what a trained model says about recordings, or about rows if it has learned from "
        "a table, and write it as results.csv and results.yaml. The same command goes on after an "
        "interrupted call; with the rows of a table it begins anew.",
        "autrainer inference results/default/training/RUN recordings predictions -r",
    )
    parser.add_argument(
        "model", help="folder of a run, or hf:repository[@revision][:subdir][#local_dir]"
    )
    parser.add_argument("input", help="folder of recordings, or one of them; or a CSV file")
    parser.add_argument("output", help="folder of the results")
    add = parser.add_argument
    add("-c", "--checkpoint", default=BEST, help=f"folder of the state in the run ({BEST})")
    add("-d", "--device", default="cpu", help="cpu, cuda, cuda:<number> or mps (cpu)")
    add("-e", "--extension", default="wav", help="suffix of the recordings, or several: wav,flac")
    add("-r", "--recursive", action="store_true", help="look into the folders below too")
    add("-l", "--list", help="CSV file whose column filename names the recordings of the folder")
    add("-emb", "--embeddings", action="store_true", help="write embeddings too, in the same pass")
    _add_update_frequency(parser)
    add(
        "-p",
        "--preprocess-cfg",
        default="default",
        help="default: the preprocessing stored with the model; None: none; else a YAML file, or "
        "its name in conf/preprocessing",
    )
    add("-w", "--window-length", type=float, help="seconds of a window; whole files by default")
    add("-s", "--stride-length", type=float, help="seconds from window to window (its length)")
    add("-m", "--min-length", type=float, help="seconds below which zeros are added at the end")
    add("-sr", "--sample-rate", type=int, help="Hz, where the model reads files as they are")
    add("-t", "--trust-remote", action="store_true", help="run code that a model of a hub brings")
    add("-tl", "--trust-local", action="store_true", help="build classes of modules beside you")
    add(
        "--tail",
        default="drop",
        choices=("drop", "pad", "align"),
        help="what lies behind the last whole window: drop it, a last window filled up with zeros, "
        "or one that ends with the file (drop)",
    )
    add("-b", "--batch-size", type=int, default=32, help="windows, or files, at once (32)")
    add("--format", default="csv", choices=("csv", "parquet"), help="of the table (csv)")
    add(
        "--embeddings-format",
        default="npy",
        choices=("npy", "pt"),
        help="NumPy arrays, or files of torch (npy)",
    )


def _add_update_frequency(parser: Any) -> None:
    parser.add_argument(
        "-u",
        "--update-frequency",
        type=int,
        default=1,
        help="files between two looks of the progress bar; 0 for none (1)",
    )


def preprocess_options(arguments: list[str], **defaults: Any) -> tuple[Any, list[str]]:
    """The options of `preprocess` among arguments, and the others, which are for Hydra.

    Raises:
        CommandLineError: if an option has a value that it cannot have.
    """
    parser = Parser(prog="autrainer preprocess", add_help=False, allow_abbrev=False)
    _add_preprocess_options(parser)
    parser.set_defaults(**defaults)
    return parser.parse_known_args(arguments)


def _add_preprocess_options(parser: Any) -> None:
    parser.add_argument(
        "-n",
        "--num-workers",
        type=int,
        default=0,
        help="recordings that are worked on at a time; 0 for as many as there are cores (0); where "
        "code of your own is called, it is one",
    )
    _add_update_frequency(parser)
    parser.add_argument("--check", action="store_true", help="only tell what would be made")
    parser.add_argument("-f", "--force", action="store_true", help="make everything again")
    _add_launcher(parser)


def _add_launcher(parser: Any) -> None:
    parser.add_argument(
        "-l",
        "--cfg-launcher",
        action="store_true",
        help="has no effect, since nothing is launched; accepted as by autrainer 0.10",
    )


def fetch_options(arguments: list[str]) -> tuple[Any, list[str]]:
    """The options of `fetch` among arguments, and the others, which are for Hydra."""
    parser = Parser(prog="autrainer fetch", add_help=False, allow_abbrev=False)
    _add_launcher(parser)
    return parser.parse_known_args(arguments)


def _add_fetch(commands: Any) -> None:
    parser = _command(
        commands,
        "fetch",
        "Download what the datasets, transforms and models of the main configuration need. What "
        "is there is not asked for again; an interrupted call is gone on by the same command.",
        "autrainer fetch -cn config",
        add_help=False,
    )
    _add_launcher(parser)
    _add_hydra(parser)


def _add_preprocess(commands: Any) -> None:
    parser = _command(
        commands,
        "preprocess",
        "Make the features of the datasets of the main configuration, by the preprocessing that "
        "features_subdir names. What is there as it should be is left alone; an interrupted call "
        "is gone on by the same command.",
        "autrainer preprocess -cn config",
        add_help=False,
    )
    _add_preprocess_options(parser)
    _add_hydra(parser)


def _add_train(commands: Any) -> None:
    parser = _command(
        commands,
        "train",
        "Train every combination of the main configuration.",
        "autrainer train -cn config seed=1,2 optimizer=SGD",
        add_help=False,
    )
    _add_hydra(parser)


def _add_hydra(parser: Any) -> None:
    parser.add_argument("-h", "--help", action="help", help="show this help and exit")
    parser.add_argument(
        "overrides",
        nargs="*",
        help="key=value, or key=a,b for several runs; +key=value for a new key; all flags of "
        "Hydra (-cn NAME, -cd FOLDER, --cfg job, --info, --hydra-help) work too",
    )


_ADDED = {
    "create": _add_create,
    "list": _add_list,
    "show": _add_show,
    "fetch": _add_fetch,
    "preprocess": _add_preprocess,
    "train": _add_train,
    "inference": _add_inference,
}
"""Commands whose parsers are made here."""
