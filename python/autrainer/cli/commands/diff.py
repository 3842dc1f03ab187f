"""`autrainer diff`: what two runs differ in."""

from __future__ import annotations

from autrainer.cli.door import door, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from autrainer.postprocessing.changed_samples import ChangedSamples
    from autrainer.postprocessing.comparison import Comparison, Parting

ABOUT = (
    "Tell what two runs differ in: configuration, versions of packages, environment, samples, "
    "scores; at which iteration their curves part; and of which samples they predict something "
    "else, the largest changes first."
)
EXAMPLE = "autrainer diff results/default/training/RUN RUN"
WIDEST = 60
"""Characters of a value that are shown."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    add("first", help="folder of a run, or its name if only one run has it")
    add("second", help="folder or name of another run")
    add("-n", "--samples", type=int, default=10, metavar="N", help="samples to show (10)")
    add("-j", "--json", action="store_true", help="print JSON")
    add("-d", "--results-dir", default=None, help="where experiments lie (results)")


def run(
    parser: ArgumentParser | None,
    first: str,
    second: str,
    samples: int = 10,
    json: bool = False,
    results_dir: str | None = None,
) -> None:
    """Compare and print.

    Raises:
        CommandLineError: if there is no such run, or saved outputs are damaged.
    """
    with told(parser):
        found = _compared(first, second, results_dir)
    if json:
        print(_as_json(found, samples))
        return
    print("\n".join(_lines(found, max(0, samples))))


@door
def diff(
    first: str | Path, second: str | Path, results_dir: str | Path | None = None
) -> Comparison:
    """What two runs differ in.

    Args:
        first: Folder of a run, or its name if only one run has it.
        second: Folder or name of another run.
        results_dir: Where experiments lie; `results` by default.

    Raises:
        CommandLineError: if there is no such run, or saved outputs are damaged.
    """
    return _compared(first, second, results_dir)


def _compared(first: str | Path, second: str | Path, results_dir: str | Path | None) -> Comparison:
    from autrainer.postprocessing.comparison import compare
    from autrainer.runs.layout import RESULTS_DIR
    from autrainer.runs.record.finding import find_run

    records = [find_run(name, results_dir or RESULTS_DIR) for name in (first, second)]
    return compare(*records)


def _lines(found: Comparison, num_samples: int) -> Iterator[str]:
    for sign, record in (("A", found.first), ("B", found.second)):
        yield f"{sign}: {record.folder}: {record.state}"
        for problem in record.problems:
            yield f"   damaged: {problem}"
    yield from _pairs("Configuration", found.config)
    yield from _pairs("Packages", found.packages)
    yield from _pairs("Environment", found.environment)
    yield from _pairs("Samples", found.samples)
    yield from _scores(found.scores)
    yield from _curves(found)
    if found.samples:
        yield "\nPredictions are compared where both runs had the same samples."
    for subset, changed in found.predictions.items():
        yield from _predictions(subset, changed, num_samples)


def _pairs(title: str, pairs: Mapping[str, Any]) -> Iterator[str]:
    from autrainer.postprocessing.tables import aligned

    if not pairs:
        yield f"\n{title}: the same"
        return
    yield f"\n{title}:"
    rows = [[key, _short(a), _short(b)] for key, (a, b) in pairs.items()]
    yield from (f"  {line}" for line in aligned([["", "A", "B"], *rows], left=3))


def _scores(scores: Mapping[str, Any]) -> Iterator[str]:
    from autrainer.postprocessing.tables import aligned, shown

    rows = []
    for name, (a, b) in scores.items():
        both = isinstance(a, int | float) and isinstance(b, int | float)
        rows.append([name, shown(a), shown(b), f"{b - a:+.4g}" if both else ""])
    yield "\nScores, at the best iteration:"
    yield from (f"  {line}" for line in aligned([["", "A", "B", "B - A"], *rows]))


def _curves(found: Comparison) -> Iterator[str]:
    if not found.curves:
        yield "\nCurves: there is nothing to compare"
        return
    kind = found.first.training_type
    if found.first_parting is None:
        iterations = next(iter(found.curves.values())).iterations
        yield f"\nCurves: the same in all {iterations} iterations that both have"
        return
    yield f"\nCurves: they part at {kind} {found.first_parting}"
    for name, parting in found.curves.items():
        yield f"  {name}: {_parted(kind, parting)}"


def _parted(kind: str, parting: Parting) -> str:
    if parting.values is None:
        return "the same"
    a, b = parting.values
    return f"{a:.6g} and {b:.6g} at {kind} {parting.iteration}"


def _predictions(subset: str, changed: ChangedSamples, num_samples: int) -> Iterator[str]:
    from autrainer.postprocessing.tables import aligned

    total = f"{len(changed.samples)} of {changed.num_compared} samples"
    turned = ""
    if changed.now_right is not None:
        turned = f": {changed.now_right} are right in B alone, {changed.now_wrong} in A alone"
    yield f"\nPredictions on {subset}: {total} are different{turned}"
    for sign, count in (("A", changed.only_first), ("B", changed.only_second)):
        if count:
            yield f"  {count} samples are in {sign} alone"
    shown = changed.samples[:num_samples]
    if not shown:
        return
    rows = [
        [str(s.index), s.name or "", s.target or "", *map(_short, s.predictions), f"{s.size:.4g}"]
        for s in shown
    ]
    heading = ["index", "name", "target", "A", "B", "change"]
    yield from (f"  {line}" for line in aligned([heading, *rows], left=5))
    if len(changed.samples) > len(shown):
        yield f"  and {len(changed.samples) - len(shown)} more; -n shows them"


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 3]}..."


def _as_json(found: Comparison, num_samples: int) -> str:
    import json
    from dataclasses import asdict

    runs = [{"folder": str(r.folder), "state": str(r.state)} for r in (found.first, found.second)]
    names = ("config", "packages", "environment", "samples", "scores")
    content: dict[str, Any] = {"runs": runs, **{name: getattr(found, name) for name in names}}
    content["first_parting"] = found.first_parting
    content["curves"] = {name: asdict(parting) for name, parting in found.curves.items()}
    content["predictions"] = {
        subset: {**asdict(each), "samples": [asdict(s) for s in each.samples[:num_samples]]}
        for subset, each in found.predictions.items()
    }
    return json.dumps(_plain(content), indent=2, ensure_ascii=False, default=str)


def _plain(value: Any) -> Any:
    """What JSON can hold: it has neither NaN nor infinity."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and value - value != 0:
        return None
    return value
