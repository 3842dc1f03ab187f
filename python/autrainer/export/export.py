"""A trained model in files that need no autrainer, checked against the model of the run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from autrainer import __version__
from autrainer.data.file_handlers import IdentityFileHandler
from autrainer.errors import ConfigError, DataError
from autrainer.export.card import card_of
from autrainer.export.comparison import TOLERANCE, Comparison, compare
from autrainer.export.description import describe, named
from autrainer.export.program import Program, Traced
from autrainer.export.running import EXTRA, require_onnx, run_onnx, run_pt2
from autrainer.export.samples import Samples, outputs_of, samples_of, transformed
from autrainer.export.twins import Padded, twin_of
from autrainer.postprocessing.folders import replaced
from autrainer.runs.extras import imported
from autrainer.runs.layout import BEST, MODEL_FILE
from autrainer.runs.record.run_record import RunRecord
from autrainer.runs.writing.files import copy_file, sync_files, write_text
from autrainer.runs.yaml.writing import write_yaml
from autrainer.serving.model import Serving
from autrainer.transforms.plan import steps_of

FORMATS = ("onnx", "pt2")
WEIGHTS_FILE, CARD_FILE, INTERFACE_FILE = "model.safetensors", "README.md", "interface.yaml"
FILES = frozenset(
    {
        *(f"model.{suffix}" for suffix in FORMATS),
        *("model.onnx.data", MODEL_FILE, WEIGHTS_FILE, CARD_FILE, INTERFACE_FILE),
    }
)


@dataclass(frozen=True)
class Export:
    """An exported model.

    Args:
        folder: Where its files are.
        interface: What it takes and gives, and what has to be done before: that of
            `interface.yaml`.
        comparisons: How the exported files compare with the model of the run.
        notes: What a user has to know besides, a sentence each.
    """

    folder: Path
    interface: dict[str, Any]
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Built:
    """A traced program, and the samples that it is compared on."""

    traced: Traced
    inputs: list[torch.Tensor]
    references: list[torch.Tensor]
    before: list[str]
    inside: list[str]
    notes: list[str]


def make_export(
    run: str | Path,
    folder: str | Path,
    *,
    checkpoint: str = BEST,
    formats: Sequence[str] = FORMATS,
    tolerance: float = TOLERANCE,
    shape: Sequence[int] | None = None,
    group_column: str | None = None,
    trusted: Sequence[str | Path] = (),
    force: bool = False,
) -> Export:
    """Export the model of a run: all files are there afterwards, or none.

    Args:
        run: The run folder.
        folder: Where to write.
        checkpoint: Folder of the state in the run.
        formats: `onnx`, `pt2` or both.
        tolerance: Largest absolute difference of an output from that of the run.
        shape: Shape of a sample of noise, where there is no test set.
        group_column: Column of the test set whose samples belong together, for intervals.
        trusted: Folders with modules of which classes may be built.
        force: Replace an earlier export.

    Raises:
        ConfigError: if the model cannot be exported, or the folder is not empty.
        DataError: if an exported file says something else than the model of the run.
        MissingExtraError: if a library is not installed.
        UntrustedCodeError: if the run names a class that may not be built.
    """
    folder = Path(folder)
    _check(folder, formats, tolerance, force=force)
    safetensors: Any = imported("safetensors.torch", "autrainer export", "safetensors", EXTRA)
    serving = Serving(run, checkpoint, trusted=trusted)
    record = RunRecord(serving.folder)
    _refuse_more_inputs(serving)
    steps = [*steps_of(serving.pipeline), *steps_of(serving.transform)]
    samples = samples_of(serving, record, steps, shape)
    built = _built(serving, steps, samples)
    with replaced(folder) as made:
        comparisons = []
        for name in formats:
            comparison = _written(name, made, built, samples.origin, _metadata(serving, record))
            if not comparison.largest <= tolerance:
                raise DataError(
                    f"{comparison}; that is more than {tolerance:g}, and nothing was written"
                )
            comparisons.append(comparison)
        state = {
            name: t.detach().contiguous().clone() for name, t in serving.model.state_dict().items()
        }
        safetensors.save_file(state, made / WEIGHTS_FILE, _metadata(serving, record))
        copy_file(serving.folder / MODEL_FILE, made / MODEL_FILE)
        description = describe(
            built.traced.sizes,
            built.inputs[0],
            serving.target_transform,
            built.before,
            built.inside,
            comparisons,
        )
        write_yaml(made / INTERFACE_FILE, description.content)
        names = [path.name for path in made.iterdir()]
        write_text(made / CARD_FILE, card_of(description, record, checkpoint, names, group_column))
        sync_files([str(path) for path in made.iterdir()])
    notes = [*([] if samples.reason is None else [_of_noise(samples)]), *built.notes]
    return Export(folder, description.content, tuple(comparisons), tuple(notes))


def _check(folder: Path, formats: Sequence[str], tolerance: float, *, force: bool) -> None:
    if not formats or not set(formats) <= set(FORMATS):
        raise ConfigError(f"the formats are {list(formats)}; use {' or '.join(FORMATS)}")
    if not tolerance > 0:
        raise ConfigError(f"the tolerance is {tolerance}; use a number above 0")
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is no folder; name another one")
    found = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if foreign := [name for name in found if name not in FILES]:
        raise ConfigError(f"{folder} holds {foreign[0]!r}, no file of an export; name another one")
    if found and not force:
        raise ConfigError(f"{folder} is not empty; replace the export in it with --force")
    if "onnx" in formats:
        require_onnx()


def _refuse_more_inputs(serving: Serving) -> None:
    more = serving.model.inputs[1:]
    if not more:
        return
    if "lengths" in more and serving.pad is not None and serving.pad.to != "longest":
        raise ConfigError(
            f"{type(serving.model).__name__} takes the lengths of samples that were padded to "
            f"{serving.pad.to}, which an exported model does not know"
        )


def _built(serving: Serving, steps: Sequence[Any], samples: Samples) -> _Built:
    """Trace the model with as many transforms as get inside."""
    twins = [twin_of(step) for step in steps]
    blocked = [at for at, twin in enumerate(twins) if isinstance(twin, str)]
    first = max([samples.entry, *(at + 1 for at in blocked)])
    notes = [f"{named(steps[at])} stays outside: {twins[at]}" for at in blocked]
    features = transformed(samples.values, steps[samples.entry :])
    references = outputs_of(serving, features)
    while True:
        inputs = transformed(samples.values, steps[samples.entry : first])
        tensors = [torch.as_tensor(each) for each in inputs]
        front = [twin for twin in twins[first:] if not isinstance(twin, str)]
        if serving.pad is not None and serving.pad.to != "longest":
            front.append(Padded(serving.pad))
        program = Program(front, serving.model).eval().requires_grad_(False)
        try:
            traced = Traced(program, tensors[0])
            break
        except ConfigError as error:
            if first == len(steps):
                raise
            notes.append(f"{named(steps[first])} stays outside: {error}")
            first += 1
    if serving.pad is not None and serving.pad.to == "longest":
        notes.append("samples of other lengths were padded for the run; give one length a batch")
    if all(size.name is None for size in traced.sizes[1:]):
        notes.append("all sizes but that of a batch are fixed: torch has traced the model for them")
    before = [named(step) for step in steps[:first]]
    if not isinstance(serving.file_handler, IdentityFileHandler):
        before.insert(0, named(serving.file_handler))
    inside = [named(step) for step in steps[first:]]
    return _Built(traced, tensors, references, before, inside, notes)


def _written(
    name: str, folder: Path, built: _Built, origin: str, metadata: dict[str, str]
) -> Comparison:
    """Write a file and compare it with the model of the run."""
    path = folder / f"model.{name}"
    if name == "onnx":
        built.traced.write_onnx(path, metadata)
        run = run_onnx(path)
    else:
        built.traced.write_pt2(path)
        run = run_pt2(path)
    return compare(
        path.name, run, built.inputs, built.references, origin, partial(built.traced.takes)
    )


def _metadata(serving: Serving, record: RunRecord) -> dict[str, str]:
    names = getattr(serving.target_transform, "labels", None)
    return {
        "format": "pt",
        "autrainer": __version__,
        "run": record.name,
        "experiment": record.experiment_id,
        "checkpoint": serving.checkpoint,
        "model": (serving.folder / MODEL_FILE).read_text(encoding="utf-8"),
        **({"labels": json.dumps(names, default=str)} if names else {}),
    }


def _of_noise(samples: Samples) -> str:
    return f"checked on {samples.origin}, since the test set cannot be read: {samples.reason}"
