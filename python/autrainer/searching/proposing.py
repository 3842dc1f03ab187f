"""What proposes the values of a trial, and whether a study is the one that is searched."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autrainer.callbacks.pruning import class_of, make
from autrainer.errors import ConfigError
from autrainer.runs.extras import require
from autrainer.searching.settings import GRID, SAMPLERS, SearchSettings


def sampler_of(settings: SearchSettings, number: int) -> Any:
    """The sampler that proposes the trial of this number.

    Args:
        settings: How the search is done.
        number: The number, from which and from the seed of the search its seed follows.

    Raises:
        ConfigError: if Optuna refuses its options.
        MissingExtraError: if it needs a library that is not installed.
    """
    import numpy as np
    from optuna import samplers

    if settings.sampler == GRID:
        return samplers.RandomSampler(0)
    seed = int(np.random.SeedSequence([settings.seed, number]).generate_state(1)[0])
    arguments: dict[str, Any] = {"seed": seed}
    if settings.sampler == "cmaes":
        require("cmaes", "hydra.sweeper.sampler=cmaes", "cmaes", "optuna")
        arguments |= {
            "independent_sampler": samplers.RandomSampler(seed),
            "warn_independent_sampling": False,
        }
    made = class_of(samplers, "hydra.sweeper.sampler", settings.sampler, SAMPLERS)
    arguments |= settings.sampler_options or {}
    return make(made, "hydra.sweeper.sampler", settings.sampler, arguments)


def refuse_another(folder: Path, before: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Refuse a study of something else.

    Args:
        folder: Folder of the study.
        before: What is searched there.
        own: What is to be searched.

    Raises:
        ConfigError: if they differ.
    """
    found = [
        f"  {each}: {there!r} (there), {here!r} (here)"
        for each, there, here in _differences(before, own)
    ]
    if found:
        raise ConfigError(
            f"the study in {folder} is another one; it differs in\n"
            + "\n".join(found[:5])
            + "\ngive this one a hydra.sweeper.study_name or an experiment_id of its own"
        )


def _differences(a: Any, b: Any, prefix: str = "") -> list[tuple[str, Any, Any]]:
    if not (isinstance(a, Mapping) and isinstance(b, Mapping)):
        return [] if a == b else [(prefix, a, b)]
    return [
        found
        for key in dict.fromkeys([*a, *b])
        for found in _differences(a.get(key), b.get(key), f"{prefix}.{key}" if prefix else key)
    ]
