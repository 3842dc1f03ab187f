"""What an exported model takes and gives, for people and for programs."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from autrainer.data.targets import AbstractTargetTransform, LabelEncoder, MultiLabelEncoder
from autrainer.data.targets.scalers import MultiTargetScaler, SingleTargetScaler
from autrainer.export.comparison import Comparison
from autrainer.export.program import Size
from autrainer.export.running import INPUT, OUTPUT

LONGEST = 300
"""Characters of a transform that are shown."""


@dataclass(frozen=True)
class Description:
    """An exported model.

    Args:
        task: What the model does, in a few words.
        example: Shape of a sample that it takes.
        content: Input, output, and what is done before and inside, of plain values.
        comparisons: How its files compare with the model of the run.
    """

    task: str
    example: Sequence[int]
    content: dict[str, Any]
    comparisons: Sequence[Comparison]


def describe(
    sizes: Sequence[Size],
    example: torch.Tensor,
    targets: AbstractTargetTransform,
    before: Sequence[str],
    inside: Sequence[str],
    comparisons: Sequence[Comparison],
) -> Description:
    """Describe an exported model.

    Args:
        sizes: Sizes of the axes of the input.
        example: A sample.
        targets: What the outputs mean.
        before: What has to be done before, in order.
        inside: What is done inside before the model.
        comparisons: How its files compare with the model of the run.
    """
    limits = {size.name: size.limits for size in sizes if size.name and size.limits}
    takes: dict[str, Any] = {
        "name": INPUT,
        "dtype": str(example.dtype).removeprefix("torch."),
        "shape": [size.name or size.size for size in sizes],
    }
    task, meaning = _meaning(targets)
    names = getattr(targets, "labels", getattr(targets, "target", None))
    labels = list(names) if isinstance(names, list) else [names] if names is not None else []
    gives: dict[str, Any] = {
        "name": OUTPUT,
        "dtype": "float32",
        "shape": [sizes[0].name or sizes[0].size, len(targets)],
        "meaning": meaning,
        **({"labels": labels} if labels else {}),
    }
    content = {
        "task": task,
        "input": takes | ({"sizes": limits} if limits else {}),
        "before": list(before),
        "inside": list(inside),
        "output": gives,
        "checked": [vars(each) for each in comparisons],
    }
    return Description(task, tuple(example.shape), content, comparisons)


def named(part: Any) -> str:
    """A transform or file handler with its arguments, on one line."""
    arguments = {k: v for k, v in vars(part).items() if not k.startswith("_")}
    arguments.pop("order", None)
    text = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    return textwrap.shorten(f"{type(part).__name__}({text})", LONGEST, placeholder=" ...)")


def _meaning(targets: AbstractTargetTransform) -> tuple[str, str]:
    """Task, and what leads from outputs to predictions."""
    num = len(targets)
    if isinstance(targets, LabelEncoder):
        told = "A softmax over the last axis gives probabilities; the largest output is predicted."
        return f"Classification, one of {num} labels", told
    if isinstance(targets, MultiLabelEncoder):
        told = f"A sigmoid gives probabilities; labels above {targets.threshold:g} are predicted."
        return f"Classification, any of {num} labels", told
    kind = f"Regression, {num} target{'s' if num > 1 else ''}"
    if hasattr(targets, "minimum") and isinstance(targets, SingleTargetScaler | MultiTargetScaler):
        told = f"A sigmoid s gives s * (maximum - minimum) + minimum, from {targets.minimum} to "
        return kind, f"{told}{getattr(targets, 'maximum', None)}."
    if hasattr(targets, "mean") and isinstance(targets, SingleTargetScaler | MultiTargetScaler):
        told = f"output * std + mean is the value; mean {targets.mean}, "
        return kind, f"{told}std {getattr(targets, 'std', None)}."
    name = type(targets).__name__
    return "A task of its own", f"{name} of the run says how predictions are made of them."
