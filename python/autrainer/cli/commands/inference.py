"""`autrainer inference`: predictions and embeddings of recordings, by a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from autrainer.cli.errors import CommandLineError
from autrainer.cli.signal_exit import installed
from autrainer.errors import AutrainerError

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Sequence

    from autrainer.serving.directory import Outputs
    from autrainer.serving.results import FileResult
    from autrainer.serving.tables.learned import LearnedTable

SHOWN = 20
MOST_LABELS = 5
FORMATS = ("csv", "parquet")
EMBEDDING_FORMATS = ("npy", "pt")
NAMES = ("filename", "file", "path")
"""Columns of a list that may name the recordings, the first that is there."""
TAILS = ("drop", "pad", "align")


def run(
    parser: ArgumentParser | None,
    model: str,
    input: str,
    output: str,
    checkpoint: str,
    device: str,
    extension: str,
    recursive: bool,
    embeddings: bool,
    update_frequency: int,
    preprocess_cfg: str | None,
    window_length: float | None,
    stride_length: float | None,
    min_length: float | None,
    sample_rate: int | None,
    trust_remote: bool,
    trust_local: bool,
    tail: str,
    batch_size: int,
    format: str,
    embeddings_format: str,
    list: str | None,
) -> None:
    """Write what a model says about recordings into a folder.

    Raises:
        CommandLineError: if that cannot be done, or some recordings have no result.
    """
    _check_choices(parser, tail, format, embeddings_format, device)
    try:
        folder = _model_folder(model, trust_remote, checkpoint)
        learned = _learned(folder, input, list, window_length or stride_length or min_length)
        root, names = Path(input), tuple[str, ...]()
        if learned is not None:
            _begins_anew()
        elif list is not None:
            root, names = _listed(input, list)
        else:
            root, names = _files(input, extension, recursive)
        preprocessing = _preprocessing(preprocess_cfg)
        from autrainer.serving.directory import Outputs, run_directory
        from autrainer.serving.inference import Inference

        inference = Inference(
            folder,
            checkpoint,
            device,
            preprocessing,
            window_length,
            stride_length,
            min_length,
            sample_rate,
            tail=tail,
            batch_size=batch_size,
            trusted=_trusted(folder, model, trust_remote, trust_local),
        )
        suffix = f".{embeddings_format}" if embeddings else None
        outputs = Outputs(Path(output), format, suffix)
        if learned is not None:
            from autrainer.serving.tables.rows import run_table

            results = run_table(
                inference, root, learned, outputs, update_frequency=update_frequency
            )
        else:
            results = run_directory(
                inference, root, names, outputs, update_frequency=update_frequency
            )
    except AutrainerError as error:
        raise CommandLineError(parser, str(error), 1) from error
    _tell_older_files(outputs, is_table=learned is not None)
    _report(parser, results, output, "files" if learned is None else "rows")


def _check_choices(
    parser: ArgumentParser | None, tail: str, format: str, embeddings_format: str, device: str
) -> None:
    """Refuse values that argparse would refuse, since a call from Python passes it by."""
    for name, value, choices in (
        ("tail", tail, TAILS),
        ("format", format, FORMATS),
        ("embeddings_format", embeddings_format, EMBEDDING_FORMATS),
    ):
        if value not in choices:
            raise CommandLineError(parser, f"{name} is {value!r}; use {' or '.join(choices)}", 2)
    kind, colon, number = device.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (colon and not number.isdecimal()):
        message = f"the device is {device!r}; use cpu, cuda, cuda:<number> or mps"
        raise CommandLineError(parser, message, 2)


def _model_folder(model: str, trust_remote: bool, checkpoint: str) -> Path:
    from autrainer.serving.model_paths import get_model_path

    return Path(get_model_path(model, trust_remote, checkpoint))


def _learned(folder: Path, input: str, table: str | None, seconds: object) -> LearnedTable | None:
    """The tables that the run has learned from; None if its features were files.

    Raises:
        CommandLineError: if there are such tables, and the input or an option is not for them.
    """
    from autrainer.serving.tables.learned import learned_table

    learned = learned_table(folder)
    if learned is None:
        return None
    if table is not None or seconds:
        option = "--list" if table is not None else "windows"
        message = f"the run has learned from a table, not from recordings; leave out {option}"
        raise CommandLineError(None, message, 1)
    if not Path(input).is_file():
        what = "is a folder" if Path(input).is_dir() else "does not exist"
        columns = ", ".join(learned.features)
        message = (
            f"the input {input!r} {what}; the run has learned from a table: give a CSV file with "
            f"the columns {columns}"
        )
        raise CommandLineError(None, message, 1)
    return learned


def _begins_anew() -> None:
    """A million rows take less than a minute, most of it for reading and writing: no journal."""
    handlers = installed()
    if handlers is not None:
        handlers.how_again = "begins anew"


def _tell_older_files(outputs: Outputs, *, is_table: bool) -> None:
    """Name what somebody could take for results of this call, since that is left as it is."""
    from autrainer.serving.directory import older_files

    older = older_files(outputs, is_table=is_table)
    if older:
        listed = ", ".join(map(str, older))
        print(f"Not of this call, and left as it was: {listed}")


def _files(input: str, extension: str, recursive: bool) -> tuple[Path, tuple[str, ...]]:
    """The folder of the recordings, and their paths in it.

    Raises:
        CommandLineError: if there are none.
    """
    path = Path(input)
    if not path.exists():
        raise CommandLineError(None, f"the input {input!r} does not exist", 1)
    if path.is_file():
        return path.parent, (path.name,)
    if not path.is_dir():
        raise CommandLineError(None, f"the input {input!r} is neither a folder nor a file", 1)
    from autrainer.serving.inference import find_files

    names = find_files(path, extension, recursive)
    if not names:
        deeper = "" if recursive else "; -r looks into the folders below too"
        raise CommandLineError(None, f"{input!r} holds no files of type {extension!r}{deeper}", 1)
    return path, tuple(names)


def _listed(input: str, table: str) -> tuple[Path, tuple[str, ...]]:
    """The folder of the recordings, and those that a CSV file names.

    Raises:
        CommandLineError: if there is no such folder or file, or it names what is not there, or not
            in the folder.
    """
    root = Path(input)
    if not root.is_dir():
        raise CommandLineError(None, f"{input!r} is no folder of the recordings in {table}", 1)
    from autrainer.datasets.tables.frames import read_frame, wrong_separator

    try:
        columns = read_frame(Path(table), as_written=NAMES)
    except FileNotFoundError as error:
        raise CommandLineError(None, f"there is no list {table!r}", 1) from error
    column = next((name for name in NAMES if name in columns), None)
    if column is None:
        header = [*map(str, columns.columns)]
        separator = wrong_separator(header)
        advice = "rename that of the files"
        if separator is not None:
            advice = f"save the table with commas instead of {separator!r}"
        message = f"{table} has no column {' or '.join(NAMES)}, found {', '.join(header)}; {advice}"
        raise CommandLineError(None, message, 1)
    names = [str(name) for name in dict.fromkeys(columns[column].dropna())]
    outside = [name for name in names if Path(name).is_absolute() or ".." in Path(name).parts]
    if outside:
        # Their embeddings would be written outside of the folder of results.
        message = f"{table} names {outside[0]!r}; name files below {input!r}, without '..'"
        raise CommandLineError(None, message, 1)
    missing = [name for name in names if not (root / name).is_file()]
    if missing or not names:
        first = f"{missing[0]!r} and {len(missing) - 1} more" if missing else "any file"
        raise CommandLineError(
            None, f"{input!r} does not have {first}, of column {column} in {table}", 1
        )
    return root, tuple(names)


def _preprocessing(chosen: str | None) -> str | Path | None:
    """What leads from files to features: `default`, None, or the path of a YAML file.

    Raises:
        CommandLineError: if there is no such file.
    """
    from autrainer.config.packaged import packaged_dir

    if chosen in (None, "None", "default"):
        return None if chosen == "None" else chosen
    name = chosen if chosen.endswith(".yaml") else f"{chosen}.yaml"
    places = [Path(name), Path("conf", "preprocessing", name)]
    places.append(packaged_dir() / "preprocessing" / name)
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        listed = ", ".join(map(str, places))
        raise CommandLineError(
            None, f"there is no preprocessing {chosen!r}; looked for {listed}", 1
        )
    return found


def _trusted(folder: Path, model: str, trust_remote: bool, trust_local: bool) -> list[Path]:
    from autrainer.serving.model_paths import is_on_hub

    trusted = [Path.cwd()] if trust_local else []
    return [*trusted, folder] if trust_remote and is_on_hub(model) else trusted


def _report(parser: Any, results: Sequence[FileResult], output: str, noun: str) -> None:
    failed = [result for result in results if result.error is not None]
    if len(results) == 1:
        _show(results[0])
    print(f"{len(results) - len(failed)} of {len(results)} {noun} have results, in {output}")
    if not failed:
        return
    lines = [f"  {result.name}: {result.error}" for result in failed[:SHOWN]]
    if len(failed) > SHOWN:
        lines.append(f"  and {len(failed) - SHOWN} more, in {output}/failed.yaml")
    raise CommandLineError(parser, "\n".join([f"{len(failed)} {noun} have no result:", *lines]), 1)


def _show(result: FileResult) -> None:
    """Print what a model says about the only file, most likely first."""
    for row in result.rows:
        where = result.name if row.offset is None else f"{result.name} {row.offset}"
        shares = sorted((row.probabilities or {}).items(), key=lambda item: -item[1])
        most = ", ".join(f"{label} {share:.3f}" for label, share in shares[:MOST_LABELS])
        print(f"{where}: {row.prediction}" + (f" ({most})" if most else ""))
