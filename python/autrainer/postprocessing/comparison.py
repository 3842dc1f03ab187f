"""What two runs differ in: configuration, code, environment, data, scores, curves, predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autrainer.config.comparing import ABSENT, all_differences
from autrainer.postprocessing.changed_samples import ChangedSamples, changed_samples
from autrainer.postprocessing.grouping import leaves_of
from autrainer.runs.record.run_record import RunRecord

Pair = tuple[Any, Any]

PACKAGES = ("autrainer", "torch", "numpy")
"""What `environments` tells besides the machine."""


@dataclass(frozen=True)
class Parting:
    """Where the curves of a metric part.

    Args:
        iteration: The first iteration with different values; None if there is none.
        values: Both values there.
        iterations: How many iterations were compared.
    """

    iteration: int | None
    values: Pair | None
    iterations: int


@dataclass
class Comparison:
    """Two runs, and what differs.

    Args:
        first: A run.
        second: Another one.
        config: Values by dotted key; `absent` where a run does not have it.
        packages: Versions by package; nothing where one run does not tell any, as for the next two.
        environment: Values by name: processor, threads, device, machine.
        samples: What is different about the samples: `train.rows`, `test.targets` (a checksum).
        scores: Values by name, of all scores that both have; equal ones too.
        curves: Where each metric parts.
        predictions: Samples with other predictions, by split; a split of which the runs had other
            samples is left out.
    """

    first: RunRecord
    second: RunRecord
    config: dict[str, Pair] = field(default_factory=dict)
    packages: dict[str, Pair] = field(default_factory=dict)
    environment: dict[str, Pair] = field(default_factory=dict)
    samples: dict[str, Pair] = field(default_factory=dict)
    scores: dict[str, Pair] = field(default_factory=dict)
    curves: dict[str, Parting] = field(default_factory=dict)
    predictions: dict[str, ChangedSamples] = field(default_factory=dict)

    @property
    def first_parting(self) -> int | None:
        """The first iteration at which any curve parts."""
        found = [p.iteration for p in self.curves.values() if p.iteration is not None]
        return min(found, default=None)


def compare(first: RunRecord, second: RunRecord) -> Comparison:
    """Compare two runs by what their folders tell.

    Raises:
        CorruptFileError: if saved outputs are damaged.
        MissingExtraError: if a table of outputs is Parquet or Arrow, and pyarrow is not installed.
    """
    found = all_differences(first.config, second.config)
    config = {key: (a, b) for key, a, b in found}
    environments = [(record.environments or [{}])[-1] for record in (first, second)]
    packages = _known_of_both(first.requirements, second.requirements)
    packages |= _known_of_both(*({k: e[k] for k in PACKAGES if k in e} for e in environments))
    # The settings that are told along are keys of the configuration.
    machines = [
        {k: v for k, v in e.items() if k not in PACKAGES and k not in record.config}
        | _machine(record)
        for e, record in zip(environments, (first, second), strict=True)
    ]
    return Comparison(
        first,
        second,
        config,
        packages,
        _known_of_both(*machines),
        _known_of_both(*(dict(leaves_of(record.samples)) for record in (first, second))),
        _scores(first, second),
        _curves(first, second),
        _predictions(first, second),
    )


def different(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Pair]:
    """Values of two mappings that are not the same, `absent` where there is none."""
    names = dict.fromkeys([*a, *b])
    pairs = {name: (a.get(name, ABSENT), b.get(name, ABSENT)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _known_of_both(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Pair]:
    """As `different`; nothing where one run tells nothing, as one of 0.10, or an unfinished one."""
    return different(a, b) if a and b else {}


def _machine(record: RunRecord) -> dict[str, Any]:
    system, gpu = record.hardware.get("system"), record.hardware.get("gpu")
    found = dict(system) if isinstance(system, Mapping) else {}
    if isinstance(gpu, Mapping):
        found["gpu"] = gpu.get("name")
    if record.status.get("host"):
        found["host"] = record.status["host"]
    return found


def _scores(first: RunRecord, second: RunRecord) -> dict[str, Pair]:
    found: dict[str, Pair] = {"best_iteration": (first.best_iteration, second.best_iteration)}
    for name in ("dev", "dev_unscaled", "test", "test_unscaled"):
        both = [getattr(record, name).totals for record in (first, second)]
        before = name.partition("_")[0]
        found |= {
            f"{before}.{key}": (both[0][key], both[1][key]) for key in both[0] if key in both[1]
        }
    found["seconds"] = (first.seconds, second.seconds)
    return found


def _curves(first: RunRecord, second: RunRecord) -> dict[str, Parting]:
    one, other = first.metrics, second.metrics
    shared = [number for number in one.iterations if number in other.iterations]
    rows = [(number, one.row(number), other.row(number)) for number in shared]
    found: dict[str, Parting] = {}
    for name in (name for name in one.names if name in other.columns):
        parted = ((n, (a[name], b[name])) for n, a, b in rows if not _same(a[name], b[name]))
        iteration, values = next(parted, (None, None))
        found[name] = Parting(iteration, values, len(shared))
    return found


def _same(a: float, b: float) -> bool:
    return a == b or (a != a and b != b)


def _predictions(first: RunRecord, second: RunRecord) -> dict[str, ChangedSamples]:
    found: dict[str, ChangedSamples] = {}
    for subset in ("dev", "test"):
        outputs = [record.outputs(subset) for record in (first, second)]
        is_other = first.samples.get(subset) != second.samples.get(subset)
        if is_other and subset in first.samples and subset in second.samples:
            continue
        if outputs[0] is not None and outputs[1] is not None:
            changed = changed_samples(outputs[0], outputs[1])
            if changed is not None:
                found[subset] = changed
    return found
