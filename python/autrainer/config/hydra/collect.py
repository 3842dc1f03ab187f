"""What a sweep is made of, without running it: for commands that prepare what runs need."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from autrainer.config.hydra.compose import HOOKS, SweepHooks, launch
from autrainer.config.hydra.snapshot import frozen_folders

Config = Mapping[str, Any]

QUIET = ("hydra/hydra_logging=none", "hydra/job_logging=none")


def collected(
    arguments: Sequence[str], config_name: str, look: Callable[[Sequence[Config]], object]
) -> None:
    """Compose every combination that these arguments describe.

    Finished runs count too; what other filters leave out does not.

    Args:
        arguments: Overrides and flags of Hydra.
        config_name: The main configuration.
        look: Called once with the configurations, resolved, while the folders that they come from
            are frozen. Not called after a flag with which Hydra only tells something.

    Raises:
        ConfigError: if a configuration does not compose.
        SystemExit: if Hydra has told on stderr what is wrong.
        Exception: whatever `look` raises, as it is.
    """
    examined(
        arguments,
        config_name,
        SweepHooks(own_folders=False),
        lambda points: look([point.config for point in points]),
    )


def examined(
    arguments: Sequence[str],
    config_name: str,
    hooks: SweepHooks,
    look: Callable[[Sequence[Any]], object],
) -> None:
    """Compose every combination, with hooks of the caller's own.

    Args:
        arguments: As of `collected`.
        config_name: As of `collected`.
        hooks: What to do with each combination.
        look: Called once with the combinations (`Point`), while the folders are frozen.

    Raises:
        Exception: as `collected`.
    """
    failed: list[Exception] = []

    def collect(points: Sequence[Any]) -> None:
        try:
            look(points)
        except Exception as error:
            # Hydra would print the error of a job.
            failed.append(error)

    def task(config: Any) -> None:
        """Never called: combinations are collected before they would run."""

    # What is said is said by the command; warnings go to stderr.
    quiet = [key for key in QUIET if not any(a.startswith(key.split("=")[0]) for a in arguments)]
    setattr(task, HOOKS, replace(hooks, collect=collect))
    # Overrides have to stand together, before flags or behind them.
    stands_first = bool(arguments) and not arguments[0].startswith("-")
    joined = [*quiet, *arguments] if stands_first else [*arguments, *quiet]
    launch(task, [*joined, "--multirun"], config_name)
    if failed:
        raise failed[0]


def distinct(
    configs: Sequence[Config], group: str, ignoring: Collection[str] = ()
) -> list[tuple[str, Config]]:
    """Configurations of a group with their ids, each once.

    One id may stand for several: a sweep may vary any key of them.

    Args:
        configs: Whole configurations.
        group: Such as `dataset`.
        ignoring: Keys in which two may differ that count as one, the first of them.
    """
    found: dict[str, tuple[str, Config]] = {}
    for config in configs:
        chosen = config.get(group)
        if isinstance(chosen, Mapping) and "id" in chosen:
            compared = {key: value for key, value in chosen.items() if key not in ignoring}
            text = json.dumps(compared, sort_keys=True, default=repr)
            found.setdefault(text, (str(chosen["id"]), chosen))
    return list(found.values())


def frozen_config(name: str) -> Any:
    """Content of a file of the frozen folders, `preprocessing/log_mel_16k`; None if there is none.

    The user's comes before the packaged one.
    """
    folder = next((folder for folder in frozen_folders() if name in folder.paths), None)
    return None if folder is None else folder.parsed(name)
