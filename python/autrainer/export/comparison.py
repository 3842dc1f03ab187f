"""Whether an exported model says what the model of a run says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from autrainer.errors import DataError

TOLERANCE = 1e-3
"""Largest absolute difference of outputs: spectrograms inside a model are those of float32."""
TOGETHER = 8
"""Most samples that are compared as one batch."""

Run = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Comparison:
    """Outputs of an exported file beside those of the run.

    Args:
        file: Name of the file.
        largest: Largest absolute difference of an output.
        num_samples: How many samples were compared, one by one; some of them in a batch too.
        origin: What the samples are.
        num_left_out: Samples that do not have the fixed shape of the exported model.
    """

    file: str
    largest: float
    num_samples: int
    origin: str
    num_left_out: int = 0

    def __str__(self) -> str:
        left_out = ""
        if self.num_left_out:
            left_out = f"; {self.num_left_out} of other shapes were left out"
        return (
            f"{self.file}: largest difference from PyTorch {self.largest:.2g}, over "
            f"{self.num_samples} samples of {self.origin}{left_out}"
        )


def compare(
    file: str,
    run: Run,
    inputs: Sequence[torch.Tensor],
    references: Sequence[torch.Tensor],
    origin: str,
    fits: Callable[[Sequence[int]], bool],
) -> Comparison:
    """Run an exported model on samples, alone and as a batch.

    Args:
        file: Name of the file.
        run: Runs it: inputs (B, ...) to outputs (B, K).
        inputs: Samples.
        references: What the model of the run says of each, (K,).
        origin: What the samples are.
        fits: Whether the model takes inputs of a shape.

    Raises:
        DataError: if it fails on one that it should take.
    """
    run = _named(file, run)
    pairs = list(zip(inputs, references, strict=True))
    alone = [pair for pair in pairs if fits((1, *pair[0].shape))]
    differences = [_difference(run(x[None])[0], wanted) for x, wanted in alone]
    shape = pairs[0][0].shape
    batch = [pair for pair in pairs if pair[0].shape == shape][:TOGETHER]
    if len(batch) > 1 and fits((len(batch), *shape)):
        outputs = run(torch.stack([x for x, _ in batch]))
        differences.append(_difference(outputs, torch.stack([wanted for _, wanted in batch])))
    largest = max(differences, key=lambda value: (value != value, value), default=float("nan"))
    return Comparison(file, largest, len(alone), origin, len(pairs) - len(alone))


def _named(file: str, run: Run) -> Run:
    def checked(features: torch.Tensor) -> torch.Tensor:
        # Whatever torch and onnxruntime raise for an input.
        try:
            return run(features)
        except Exception as error:
            first = str(error).strip().partition("\n")[0]
            shape = tuple(features.shape)
            raise DataError(f"{file} fails on an input of shape {shape}: {first}") from error

    return checked


def _difference(found: torch.Tensor, wanted: torch.Tensor) -> float:
    if found.shape != wanted.shape:
        return float("inf")
    if found.isnan().equal(wanted.isnan()):
        found, wanted = found.nan_to_num(), wanted.nan_to_num()
    return float((found.double() - wanted.double()).abs().max())
