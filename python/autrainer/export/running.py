"""Exported files at work, and the libraries that this needs."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from autrainer.errors import MissingExtraError
from autrainer.export.comparison import Run
from autrainer.runs.extras import imported

EXTRA = "export"
INPUT, OUTPUT = "features", "outputs"
OLDEST_TORCH = (2, 6)
_LOGGERS = ("torch.export", "torch.onnx", "torch._export", "onnxscript", "onnx_ir")


def run_pt2(path: Path) -> Run:
    """What runs a file of `write_pt2`."""
    with quiet():
        module = torch.export.load(path).module()

    def run(features: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            outputs: torch.Tensor = module(features)
        return outputs

    return run


def run_onnx(path: Path) -> Run:
    """What runs a file of `write_onnx`, by onnxruntime on the CPU."""
    library: Any = imported("onnxruntime", "autrainer export", "onnxruntime", EXTRA)
    options = library.SessionOptions()
    options.log_severity_level = 4
    session = library.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(features: torch.Tensor) -> torch.Tensor:
        (outputs,) = session.run([OUTPUT], {INPUT: features.numpy()})
        return torch.from_numpy(outputs)

    return run


def require_onnx() -> None:
    """Import the libraries of ONNX.

    Raises:
        MissingExtraError: if one is not installed.
    """
    for library in ("onnxscript", "onnxruntime"):
        imported(library, "autrainer export --format onnx", library, EXTRA)


def check_torch() -> None:
    """Refuse a torch that is too old to export with a `MissingExtraError`."""
    found = tuple(int(part) for part in torch.__version__.split(".")[:2])
    if found < OLDEST_TORCH:
        needed = ".".join(map(str, OLDEST_TORCH))
        raise MissingExtraError(
            "autrainer export",
            f"torch {needed} or newer",
            EXTRA,
            reason=f"it is {torch.__version__}",
        )


@contextmanager
def quiet() -> Iterator[None]:
    """Within, torch and its libraries say nothing, and leave no thread behind."""
    from tqdm import tqdm

    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    interval = tqdm.monitor_interval
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    # Bars of libraries would start a thread that watches them.
    tqdm.monitor_interval = 0
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            yield
    finally:
        tqdm.monitor_interval = interval
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
