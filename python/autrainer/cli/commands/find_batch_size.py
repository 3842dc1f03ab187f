"""`autrainer find-batch-size`: trains a few steps at growing sizes, and changes nothing."""

from __future__ import annotations

import sys

from autrainer.cli.door import door, told
from autrainer.cli.errors import CommandLineError
from autrainer.cli.first_run import called_from_python, tried_first

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from autrainer.config.schema.run import RunConfig
    from autrainer.training.trying.batch_sizes import SizeTrial

ABOUT = (
    "Train the first combination of the main configuration for some steps at each batch size, "
    "doubled until memory is short or a batch has all samples. Print seconds of a step, samples a "
    "second and memory of each, and the smallest size that is as fast as the fastest. No run "
    "folder is made."
)
EXAMPLE = "autrainer find-batch-size -cn tones device=cuda"
TAKES_HYDRA = True
BAR_WIDTH = 30


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options of the command; all other arguments are for Hydra."""
    parser.add_argument(
        "--from", dest="first", type=int, default=8, metavar="SIZE", help="first size (8)"
    )
    parser.add_argument(
        "--to", dest="last", type=int, metavar="SIZE", help="last size (all training samples)"
    )
    parser.add_argument(
        "--steps", type=int, default=5, metavar="N", help="steps timed at each size (5)"
    )
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")


def run(parser: ArgumentParser | None, arguments: list[str], config_name: str = "config") -> None:
    """Try the sizes, and print which is suggested.

    Raises:
        CommandLineError: if the arguments or the configuration cannot be used.
        SystemExit: with code 1 if no size could be trained.
    """
    from autrainer.cli.parser import Parser

    options = Parser(prog="autrainer find-batch-size", add_help=False, allow_abbrev=False)
    add_arguments(options)
    chosen, rest = options.parse_known_args(arguments)
    with told(parser):
        attempt = _attempt(chosen.first, chosen.last, chosen.steps, parser)
        name, trials = tried_first(parser, rest, config_name, attempt)
    from autrainer.training.trying.batch_sizes import suggested

    best = suggested(trials)
    if chosen.json:
        import json
        from dataclasses import asdict

        found = [{**asdict(t), "samples_per_s": t.samples_per_s} for t in trials]
        size = None if best is None else best.batch_size
        print(json.dumps({"suggestion": size, "trials": found}, indent=2))
    else:
        print("\n".join(_lines(name, trials, best)))
    if best is None:
        raise SystemExit(1)


@door
def find_batch_size(
    override_kwargs: Mapping[str, Any] | Sequence[str] | None = None,
    config_name: str = "config",
    config_path: str | None = None,
    first: int = 8,
    last: int | None = None,
    steps: int = 5,
) -> list[SizeTrial]:
    """Train some steps at each batch size; no run folder is made.

    Args:
        override_kwargs: As of `train`; of several combinations the first one is tried.
        config_name: Main configuration.
        config_path: Folder of the project's configurations; `conf` by default.
        first: The first size; it is doubled until memory is short.
        last: The last size; None for as many as there are training samples.
        steps: Steps that are timed at each size.

    Returns:
        `batch_size`, `step_s`, `samples_per_s`, `peak_bytes` and `problem` of each size.

    Raises:
        CommandLineError: if the arguments or the configuration cannot be used.
    """
    attempt = _attempt(first, last, steps)
    return called_from_python(override_kwargs, config_name, config_path, attempt)


def _attempt(
    first: int, last: int | None, steps: int, parser: ArgumentParser | None = None
) -> Callable[[RunConfig], list[SizeTrial]]:
    """What is done with a configuration; what cannot be is refused at once."""
    if first < 1 or (last is not None and last < first):
        misuse = f"sizes grow from {first} to {last}; use --from of at least 1, --to not below it"
        raise CommandLineError(parser, misuse, 2)
    if steps < 1:
        raise CommandLineError(parser, f"--steps is {steps}; use at least 1", 2)

    def attempt(config: RunConfig) -> list[SizeTrial]:
        from autrainer.training.trying.batch_sizes import try_sizes

        def seen(trial: SizeTrial) -> None:
            if config.training.progress_bar and sys.stderr.isatty():
                print(f"tried {trial.batch_size}", file=sys.stderr)

        return try_sizes(config, first, last, steps, seen=seen)

    return attempt


def _lines(name: str, trials: Sequence[SizeTrial], best: SizeTrial | None) -> Iterator[str]:
    yield f"tried: {name}"
    yield f"{'batch_size':>10}  {'step':>10}  {'samples/s':>10}  {'memory':>9}"
    fastest = max((trial.samples_per_s for trial in trials), default=0.0)
    for trial in trials:
        if trial.problem is not None:
            yield f"{trial.batch_size:>10}  {trial.problem}"
            continue
        assert trial.step_s is not None
        memory = "" if trial.peak_bytes is None else f"{trial.peak_bytes / 1e9:.2f} GB"
        bar = "#" * round(BAR_WIDTH * trial.samples_per_s / fastest)
        step = f"{1000 * trial.step_s:.2f} ms"
        speed = f"{trial.samples_per_s:.0f}"
        yield f"{trial.batch_size:>10}  {step:>10}  {speed:>10}  {memory:>9}  {bar}".rstrip()
    if best is None:
        yield "no size could be trained" if trials else "there are fewer samples than that"
        return
    largest = max(trial.batch_size for trial in trials if trial.problem is None)
    yield f"up to {largest} could be trained; the smallest that is within 5 % of the fastest:"
    yield f"batch_size={best.batch_size}"
