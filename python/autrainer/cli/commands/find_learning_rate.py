"""`autrainer find-learning-rate`: trains a few steps at rising rates, and changes nothing."""

from __future__ import annotations

import sys

from autrainer.cli.door import door, told
from autrainer.cli.errors import CommandLineError
from autrainer.cli.first_run import called_from_python, tried_first

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from autrainer.config.schema.run import RunConfig
    from autrainer.training.trying.rates import RateCurve

ABOUT = (
    "Train the first combination of the main configuration from scratch for some steps, each at a "
    "higher learning rate than the one before, until the loss diverges. Print the rate at which "
    "the loss falls fastest, and a chart. No run folder is made."
)
EXAMPLE = "autrainer find-learning-rate -cn digits optimizer=SGD"
TAKES_HYDRA = True


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options of the command; all other arguments are for Hydra."""
    parser.add_argument(
        "--from", dest="first", type=float, default=1e-7, metavar="RATE", help="first rate (1e-7)"
    )
    parser.add_argument(
        "--to", dest="last", type=float, default=10.0, metavar="RATE", help="last rate (10)"
    )
    parser.add_argument("--steps", type=int, default=100, metavar="N", help="steps (100)")
    parser.add_argument("--plot", metavar="FILE", help="also write a plot: .png, .pdf or .svg")
    parser.add_argument("--json", action="store_true", help="print rates and losses as JSON")


def run(parser: ArgumentParser | None, arguments: list[str], config_name: str = "config") -> None:
    """Try the rates, and print which is suggested.

    Raises:
        CommandLineError: if the arguments or the configuration cannot be used.
        SystemExit: with code 1 if the loss falls at no rate.
    """
    from autrainer.cli.parser import Parser

    options = Parser(prog="autrainer find-learning-rate", add_help=False, allow_abbrev=False)
    add_arguments(options)
    chosen, rest = options.parse_known_args(arguments)
    with told(parser):
        attempt = _attempt(chosen.first, chosen.last, chosen.steps, chosen.plot, parser)
        name, curve = tried_first(parser, rest, config_name, attempt)
    if chosen.json:
        import json

        print(json.dumps(_as_json(curve), indent=2))
    else:
        print("\n".join(_lines(name, curve)))
    if curve.suggestion is None:
        raise SystemExit(1)


@door
def find_learning_rate(
    override_kwargs: Mapping[str, Any] | Sequence[str] | None = None,
    config_name: str = "config",
    config_path: str | None = None,
    first: float = 1e-7,
    last: float = 10.0,
    steps: int = 100,
    plot: str | Path | None = None,
) -> RateCurve:
    """Train some steps at rising learning rates; no run folder is made.

    Args:
        override_kwargs: As of `train`; of several combinations the first one is tried.
        config_name: Main configuration.
        config_path: Folder of the project's configurations; `conf` by default.
        first: Learning rate of the first step.
        last: Learning rate of the last step, if the loss has not diverged by then.
        steps: How many steps.
        plot: File of a plot.

    Returns:
        `rates` and `losses` of the steps, `smoothed` losses, and the `suggestion`: the rate at
        which the smoothed loss falls fastest, or None if it does not fall.

    Raises:
        CommandLineError: if the arguments or the configuration cannot be used.
    """
    attempt = _attempt(first, last, steps, plot)
    return called_from_python(override_kwargs, config_name, config_path, attempt)


def _attempt(
    first: float,
    last: float,
    steps: int,
    plot: str | Path | None,
    parser: ArgumentParser | None = None,
) -> Callable[[RunConfig], RateCurve]:
    """What is done with a configuration; what cannot be is refused at once."""
    if not 0 < first < last < float("inf"):
        misuse = f"rates rise from {first} to {last}; use --from above 0, and --to above that"
        raise CommandLineError(parser, misuse, 2)
    if steps < 10:
        raise CommandLineError(parser, f"--steps is {steps}; use at least 10", 2)
    if plot is not None:
        from autrainer.plotting.rates import check_plot

        check_plot(plot)

    def attempt(config: RunConfig) -> RateCurve:
        from autrainer.training.trying.rate_search import try_rates

        curve = try_rates(config, first, last, steps, shows_bar=config.training.progress_bar)
        if plot is not None:
            from autrainer.plotting.rates import draw_rates

            shown = (curve.rates.tolist(), curve.losses.tolist(), curve.smoothed.tolist())
            draw_rates(plot, *shown, curve.suggestion)
            print(f"plot: {plot}", file=sys.stderr)
        return curve

    return attempt


def _lines(name: str, curve: RateCurve) -> Iterator[str]:
    from autrainer.cli.text_chart import text_chart

    yield f"tried: {name}"
    yield from text_chart(curve.rates.tolist(), curve.smoothed.tolist(), mark=curve.suggestion)
    num, last = len(curve.rates), curve.rates[-1] if len(curve.rates) else float("nan")
    yield f"{num} steps up to a rate of {last:.2g}; loss smoothed over 10 steps"
    if curve.suggestion is None:
        yield "the loss falls at no rate: nothing is suggested"
    else:
        lowest = curve.rates[curve.lowest]
        yield f"the loss is lowest at {lowest:.2g} and falls fastest at {curve.suggestion:.2g}:"
        yield f"learning_rate={curve.suggestion:.2g}"


def _as_json(curve: RateCurve) -> dict[str, Any]:
    return {
        "suggestion": curve.suggestion,
        "rates": curve.rates.tolist(),
        "losses": curve.losses.tolist(),
        "smoothed": curve.smoothed.tolist(),
    }
