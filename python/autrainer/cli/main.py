"""The console command `autrainer`.

Start-up and exit are part of every run, so this imports next to nothing, keeps the garbage
collector off while libraries are imported, and leaves without tearing the interpreter down.
"""

from __future__ import annotations

import os
import sys

from autrainer import __version__
from autrainer.cli.errors import CommandLineError
from autrainer.config.collector import pause_collector

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

INTERRUPTED = 130
HYDRA_COMMANDS = ("train",)


def main() -> NoReturn:
    """Run the command that `sys.argv` names, and end the process with its exit code."""
    pause_collector()
    _leave(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run a command.

    Returns:
        Exit code: 0, 1 if the command failed, 2 if it was misused, 128 and the signal's number if
        one has stopped it: 130 after Ctrl-C.
    """
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
    except Exception:
        import traceback

        traceback.print_exc()
        return 1
    return 0


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

    parser = get_parser()
    check_command(parser, arguments)
    if arguments[0] in HYDRA_COMMANDS:
        _call_with_hydra(subparsers(parser)[arguments[0]], arguments[0], arguments[1:])
        return
    options = vars(parser.parse_args(arguments))
    command = options.pop("command")
    _module(command).run(parser=subparsers(parser)[command], **options)


def _call_with_hydra(parser: Any, command: str, rest: list[str]) -> None:
    if "-h" in rest or "--help" in rest:
        parser.parse_args(["--help"])
    _module(command).run(parser, rest)


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
    if code is None and arguments[0] not in HYDRA_COMMANDS:
        sys.stderr.write("\nInterrupted\n")
        return INTERRUPTED
    import shlex

    # Between runs, or while one is made ready, there is nothing to keep.
    told = "Interrupted; the same command goes on" if code is None else str(error)
    sys.stderr.write(f"\n{told}:\n  {shlex.join(['autrainer', *arguments])}\n")
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
    import atexit
    import contextlib

    if "threading" in sys.modules:
        import threading

        threading._shutdown()  # type: ignore[attr-defined]
    # They have told about their errors themselves; the interpreter ignores them too.
    with contextlib.suppress(Exception):
        atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        code = code or 1
    os._exit(code)
