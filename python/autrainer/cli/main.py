"""The console command `autrainer`.

Start-up and exit are part of every run, so this imports next to nothing, keeps the garbage
collector off while libraries are imported, and leaves without tearing the interpreter down.
"""

from __future__ import annotations

import os
import sys

from autrainer import __version__
from autrainer.cli.signal_exit import SignalExit, command_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from autrainer.cli.errors import CommandLineError

INTERRUPTED = 130
UNWRITTEN = "standard output cannot be written"
HYDRA_COMMANDS = (
    "check",
    "fetch",
    "find-batch-size",
    "find-learning-rate",
    "group",
    "preprocess",
    "train",
)
TRAINING_COMMANDS = ("check", "find-batch-size", "find-learning-rate", "train")
"""Those of them that need torch, once they have composed."""
RESUMABLE = (*HYDRA_COMMANDS, "inference")
"""Commands that keep what they have done when they are interrupted."""


def main() -> NoReturn:
    """Run the command that `sys.argv` names, and end the process with its exit code."""
    arguments = sys.argv[1:]
    trains = arguments[:1] in ([name] for name in HYDRA_COMMANDS)
    # Before all imports: a signal that comes in the middle of one must not become an error of it.
    goes_on = arguments[:1] in ([name] for name in RESUMABLE)
    SignalExit(arguments, is_resumable=goes_on).install()
    _prepare_streams(trains)
    from autrainer.config.hydra.collector import pause_collector

    pause_collector()
    if arguments[:1] == ["train"]:
        # Until it has imported the trainer; other commands go on to code of the user by other ways.
        from autrainer.fast.dataclass_methods import defer_methods

        defer_methods()
    if imports_torch(arguments) and not _has_trained(arguments):
        _prepare_torch()
    _leave(run(arguments))


def _has_trained(arguments: list[str]) -> bool:
    if arguments[0] != "train":
        return False
    from autrainer.cli.trained_before import seems_trained

    return seems_trained(arguments)


def _prepare_torch() -> None:
    """Load torch's libraries while this process composes.

    From then on until torch is imported no environment variable may change.
    """
    if "SLURM_PROCID" in os.environ:
        # What srun says is translated into other variables first.
        return
    from autrainer.fast.preloading import preload_torch

    # Figures need no display.
    os.environ.setdefault("MPLBACKEND", "Agg")
    preload_torch()


def _prepare_streams(trains: bool) -> None:
    """Drop output to streams that are closed or gone, so that the run goes on."""
    from autrainer.runs.process.streams import lenient, open_standard_streams

    open_standard_streams()
    streams: Any = sys
    streams.stderr = lenient(sys.stderr)
    if trains:
        streams.stdout = lenient(sys.stdout)


def run(arguments: list[str]) -> int:
    """Run a command.

    Returns:
        Exit code: 0, 1 if the command failed, 2 if it was misused, 128 and the signal's number if
        one has stopped it: 130 after Ctrl-C.
    """
    from autrainer.cli.errors import CommandLineError

    try:
        dispatch(arguments)
    except CommandLineError as error:
        return report(error)
    except KeyboardInterrupt as error:
        return _interrupted(error, arguments)
    except SystemExit as error:
        return _code(error)
    except BrokenPipeError:
        # Whoever read the output has gone, as in `autrainer list model | head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except Exception as error:
        return _failed(error, prints=arguments[0] not in HYDRA_COMMANDS)
    return 0


def _failed(error: Exception, *, prints: bool) -> int:
    # The error of a file would have its name.
    if prints and isinstance(error, OSError) and error.filename is None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.stderr.write(f"autrainer: {UNWRITTEN}: {error}\n")
        return 1
    import traceback

    traceback.print_exc()
    return 1


def dispatch(arguments: list[str]) -> None:
    """Parse arguments and call the command.

    Raises:
        CommandLineError: if the arguments make no sense or the command cannot be carried out.
        SystemExit: after help or version, or if a job failed.
    """
    if arguments in (["-v"], ["--version"]):
        print(f"autrainer {__version__}")
        return
    from autrainer.cli.parser import check_command, get_parser, subparsers

    check_command(arguments)
    command, rest = arguments[0], arguments[1:]
    if command.startswith("-"):
        get_parser().parse_args(arguments)
        return
    parser = subparsers(get_parser(only=command))[command]
    if command in HYDRA_COMMANDS:
        _call_with_hydra(parser, command, rest)
        return
    _module(command).run(parser=parser, **vars(parser.parse_args(rest)))


def _call_with_hydra(parser: Any, command: str, rest: list[str]) -> None:
    if asks_for_help(rest):
        parser.parse_args(["--help"])
    _module(command).run(parser, rest)


def imports_torch(arguments: list[str]) -> bool:
    """Whether a command is going to import torch here, as far as its arguments tell.

    The runs of a pool or a cluster train in processes of their own.
    """
    elsewhere = ("jobs=", "launcher=", "hydra/launcher=")
    is_one = arguments[:1] in ([name] for name in TRAINING_COMMANDS)
    goes_elsewhere = any(each.lstrip("+").startswith(elsewhere) for each in arguments)
    return is_one and not goes_elsewhere and not asks_for_help(arguments)


def asks_for_help(arguments: list[str]) -> bool:
    """Whether arguments of a command that Hydra reads ask for the help of the command."""
    return "-h" in arguments or "--help" in arguments


def _module(command: str) -> Any:
    import importlib

    return importlib.import_module(f"autrainer.cli.commands.{command.replace('-', '_')}")


def report(error: CommandLineError) -> int:
    """Write a failed command's message to stderr, after the help if it was misused."""
    if error.code == 2 and error.parser is not None:
        error.parser.print_help(sys.stderr)
        sys.stderr.write("\n")
    sys.stderr.write(f"autrainer: {error.message}\n")
    return error.code


def _interrupted(error: KeyboardInterrupt, arguments: list[str]) -> int:
    """Say what stopped the command and, for a run that can be resumed, how to go on."""
    code: int | None = getattr(error, "exit_code", None)
    if code is None and arguments[0] not in RESUMABLE:
        sys.stderr.write("\nInterrupted\n")
        return INTERRUPTED
    # Between runs, or while one is made ready, there is nothing to keep.
    told = "Interrupted; the same command goes on" if code is None else str(error)
    sys.stderr.write(f"\n{told}:\n  {command_line(arguments)}\n")
    return INTERRUPTED if code is None else code


def _code(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code
    sys.stderr.write(f"{error.code}\n")
    return 1


def _leave(code: int) -> NoReturn:
    """End the process as the interpreter would, except that objects are not destroyed one by one.

    Threads are joined, exit functions run and files flushed. A debugger, a tracer or a profiler
    wants the ordinary way out.
    """
    if sys.gettrace() is not None or sys.getprofile() is not None or sys.flags.interactive:
        sys.exit(code)
    if "threading" in sys.modules:
        import threading

        threading._shutdown()  # type: ignore[attr-defined]
    _call_exit_functions()
    try:
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        sys.stderr.write(f"autrainer: {UNWRITTEN}: {error}\n")
        code = code or 1
    sys.stderr.flush()
    os._exit(code)


def _call_exit_functions() -> None:
    import atexit

    try:
        atexit._run_exitfuncs()
    except Exception:
        # It has told about itself; the interpreter ignores it too.
        return
