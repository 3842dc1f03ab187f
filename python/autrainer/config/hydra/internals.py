"""Every part of Hydra that its documentation does not promise; no other module names one.

Another version of Hydra may have them in another place or form: then this is the file to change.
Plugins are imported when they are needed, after Hydra has looked for them: what is imported earlier
exists twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hydra import __version__
from hydra._internal.callbacks import Callbacks
from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra._internal.config_repository import CachingConfigRepository
from hydra._internal.defaults_list import create_defaults_list
from hydra._internal.hydra import Hydra
from hydra._internal.utils import (
    create_automatic_config_search_path,
    detect_calling_file_or_module_from_task_function,
    detect_task_name,
    get_args_parser,
    run_and_report,
)
from hydra.conf import ConfigSourceInfo
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobRuntime, JobStatus, run_job, setup_globals
from hydra.plugins.config_source import ConfigSource

__all__ = [
    "CachingConfigRepository",
    "Callbacks",
    "ConfigLoaderImpl",
    "ConfigSearchPath",
    "ConfigSourceInfo",
    "JobReturn",
    "JobRuntime",
    "JobStatus",
    "ObjectType",
    "Override",
    "OverridesParser",
    "Plugins",
    "create_defaults_list",
    "get_args_parser",
    "get_overrides_dirname",
    "run_and_report",
    "run_job",
    "setup_globals",
]


@contextmanager
def application(task: Callable[..., Any], config_path: str | None) -> Iterator[Any]:
    """What composes and runs, as `hydra.main` would make it for this function."""
    file, module = detect_calling_file_or_module_from_task_function(task)
    search_path = create_automatic_config_search_path(file, module, config_path)
    # A notebook may have initialised Hydra for itself.
    before, GlobalHydra.instance().hydra = GlobalHydra.instance().hydra, None
    try:
        yield Hydra.create_main_hydra2(detect_task_name(file, module), search_path)
    finally:
        GlobalHydra.instance().hydra = before


def is_known_version() -> bool:
    """Whether this Hydra is one whose way to compose `Composer` repeats."""
    return __version__.startswith("1.3.")


def set_texts(listed: Any, texts: Sequence[str]) -> None:
    """Give a list of a configuration other texts, as many as it has; others are not validated."""
    for position, text in enumerate(texts):
        listed._get_node(position)._set_value(text)


def result_of(job: JobReturn) -> Any:
    """What a job has returned, or the error that has ended it."""
    return job._return_value


def header_of(text: str) -> dict[str, str | None]:
    """What the comments at the beginning of a configuration say of it, such as its package."""
    header: dict[str, str | None] = ConfigSource._get_header_dict(text)
    return header


def quoted(text: str) -> str:
    """A text as it stands in an override, whatever characters are in it."""
    return QuotedString(text, Quote.single).with_quotes()


def runs_here(launcher: Any) -> bool:
    """Whether jobs run in this process, one after the other: with Hydra's own launcher."""
    from hydra._internal.core_plugins.basic_launcher import BasicLauncher

    return type(launcher) is BasicLauncher


def combinations(
    overrides: Sequence[str], config_loader: Any, max_batch_size: int | None
) -> list[list[list[str]]]:
    """The combinations that overrides span, in batches."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    parsed = OverridesParser.create(config_loader=config_loader).parse_overrides([*overrides])
    batches: list[list[list[str]]] = BasicSweeper.split_arguments(parsed, max_batch_size)
    return batches
