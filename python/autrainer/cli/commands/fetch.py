"""`autrainer fetch`: downloads what the datasets, transforms and models of a configuration need."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from autrainer.cli.errors import CommandLineError
from autrainer.config.hydra.collect import collected, distinct
from autrainer.config.hydra.overrides import UnsupportedFlagError
from autrainer.config.schema.sections.loaders import SUBSETS
from autrainer.config.schema.sections.model import ModelSection
from autrainer.errors import AutrainerError, message_of

if TYPE_CHECKING:
    from argparse import ArgumentParser

OUTPUTS = 10
"""Outputs of a model that is only built so that its weights are downloaded."""


def run(parser: ArgumentParser | None, arguments: list[str], config_name: str = "config") -> None:
    """Download what the main configuration and its sweep name.

    Raises:
        CommandLineError: if the configuration cannot be used, or something did not come; everything
            else has come then.
        SystemExit: if Hydra has told on stderr what is wrong.
    """
    from autrainer.cli.parser import fetch_options

    _, rest = fetch_options(arguments)
    failures: list[str] = []

    def look(configs: Sequence[Mapping[str, Any]]) -> None:
        for heading, group, fetch in (
            ("Datasets:", "dataset", fetch_dataset),
            ("Models:", "model", fetch_model),
        ):
            print(heading, flush=True)
            for name, config in distinct(configs, group):
                failures.extend(_fetched(f"{group} {name}", name, fetch, config))

    try:
        collected(rest, config_name, look)
    except UnsupportedFlagError as error:
        raise CommandLineError(parser, str(error), 2) from error
    except AutrainerError as error:
        raise CommandLineError(parser, str(error), 1) from error
    if failures:
        raise CommandLineError(parser, "\n".join(["not everything has come:", *failures]), 1)


def _fetched(
    title: str,
    name: str,
    fetch: Callable[[Mapping[str, Any]], Iterator[str]],
    config: Mapping[str, Any],
) -> list[str]:
    """Fetch for one configuration, and print what was looked at; returns what went wrong."""
    told: list[str] = []
    failures: list[str] = []
    try:
        told.extend(fetch(config))
    # Of a class or a download of the user's own: the others are fetched all the same.
    except Exception as error:
        kind = "" if isinstance(error, AutrainerError) else f"{type(error).__name__}: "
        failures.append(f"  {title}: {kind}{message_of(error)}")
        told.append("failed")
    print(f" - {name}: {', '.join(told) or 'nothing to download'}", flush=True)
    return failures


def fetch_dataset(config: Mapping[str, Any]) -> Iterator[str]:
    """Let a dataset download itself, and build its transforms, which may download something.

    Args:
        config: Its configuration; one without a path lies nowhere, and needs nothing.

    Yields:
        What has been done.
    """
    if not config.get("path"):
        return
    from autrainer.config.locate import locate

    kind = locate(str(config["_target_"]), "dataset._target_")
    if hasattr(kind, "download"):
        kind.download(path=config["path"])
        yield f"there in {config['path']}"
    yield from _transforms(config)


def fetch_model(config: Mapping[str, Any]) -> Iterator[str]:
    """Build a model and its transforms, so that what they download is kept for runs.

    Args:
        config: Its configuration; one with a checkpoint of the user's needs nothing.

    Yields:
        What has been done.
    """
    section = ModelSection.read(config)
    if section.checkpoints.model_checkpoint:
        return
    from autrainer.config.instantiate import build
    from autrainer.models.base import AbstractModel

    yield from _transforms(config)
    build(section.target, AbstractModel, output_dim=OUTPUTS)
    yield "the model can be built"


def _transforms(config: Mapping[str, Any]) -> Iterator[str]:
    transforms = config.get("transform")
    if not isinstance(transforms, Mapping):
        return
    subsets = [(key, transforms.get(key) or []) for key in ("base", *SUBSETS)]
    entries = [(f"transform.{key}", entry) for key, listed in subsets for entry in listed]
    if not entries:
        return
    from autrainer.config.instantiate import instantiate_shorthand
    from autrainer.config.shorthand import read_shorthand
    from autrainer.transforms.base import AbstractTransform

    for key, entry in entries:
        read = read_shorthand(entry, key)
        # In a model it leaves out a transform of the dataset.
        if not read.is_null:
            instantiate_shorthand({read.path: read.arguments}, instance_of=AbstractTransform)
    yield f"{len(entries)} transforms can be built"
