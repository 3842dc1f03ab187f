"""The hardest samples, with links to their files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from autrainer.errors import AutrainerError
from autrainer.postprocessing.report.labels import label_names
from autrainer.postprocessing.report.markup import Html, joined, number, table, tag
from autrainer.postprocessing.report.results import Best, Results
from autrainer.runs.record.configuration import lookup
from autrainer.runs.record.run_record import RunRecord

MOST_HARD = 12
PLAYED = frozenset({".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".webm"})


def hardest_section(results: Results, folder: Path) -> Html:
    """Samples with the largest loss of the best run, with links to their files.

    Args:
        results: The results.
        folder: Of the report: links start there.
    """
    for best in results.best[:1]:
        losses = _losses(best.record)
        if losses is None or len(losses) != len(best.outputs.truth):
            return Html("")
        order = np.argsort(-losses, kind="stable")[:MOST_HARD]
        names = _names(best)
        labels = label_names(best.outputs) if best.outputs.kind == "sets" else None
        rows = [
            [
                _file(best.record, names[place] if names else None, folder)
                or f"number {best.outputs.indices[place]}",
                float(losses[place]),
                _told(best.outputs.truth[place], labels),
                _told(best.outputs.prediction[place], labels),
            ]
            for place in order
        ]
        told = tag("p", f"Of {best.label}, on the test set.")
        return joined([told, table(["Sample", "Loss", "Truth", "Prediction"], rows)])
    return Html("")


def _losses(record: RunRecord) -> Any:
    outputs = record.outputs("test")
    try:
        losses = None if outputs is None else np.asarray(outputs.array("losses"), dtype=float)
    except (AutrainerError, OSError, ValueError):
        return None
    if losses is None or not np.isfinite(losses).all():
        return None
    return losses.reshape(len(losses), -1).mean(axis=1) if len(losses) else None


def _names(best: Best) -> list[str] | None:
    column = lookup(best.record.config, "dataset.index_column", "filename")
    found = best.outputs.rows.get(column) or best.outputs.columns.get(column)
    return None if found is None else [str(name) for name in found]


def _file(record: RunRecord, name: str | None, folder: Path) -> Html | None:
    """A link to the file of a sample, and a player if it is sound; its name if it is not there."""
    if name is None:
        return None
    root = Path(str(lookup(record.config, "dataset.path", ".")))
    places = [root / name, root / "default" / name]
    places += [root / str(lookup(record.config, "dataset.features_subdir", "")) / name]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        return tag("span", name)
    address = quote(os.path.relpath(path.resolve(), folder.resolve()).replace(os.sep, "/"))
    # Relative, and no scheme even if a name begins like one.
    link = tag("a", name, href=f"./{address}")
    if path.suffix.lower() not in PLAYED:
        return link
    player = Html(f'<audio controls preload="none" src="./{address}"></audio>')
    return joined([link, " ", player])


def _told(value: Any, labels: Sequence[str] | None) -> str:
    if labels is not None:
        return ", ".join(name for name, is_there in zip(labels, value, strict=True) if is_there)
    if np.ndim(value):
        return ", ".join(_told(each, None) for each in value)
    return number(float(value)) if isinstance(value, np.floating) else str(value)
