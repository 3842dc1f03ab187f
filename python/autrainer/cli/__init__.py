"""The commands as functions: `autrainer.cli.train({"seed": [1, 2]})`.

They raise `CommandLineError` where the command would end with a message; in a notebook all but
`train` print that message. `sys.argv` is neither read nor changed. `train` returns what became of
its runs, `check` what it has found, commands on finished runs what they have made or removed; all
others return None.
"""

from __future__ import annotations

import builtins
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from autrainer.checking.findings import Finding
    from autrainer.cli.commands.check import check
    from autrainer.cli.commands.diff import diff
    from autrainer.cli.commands.export import export
    from autrainer.cli.commands.find_batch_size import find_batch_size
    from autrainer.cli.commands.find_learning_rate import find_learning_rate
    from autrainer.cli.commands.group import group
    from autrainer.cli.commands.postprocess import postprocess
    from autrainer.cli.commands.report import report
    from autrainer.cli.commands.rm_failed import rm_failed
    from autrainer.cli.commands.rm_states import rm_states
    from autrainer.cli.commands.runs import runs
    from autrainer.cli.commands.verify import verify
    from autrainer.cli.errors import CommandLineError
    from autrainer.cli.results import RunResult

__all__ = [
    "CommandLineError",
    "Finding",
    "RunResult",
    "check",
    "create",
    "diff",
    "export",
    "fetch",
    "find_batch_size",
    "find_learning_rate",
    "group",
    "inference",
    "list",
    "postprocess",
    "preprocess",
    "report",
    "rm_failed",
    "rm_states",
    "runs",
    "show",
    "train",
    "verify",
]


_HOMES = {
    "Finding": "autrainer.checking.findings",
    "check": "autrainer.cli.commands.check",
    "CommandLineError": "autrainer.cli.errors",
    "RunResult": "autrainer.cli.results",
    "diff": "autrainer.cli.commands.diff",
    "export": "autrainer.cli.commands.export",
    "find_batch_size": "autrainer.cli.commands.find_batch_size",
    "find_learning_rate": "autrainer.cli.commands.find_learning_rate",
    "group": "autrainer.cli.commands.group",
    "postprocess": "autrainer.cli.commands.postprocess",
    "report": "autrainer.cli.commands.report",
    "rm_failed": "autrainer.cli.commands.rm_failed",
    "rm_states": "autrainer.cli.commands.rm_states",
    "runs": "autrainer.cli.commands.runs",
    "verify": "autrainer.cli.commands.verify",
}
"""Where classes and functions are that are imported when they are first asked for."""


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for: the command passes here before all else."""
    if name not in _HOMES:
        raise AttributeError(f"module 'autrainer.cli' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)


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
    """Print the configurations in a directory, or the classes of a kind.

    Args:
        directory: Kind of configuration, such as `model`, or of class, such as `transforms`.
        local_only: Only those of the project.
        global_only: Only those of autrainer.
        pattern: Names to print, such as `Cnn*`.
        config_dir: The project's configurations.
    """
    from autrainer.cli.commands import list as command

    _call(command.run, directory, local_only, global_only, pattern, config_dir)


def show(
    directory: str,
    config: str | None = None,
    save: bool = False,
    force: bool = False,
    global_only: bool = False,
    config_dir: str = "conf",
) -> None:
    """Print a configuration, or what a class is, takes and how it is named.

    Args:
        directory: Kind of configuration, such as `model`; or the name of a class.
        config: Name of the configuration; None for a class.
        save: Copy the packaged one into the project.
        force: Overwrite an existing copy.
        global_only: Print the packaged one, not the project's.
        config_dir: The project's configurations.
    """
    from autrainer.cli.commands import show as command

    _call(command.run, directory, config, save, force, global_only, config_dir)


def inference(
    model: str,
    input: str,
    output: str,
    checkpoint: str = "_best",
    device: str = "cpu",
    extension: str = "wav",
    recursive: bool = False,
    embeddings: bool = False,
    update_frequency: int = 1,
    preprocess_cfg: str | None = "default",
    window_length: float | None = None,
    stride_length: float | None = None,
    min_length: float | None = None,
    sample_rate: int | None = None,
    trust_remote: bool = False,
    *,
    trust_local: bool = False,
    tail: str = "drop",
    batch_size: int = 32,
    format: str = "csv",
    embeddings_format: str = "npy",
    list: str | None = None,
) -> None:
    """Write what a trained model says about recordings into a folder.

    The same call goes on with one that was interrupted.

    Args:
        model: Run folder, or `hf:repository[@revision][:subdir][#local_dir]`.
        input: Folder of recordings, or one of them.
        output: Folder of the results.
        checkpoint: Folder of the state in the run.
        device: `cpu`, `cuda`, `cuda:<number>` or `mps`.
        extension: Suffix of the recordings, or several with commas.
        recursive: Look into the folders below too.
        embeddings: Write embeddings too.
        update_frequency: Files between two looks of the progress bar; 0 for none.
        preprocess_cfg: `default` for the preprocessing stored with the model, None for none, or a
            YAML file, or its name in `conf/preprocessing`.
        window_length: Seconds of a window; None for whole files.
        stride_length: Seconds from window to window; None for the length of a window.
        min_length: Seconds below which zeros are added at the end.
        sample_rate: Hz, where the model reads files at whatever rate they have.
        trust_remote: Run code that a model of a hub brings.
        trust_local: Build classes of modules in the working directory.
        tail: What lies behind the last whole window: `drop`, `pad` or `align`.
        batch_size: Windows, or files, that go through the model at once.
        format: `csv` or `parquet`.
        embeddings_format: `npy` or `pt`.
        list: CSV file whose column `filename` names the recordings of the folder to take; None for
            all of them.

    Raises:
        CommandLineError: if that cannot be done, or some recordings have no result.
    """
    from autrainer.cli.commands import inference as command

    _call(command.run, **{name: value for name, value in locals().items() if name != "command"})


def fetch(
    override_kwargs: Mapping[str, Any] | Sequence[str] | None = None,
    cfg_launcher: bool = False,
    config_name: str = "config",
    config_path: str | None = None,
) -> None:
    """Download what the datasets, transforms and models of a main configuration need.

    Args:
        override_kwargs: As of `train`.
        cfg_launcher: Has no effect, since nothing is launched.
        config_name: Main configuration.
        config_path: Folder of the project's configurations; `conf` by default.

    Raises:
        CommandLineError: if the configuration cannot be used, or something did not come.
    """
    _call_with_hydra("fetch", (override_kwargs, config_name, config_path))


def preprocess(
    override_kwargs: Mapping[str, Any] | Sequence[str] | None = None,
    num_workers: int = 0,
    update_frequency: int = 1,
    cfg_launcher: bool = False,
    config_name: str = "config",
    config_path: str | None = None,
    *,
    check: bool = False,
    force: bool = False,
) -> None:
    """Make the features of the datasets of a main configuration and of its sweep.

    What is there as it should be is left alone. The same call goes on with one that was
    interrupted.

    Args:
        override_kwargs: As of `train`.
        num_workers: How many recordings are worked on at a time; 0 for as many as there are cores.
        update_frequency: Files between two looks of the progress bar; 0 for none.
        cfg_launcher: Has no effect, since nothing is launched.
        config_name: Main configuration.
        config_path: Folder of the project's configurations; `conf` by default.
        check: Only print what would be made.
        force: Make everything again.

    Raises:
        CommandLineError: if the configuration cannot be used, or some recordings have no features.
    """
    _call_with_hydra(
        "preprocess",
        (override_kwargs, config_name, config_path),
        num_workers=num_workers,
        update_frequency=update_frequency,
        check=check,
        force=force,
    )


def train(
    override_kwargs: Mapping[str, Any] | Sequence[str] | None = None,
    config_name: str = "config",
    config_path: str | None = None,
) -> builtins.list[RunResult]:
    """Train every combination of a main configuration.

    Modules of your own that have been edited since the last call are imported again. What a run
    changes in this process (environment, signal handlers, loggers, generators and settings of
    torch) is as before afterwards.

    Args:
        override_kwargs: Values by key; several values in a list are swept over, lists and mappings
            within it are values, and so is an empty list. Or overrides as they are typed.
        config_name: Main configuration.
        config_path: Folder of the project's configurations; `conf` by default.

    Returns:
        What became of each run, in the order of the sweep.

    Raises:
        CommandLineError: if the configuration cannot be used; nothing has run then.
        RunFailedError: if runs have failed; its `runs` hold what became of all of them.
        KeyboardInterrupt: after Ctrl-C; the same call goes on. It is a `RunInterruptedError` if a
            run was training, and tells then whether that goes on where it was.
    """
    from autrainer.cli.values import hydra_arguments

    arguments = hydra_arguments(override_kwargs, config_name, config_path)
    from autrainer.cli.commands.train import outcomes_of
    from autrainer.cli.errors import CommandLineError
    from autrainer.cli.process import process_kept
    from autrainer.cli.results import results_of
    from autrainer.config.module_reload import forget_edited_modules

    forget_edited_modules()
    try:
        with process_kept():
            return results_of(outcomes_of(arguments))
    except CommandLineError as error:
        # Its message says all; where Hydra has found it does not matter.
        raise error from None
    except KeyboardInterrupt as error:
        raise _without_place(error) from None


def _call_with_hydra(name: str, composed: Any, **options: Any) -> None:
    """Call a command that composes; the process is as before afterwards."""
    import importlib

    from autrainer.cli.errors import CommandLineError
    from autrainer.cli.process import process_kept
    from autrainer.cli.values import hydra_arguments
    from autrainer.config.module_reload import forget_edited_modules

    command = importlib.import_module(f"autrainer.cli.commands.{name}")
    arguments = hydra_arguments(*composed)

    def run(parser: None) -> None:
        forget_edited_modules()
        try:
            with process_kept():
                command.run(parser, arguments, **options)
        except SystemExit as error:
            told = "Hydra has refused this; why is on stderr"
            raise CommandLineError(None, told, 1) from error

    _call(run)


def _call(command: Callable[..., None], *args: Any, **options: Any) -> None:
    from autrainer.cli.errors import CommandLineError

    try:
        command(None, *args, **options)
    except CommandLineError as error:
        from autrainer.runs.process.notebook import in_notebook

        if not in_notebook():
            raise
        sys.stderr.write(f"{error.message}\n")
    except KeyboardInterrupt as error:
        raise _without_place(error) from None


def _without_place(error: KeyboardInterrupt) -> KeyboardInterrupt:
    """Where Ctrl-C has come says nothing, and would be a hundred lines in a notebook."""
    return error.with_traceback(None)
