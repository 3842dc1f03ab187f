"""`autrainer export`: the model of a run as ONNX, `torch.export` program and safetensors."""

from __future__ import annotations

from autrainer.cli.door import door, size_in_words, told
from autrainer.runs.layout import BEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from autrainer.export.export import Export

ABOUT = (
    "Write the model of a run as ONNX and as a program of torch.export, with its test transforms "
    "inside where they are code of tensors, checked on samples of its test set; its weights as "
    "safetensors; and a README about it. Ends with 1 if a file says something else than the model."
)
EXAMPLE = "autrainer export results/default/training/RUN -o exported"
FORMATS = ("all", "onnx", "pt2")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    add("run", help="folder or name of a run, or hf:repository[@revision][:subdir][#local_dir]")
    add("-o", "--output", help="folder to write (export/<name of the run>)")
    add("-c", "--checkpoint", default=BEST, help=f"folder of the state in the run ({BEST})")
    add("--format", choices=FORMATS, default="all", help="onnx, pt2 (torch.export) or all (all)")
    add("-f", "--force", action="store_true", help="replace an earlier export")
    add(
        "--tolerance",
        type=float,
        default=1e-3,
        help="largest absolute difference of an output from that of the run (0.001)",
    )
    add(
        "--shape",
        help="shape of a sample of noise, such as 1,16000, to check with where the test set cannot "
        "be read",
    )
    add(
        "-g",
        "--group-column",
        help="column of the dataset's test.csv whose samples belong together, for the intervals in "
        "the README; by default speaker, speaker_id, subject or recording, if there is one",
    )
    add("-d", "--results-dir", default=None, help="where experiments lie (results)")
    add("--trust-local", action="store_true", help="build classes of modules beside you")
    add("-t", "--trust-remote", action="store_true", help="run code that a model of a hub brings")


def run(
    parser: ArgumentParser | None,
    run: str,
    output: str | None,
    checkpoint: str,
    format: str,
    force: bool,
    tolerance: float,
    shape: str | None,
    group_column: str | None,
    results_dir: str | None,
    trust_local: bool,
    trust_remote: bool,
) -> None:
    """Export a model and print what its files take, and how they were checked.

    Raises:
        CommandLineError: if that cannot be done.
    """
    with told(parser):
        made = _made(
            run, output, checkpoint, format, force, tolerance, _sizes(shape), group_column,
            results_dir, trust_local, trust_remote,
        )  # fmt: skip
    files = sorted(path for path in made.folder.iterdir())
    size = size_in_words(sum(path.stat().st_size for path in files))
    print(f"Export: {made.folder} ({', '.join(path.name for path in files)}; {size})")
    print("\n".join(_lines(made, tolerance)))


@door
def export(
    run: str | Path,
    output: str | Path | None = None,
    checkpoint: str = BEST,
    format: str = "all",
    force: bool = False,
    tolerance: float = 1e-3,
    shape: Sequence[int] | None = None,
    group_column: str | None = None,
    results_dir: str | Path | None = None,
    trust_local: bool = False,
    trust_remote: bool = False,
) -> Export:
    """Write the model of a run as ONNX and as a program of `torch.export`.

    Beside them are the weights as safetensors, and a README about the model. All is written, or
    nothing.

    Args:
        run: Folder or name of a run, or `hf:repository[@revision][:subdir][#local_dir]`.
        output: Folder to write; None for `export/<name of the run>`.
        checkpoint: Folder of the state in the run.
        format: `onnx`, `pt2` or `all`.
        force: Replace an earlier export.
        tolerance: Largest absolute difference of an output from that of the run.
        shape: Shape of a sample of noise, to check with where the test set cannot be read.
        group_column: Column of the dataset's `test.csv` whose samples belong together, for the
            intervals in the README.
        results_dir: Where experiments lie; `results` by default.
        trust_local: Build classes of modules in the working directory.
        trust_remote: Run code that a model of a hub brings.

    Returns:
        Where the files are, what they take, and how they compare with the model.

    Raises:
        CommandLineError: if the model cannot be exported, or a file says something else.
    """
    return _made(
        run, output, checkpoint, format, force, tolerance, shape, group_column, results_dir,
        trust_local, trust_remote,
    )  # fmt: skip


def _made(
    run: str | Path,
    output: str | Path | None,
    checkpoint: str,
    format: str,
    force: bool,
    tolerance: float,
    shape: Sequence[int] | None,
    group_column: str | None,
    results_dir: str | Path | None,
    trust_local: bool,
    trust_remote: bool,
) -> Export:
    from pathlib import Path

    from autrainer.cli.errors import CommandLineError

    if format not in FORMATS:
        raise CommandLineError(None, f"the format is {format!r}; use {', '.join(FORMATS)}", 2)
    folder, trusted = _folder(str(run), checkpoint, results_dir, trust_local, trust_remote)
    from autrainer.export.export import make_export

    return make_export(
        folder,
        Path("export") / folder.resolve().name if output is None else output,
        checkpoint=checkpoint,
        formats=FORMATS[1:] if format == "all" else (format,),
        tolerance=tolerance,
        shape=shape,
        group_column=group_column,
        trusted=trusted,
        force=force,
    )


def _folder(
    run: str, checkpoint: str, results_dir: Any, trust_local: bool, trust_remote: bool
) -> tuple[Path, list[Path]]:
    """The folder of a run, and folders whose modules may be imported."""
    from pathlib import Path

    from autrainer.cli.errors import CommandLineError
    from autrainer.runs.layout import MODEL_FILE, RESULTS_DIR
    from autrainer.serving.model_paths import get_model_path, is_on_hub

    trusted = [Path.cwd()] if trust_local else []
    if is_on_hub(run):
        folder = Path(get_model_path(run, trust_remote, checkpoint))
        return folder, [*trusted, folder] if trust_remote else trusted
    if (Path(run) / MODEL_FILE).is_file():
        return Path(run), trusted
    from autrainer.runs.record.finding import find_any

    records = find_any([run], results_dir or RESULTS_DIR)
    if len(records) != 1:
        names = ", ".join(record.name for record in records[:5])
        raise CommandLineError(None, f"{run} holds {len(records)} runs; name one: {names}", 1)
    return records[0].folder, trusted


def _sizes(shape: str | None) -> list[int] | None:
    if shape is None:
        return None
    parts = [part.strip() for part in shape.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        from autrainer.cli.errors import CommandLineError

        raise CommandLineError(None, f"the shape is {shape!r}; write sizes such as 1,16000", 2)
    return [int(part) for part in parts]


def _lines(made: Export, tolerance: float) -> list[str]:
    takes, gives = made.interface["input"], made.interface["output"]
    shape = ", ".join(map(str, takes["shape"]))
    limits = "".join(f"; {name} is {limit}" for name, limit in takes.get("sizes", {}).items())
    lines = [f"Input:  {takes['name']}, {takes['dtype']}, ({shape}){limits}"]
    for heading, key in (("Before:", "before"), ("Inside:", "inside")):
        parts = made.interface[key] or ["nothing"]
        lines += [f"{heading if n == 0 else '':7} {part}" for n, part in enumerate(parts)]
    outputs = ", ".join(map(str, gives["shape"]))
    lines.append(f"Output: {gives['name']}, {gives['dtype']}, ({outputs}). {gives['meaning']}")
    lines += [f"Note:   {note}" for note in made.notes]
    lines += [f"{comparison} (tolerance {tolerance:g})" for comparison in made.comparisons]
    return lines
