"""Features that the core makes of recordings by itself: no torch is imported.

What it does, and to the last bit, is what the file handler and the transforms do. Where it leaves
something to them (a codec that it does not know, three channels), they are imported and do it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from autrainer.config.shorthand import read_shorthand
from autrainer.data.native.decode import NativeFormat, decode_file
from autrainer.data.sound_arguments import check_sound_arguments
from autrainer.errors import ConfigError, DataError
from autrainer.features.native import MelSpectrogram
from autrainer.features.settings import Step, pann_mel_settings
from autrainer.preprocessing.extraction import Extract
from autrainer.preprocessing.jobs import Job
from autrainer.runs.addresses import current_address
from autrainer.runs.writing.files import write_npy

_HANDLERS = "autrainer.datasets.utils.file_handlers"
_TRANSFORMS = "autrainer.transforms.specific_transforms"
_PACKAGES = {
    "autrainer.datasets.utils": _HANDLERS,
    "autrainer.data": _HANDLERS,
    "autrainer.transforms": _TRANSFORMS,
}
"""Packages that offer a class under a shorter path."""

SOUND = f"{_HANDLERS}.AudioFileHandler"
ARRAYS = f"{_HANDLERS}.NumpyFileHandler"
MONO = f"{_TRANSFORMS}.StereoToMono"
MEL = f"{_TRANSFORMS}.PannMel"
_MEL_ARGUMENTS = {
    *("window_size", "hop_size", "sample_rate", "fmin", "fmax", "mel_bins", "ref", "amin"),
    "top_db",
}


def extract_by_core(job: Job) -> tuple[Extract, bool] | None:
    """What makes features for a job, and that threads may call it; None if the core cannot.

    What is wrong with an argument is told by the classes.
    """
    format = native_format(job.config)
    if format is None or _read(job.handler) != (ARRAYS, {}):
        return None
    try:
        check_sound_arguments(format.sample_rate_hz, format.offset_s, format.duration_s)
        for name, *settings in format.steps:
            if name == "mel":
                MelSpectrogram(*settings)
    except (ConfigError, TypeError, OverflowError):
        return None
    return _Extract(job, format), True


def native_format(preprocess: Mapping[str, Any]) -> NativeFormat | None:
    """What the core has to know to make the features of a preprocessing; None if it cannot.

    Args:
        preprocess: A mapping with `file_handler` and `pipeline`.
    """
    path, arguments = _read(preprocess["file_handler"])
    if path != SOUND or not arguments.keys() <= {"target_sample_rate", "offset", "duration"}:
        return None
    steps = _steps([_read(entry) for entry in preprocess["pipeline"] or []])
    if steps is None:
        return None
    return NativeFormat(
        "audio",
        arguments.get("target_sample_rate"),
        arguments.get("offset", 0.0),
        arguments.get("duration"),
        steps,
    )


def _steps(entries: list[tuple[str, dict[str, Any]]]) -> tuple[Step, ...] | None:
    """What the core does in the place of some transforms, in the order in which they act."""
    paths = [path for path, _ in entries]
    if paths == [MEL, MONO]:
        entries, paths = entries[::-1], paths[::-1]
    if paths not in ([], [MONO], [MEL], [MONO, MEL]):
        return None
    steps: list[Step] = []
    for path, arguments in entries:
        if path == MONO and not arguments:
            steps.append(("mix_down", 1))
        elif path == MEL and arguments.keys() == _MEL_ARGUMENTS:
            steps.append(("mel", pann_mel_settings(**arguments)))
        else:
            return None
    return tuple(steps)


def _read(shorthand: Any) -> tuple[str, dict[str, Any]]:
    """Import path and arguments of a shorthand; the path is the one that runs are written under."""
    try:
        entry = read_shorthand(shorthand)
    except ConfigError:
        # Whoever builds it tells.
        return "", {}
    package, _, name = entry.path.rpartition(".")
    return current_address(f"{_PACKAGES.get(package, package)}.{name}"), entry.arguments


class _Extract:
    """Makes features by the core, or by the classes where the core leaves it to them."""

    def __init__(self, job: Job, format: NativeFormat) -> None:
        self._job = job
        self._format = format

    def __call__(self, recording: str, target: Path) -> None:
        features = decode_file(recording, self._format)
        if features is None:
            self._by_classes(recording, target)
            return
        if not features.size:
            raise DataError("it holds no samples")
        write_npy(target, features, synced=False)

    @cached_property
    def _by_classes(self) -> Extract:
        from autrainer.preprocessing.by_torch import extract_by_torch

        return extract_by_torch(self._job)[0]
