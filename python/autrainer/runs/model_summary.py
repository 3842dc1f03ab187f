"""What a model consists of, written as a table."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from autrainer.runs.layout import SUMMARY
from autrainer.runs.random.seeding import preserved_rng
from autrainer.runs.writing.files import write_text
from autrainer.runs.yaml.writing import write_yaml

log = logging.getLogger(__name__)

COLUMNS = ("input_size", "output_size", "num_params", "trainable")
COUNTS = (
    "total_mult_adds",
    "total_output_bytes",
    "total_params",
    "trainable_params",
    "total_param_bytes",
)


def save_model_summary(
    model: torch.nn.Module,
    inputs: Mapping[str, Any],
    output_directory: str | Path,
    filename: str = SUMMARY,
) -> dict[str, int] | None:
    """Write `model_summary.txt` and `model_summary.yaml` into a run folder.

    The model is called once with the inputs. It, and all random generators, are afterwards as they
    were. A model that cannot be summarised is reported in the log; nothing is written then.

    Args:
        model: The model, on the device of the inputs.
        inputs: What its `forward` takes, by name: the inputs of a real batch.
        output_directory: The run folder.
        filename: Name of the two files, without suffix.

    Returns:
        The counts of the YAML file, such as `total_mult_adds`; None without a summary.
    """
    table = summarised(model, inputs)
    return None if table is None else write_summary(table, Path(output_directory) / filename)


def summarised(model: torch.nn.Module, inputs: Mapping[str, Any]) -> Any:
    """The table of torchinfo for a model that is called with some inputs; None without one."""
    try:
        with preserved_rng(), evaluation_mode(model):
            return _summarise(model, dict(inputs))
    except Exception as error:
        reason = error.__cause__ or error
        log.warning(
            "%s has no summary: calling it with %s failed with %s: %s",
            type(model).__name__,
            {name: tuple(getattr(value, "shape", ())) for name, value in inputs.items()},
            type(reason).__name__,
            reason,
        )
        return None


def write_summary(table: Any, path: Path) -> dict[str, int]:
    """Write a table as text and its counts as YAML; returns the counts.

    Args:
        table: What `summarised` has given.
        path: The files, without suffix.
    """
    write_text(path.with_name(f"{path.name}.txt"), f"{table}\n")
    counts = {name: int(getattr(table, name)) for name in COUNTS}
    write_yaml(path.with_name(f"{path.name}.yaml"), counts)
    return counts


@contextmanager
def evaluation_mode(model: torch.nn.Module) -> Iterator[None]:
    """Within the block the model is in evaluation mode, and nothing is recorded for gradients.

    Every module gets its own mode back afterwards.
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


def _summarise(model: torch.nn.Module, inputs: dict[str, Any]) -> Any:
    import torchinfo

    parameter = next(model.parameters(), None)
    try:
        return torchinfo.summary(
            model,
            input_data=inputs,
            col_names=COLUMNS,
            row_settings=("depth", "var_names"),
            device=torch.device("cpu") if parameter is None else parameter.device,
            verbose=0,
        )
    finally:
        # torchinfo remembers the modules of its last calls, which would keep their weights alive.
        getattr(torchinfo.torchinfo, "_cached_forward_pass", {}).clear()
