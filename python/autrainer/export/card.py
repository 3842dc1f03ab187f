"""The card of an exported model: a README in Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from autrainer.postprocessing.report.outputs import SampleOutputs, outputs_of
from autrainer.runs.layout import BEST
from autrainer.runs.record.configuration import lookup
from autrainer.runs.record.run_record import RunRecord
from autrainer.runs.yaml.writing import plain, yaml_text
from autrainer.statistics.bootstrap import RESAMPLES, Bootstrap, Interval
from autrainer.statistics.strata import SMALL

if TYPE_CHECKING:
    from autrainer.export.description import Description

MOST_LABELS = 30
LEVEL = 0.95
LOSSES = ("loss", "test_loss")


def card_of(
    description: Description,
    record: RunRecord,
    checkpoint: str,
    files: Sequence[str],
    group_column: str | None = None,
) -> str:
    """The text of the card.

    Args:
        description: What the exported model takes and gives.
        record: The run.
        checkpoint: Folder of the state in the run.
        files: Names of the exported files.
        group_column: Column of the dataset's CSV whose samples belong together.
    """
    model, dataset = (record.value(f"{part}.id", "unknown") for part in ("model", "dataset"))
    parts = [
        f"# {model} on {dataset}",
        f"{description.task}. Exported from the run `{record.name}` of the experiment "
        f"`{record.experiment_id}`, {_state(record, checkpoint)}.",
        "## Input and output",
        _interface(description),
        "## Checked",
        _list(str(each) for each in description.comparisons),
        "## Data",
        _data(record, dataset),
        "## Results on the test set",
        _results(record, checkpoint, group_column),
        "## Use",
        _use(description, files),
        "## Environment",
        _environment(record),
        "## Configuration",
        _fenced("yaml", yaml_text(plain(record.config)) if record.config else "# not known\n"),
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _state(record: RunRecord, checkpoint: str) -> str:
    if checkpoint != BEST:
        return f"checkpoint `{checkpoint}`"
    best = record.best_iteration
    return "the best model" + ("" if best is None else f", of iteration {best}")


def _interface(description: Description) -> str:
    takes, gives = description.content["input"], description.content["output"]
    lines = [
        f"Input `{takes['name']}`: {takes['dtype']}, shape {_shape(takes['shape'])}.",
        *(f"`{name}` is {limits}." for name, limits in takes.get("sizes", {}).items()),
    ]
    before, inside = description.content["before"], description.content["inside"]
    labels = gives.get("labels", [])
    shown = ", ".join(f"`{label}`" for label in labels[:MOST_LABELS])
    more = f" and {len(labels) - MOST_LABELS} more" if len(labels) > MOST_LABELS else ""
    return "\n\n".join(
        [
            "\n".join(lines),
            "To be done before, in this order:" if before else "Nothing has to be done before.",
            _numbered(before),
            "Done inside:" if inside else "No transform is inside.",
            _numbered(inside),
            f"Output `{gives['name']}`: float32, shape {_shape(gives['shape'])}. "
            f"{gives['meaning']}",
            f"Outputs, in this order: {shown}{more}." if labels else "",
        ]
    ).replace("\n\n\n\n", "\n\n")


def _data(record: RunRecord, dataset: str) -> str:
    rows = [("Dataset", f"`{dataset}` (`{lookup(record.config, 'dataset._target_', 'unknown')}`)")]
    for subset, found in record.samples.items():
        number = found.get("number", found.get("samples")) if isinstance(found, dict) else found
        if isinstance(number, int):
            rows.append((f"Samples, {subset}", str(number)))
    for name in ("target_column", "stratify", "path"):
        value = lookup(record.config, f"dataset.{name}")
        if value is not None:
            rows.append((name, f"`{value}`"))
    return _table(("", ""), rows)


def _results(record: RunRecord, checkpoint: str, group_column: str | None) -> str:
    scores = dict(record.test.flat())
    if checkpoint != BEST:
        return f"The run was tested with its best model, which need not be `{checkpoint}`."
    if not scores:
        return "The run has no results on the test set."
    rows, notes = [], []
    outputs: SampleOutputs | None = None
    for name, score in scores.items():
        if name in LOSSES:
            continue
        found = outputs_of(record, name, group_column)
        interval = None if isinstance(found, str) else _interval(found)
        if isinstance(found, str):
            notes.append(f"No interval of {name}: {found}.")
        else:
            outputs = found
        rows.append((name, f"{score:.4f}", _ends(interval)))
    text = _table(("Metric", "Test", f"{100 * LEVEL:g} % interval"), rows)
    if outputs is not None:
        text += f"\n\n{_how(outputs)}"
    return "\n\n".join([text, *notes])


def _interval(outputs: SampleOutputs) -> Interval | None:
    if outputs.groups is None and len(outputs.truth) < 2:
        return None
    bootstrap = Bootstrap(len(outputs.truth), outputs.groups, level=LEVEL)
    return bootstrap.interval(outputs.metric, outputs.truth, outputs.prediction)


def _ends(interval: Interval | None) -> str:
    if interval is None:
        return ""
    return "none" if math.isnan(interval.low) else f"{interval.low:.4f} to {interval.high:.4f}"


def _how(outputs: SampleOutputs) -> str:
    column, num_samples = outputs.group_column, len(outputs.truth)
    units = "single samples"
    num_units = num_samples
    if column is not None and outputs.groups is not None:
        num_units = len(set(outputs.groups))
        units = f"all samples of one `{column}` ({num_units} of them)"
    few = f" With so few of them ({num_units}) it is coarse." if num_units < SMALL else ""
    return (
        f"Intervals: percentiles of {RESAMPLES} bootstrap resamples of {units}, of {num_samples} "
        "samples; Wilson's interval for shares of samples, such as accuracy. They are about this "
        f"model on this test set, not about other seeds.{few}"
    )


def _environment(record: RunRecord) -> str:
    known = record.environments[-1] if record.environments else {}
    found = {name: value for name, value in known.items() if name not in record.config}
    rows = [(str(name), f"`{value}`") for name, value in found.items()]
    system: Any = record.hardware.get("system")
    if isinstance(system, dict):
        of_system = {str(k): v for k, v in system.items() if isinstance(v, str | int)}
        rows += [(k, f"`{v}`") for k, v in of_system.items() if k not in {*known, *record.config}]
    return _table(("", ""), rows) if rows else "The run does not tell."


def _use(description: Description, files: Sequence[str]) -> str:
    shape = ", ".join(map(str, (1, *description.example)))
    dtype = description.content["input"]["dtype"]
    parts = []
    if "model.onnx" in files:
        parts += [
            "With `onnxruntime`, without PyTorch:",
            _fenced(
                "python",
                "import numpy as np\nimport onnxruntime\n\n"
                'session = onnxruntime.InferenceSession("model.onnx")\n'
                f"features = np.zeros(({shape}), np.{dtype})\n"
                '(outputs,) = session.run(["outputs"], {"features": features})\n',
            ),
        ]
    if "model.pt2" in files:
        parts += [
            "With PyTorch, without autrainer:",
            _fenced(
                "python",
                'import torch\n\nmodel = torch.export.load("model.pt2").module()\n'
                f"outputs = model(torch.zeros({shape}, dtype=torch.{dtype}))\n",
            ),
        ]
    parts += [
        "The weights alone, for the class of autrainer. Transforms are not in it. Only read a "
        "`model.yaml` of people you trust: it names classes that are built.",
        _fenced(
            "python",
            "from safetensors.torch import load_file\n\n"
            "from autrainer.runs.objects import load_object\n\n"
            'model = load_object("model.yaml", {"transfer": None})\n'
            'model.load_state_dict(load_file("model.safetensors"))\n'
            "model.eval()\n",
        ),
        "What is above about input and output stands in `interface.yaml` for programs.",
    ]
    return "\n\n".join(part.strip("\n") for part in parts)


def _shape(shape: Sequence[Any]) -> str:
    return "(" + ", ".join(map(str, shape)) + ")"


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _numbered(lines: Sequence[str]) -> str:
    return "\n".join(f"{number}. `{line}`" for number, line in enumerate(lines, 1))


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text.rstrip(chr(10))}\n```"
