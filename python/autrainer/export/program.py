"""A model and what comes before it as one program: traced, written, and run from its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from autrainer.errors import ConfigError
from autrainer.export.running import INPUT, OUTPUT, check_torch, quiet, require_onnx

LARGEST = 2**40
"""A limit of a size that is none."""


@dataclass(frozen=True)
class Size:
    """The size of an axis of the input.

    Args:
        name: Its name where it may differ from call to call; None for a fixed one.
        size: The fixed size, or the smallest.
        most: The largest; None for any.
    """

    name: str | None
    size: int
    most: int | None = None

    def takes(self, size: int) -> bool:
        """Whether an input may have a size along this axis."""
        if self.name is None:
            return size == self.size
        return self.size <= size and (self.most is None or size <= self.most)

    @property
    def limits(self) -> str | None:
        """What the size has to be, in words; None where it may be any or is fixed."""
        if self.name is None or (self.size <= 1 and self.most is None):
            return None
        at_most = "" if self.most is None else f", at most {self.most}"
        return f"at least {self.size}{at_most}"


class Program(torch.nn.Module):
    """A model behind what is done to its input.

    Args:
        front: From a batch of inputs to what the model takes.
        model: The model.
    """

    def __init__(self, front: Sequence[torch.nn.Module], model: torch.nn.Module) -> None:
        super().__init__()
        self.front = torch.nn.Sequential(*front)
        self.model = model

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Outputs (B, K)."""
        outputs: torch.Tensor = self.model(self.front(features).to(torch.float32))
        return outputs


class Traced:
    """A program as a graph of torch.

    Every axis may differ from call to call that the program lets differ; where it has looked at the
    size of one it is fixed.

    Args:
        program: The program, in evaluation mode.
        example: A sample, on the CPU.

    Attributes:
        sizes: Sizes of the axes of the input, the batch first.

    Raises:
        ConfigError: if torch cannot trace it.
    """

    def __init__(self, program: Program, example: torch.Tensor) -> None:
        check_torch()
        self._example = torch.stack([example, example])
        self._exported = _exported(program, self._example, set())
        if fixed := _bound_axes(self._exported):
            if 0 in fixed:
                self._example = example[None]
            self._exported = _exported(program, self._example, fixed)
        self.sizes = _sizes(self._exported)

    def takes(self, shape: Sequence[int]) -> bool:
        """Whether an input may have a shape."""
        fits = (size.takes(n) for size, n in zip(self.sizes, shape, strict=False))
        return len(shape) == len(self.sizes) and all(fits)

    def write_pt2(self, path: Path) -> None:
        """Write the graph as torch reads it: `torch.export.load`."""
        with quiet():
            torch.export.save(self._exported, path)

    def write_onnx(self, path: Path, metadata: Mapping[str, str]) -> None:
        """Write the graph as ONNX, with some texts about it.

        Raises:
            MissingExtraError: if the library is not installed.
            ConfigError: if something in it has no form in ONNX.
        """
        require_onnx()
        names = {axis: size.name for axis, size in enumerate(self.sizes) if size.name is not None}
        try:
            with quiet():
                made: Any = torch.onnx.export(
                    self._exported,
                    (self._example,),
                    dynamo=True,
                    verbose=False,
                    input_names=[INPUT],
                    output_names=[OUTPUT],
                    dynamic_shapes=(names,),
                )
                made.model.metadata_props.update(metadata)
                made.save(path)
        except torch.onnx.OnnxExporterError as error:
            raise ConfigError(f"torch cannot write the model as ONNX: {_first(error)}") from error


def _exported(program: Program, batch: torch.Tensor, fixed: set[int]) -> Any:
    auto, static = torch.export.Dim.AUTO, torch.export.Dim.STATIC
    # An axis of size 1 is fixed anyway, and torch would warn.
    may_differ = {axis for axis, size in enumerate(batch.shape) if size > 1} - fixed
    shapes = {axis: auto if axis in may_differ else static for axis in range(batch.dim())}
    try:
        with quiet():
            return torch.export.export(program, (batch,), dynamic_shapes=(shapes,))
    # Whatever code of models raises when it is traced.
    except Exception as error:
        raise ConfigError(
            f"torch cannot trace the model: {type(error).__name__}: {_first(error)}"
        ) from error


def _first(error: BaseException) -> str:
    """The first line of an error that says something."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "")


def _input_sizes(exported: Any) -> list[Any]:
    """Sizes of the input: numbers, and expressions of sympy."""
    node = next(n for n in exported.graph.nodes if n.op == "placeholder" and n.name == INPUT)
    found = [size if isinstance(size, int) else size.node.expr for size in node.meta["val"].shape]
    return [size if getattr(size, "free_symbols", ()) else int(size) for size in found]


def _bound_axes(exported: Any) -> set[int]:
    """Axes whose sizes are no numbers of their own, such as twice that of another one."""
    sizes = _input_sizes(exported)
    return {
        axis
        for axis, size in enumerate(sizes)
        if not isinstance(size, int) and (not size.is_symbol or sizes.count(size) > 1)
    } | ({0} if isinstance(sizes[0], int) else set())


def _sizes(exported: Any) -> list[Size]:
    sizes = _input_sizes(exported)
    num_lengths = sum(not isinstance(size, int) for size in sizes[1:])
    found = []
    for axis, size in enumerate(sizes):
        if isinstance(size, int):
            found.append(Size(None, size))
            continue
        limits = exported.range_constraints.get(size)
        low = 1 if limits is None else int(limits.lower)
        most = None if limits is None or limits.upper > LARGEST else int(limits.upper)
        name = "batch" if axis == 0 else "length" if num_lengths == 1 else f"size_{axis}"
        # What torch traces has sizes of two or more; one is no other case.
        found.append(Size(name, 1 if low <= 2 else low, most))
    return found
