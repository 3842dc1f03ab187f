"""Composes the combinations of a sweep: each choice of groups once, plain values on top of it."""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from autrainer.config.hydra.internals import (
    CachingConfigRepository,
    ConfigLoaderImpl,
    ConfigSourceInfo,
    JobRuntime,
    Override,
    OverridesParser,
    create_defaults_list,
    get_overrides_dirname,
    is_known_version,
    set_texts,
)

_SEARCH_PATH = "hydra.searchpath"
_OF_HYDRA = re.compile(r"hydra($|\W)")
_SEVERAL = re.compile(r"[.\[\]]")


class NotComposedError(Exception):
    """A combination is left to Hydra."""


@dataclass(frozen=True)
class _Base:
    """What the overrides that choose groups, and those of Hydra's own node, compose to.

    Args:
        pickled: The configuration; unpickling is six times as fast as copying.
        naming: How Hydra writes overrides into a name: `job.config.override_dirname`.
    """

    pickled: bytes
    naming: dict[str, Any]


class Composer:
    """Composes combinations as `load_sweep_config` of Hydra's loader does, and much faster.

    Hydra composes in two steps: the configurations that the defaults list names are merged, and
    then plain values are applied. The first depends on nothing but the overrides that choose
    groups, so its result is kept for each choice. Both are done by Hydra's own functions. What
    overrides of Hydra's own node do is kept too: no others reach that node. Whatever is not known
    to be the same is left to Hydra: sweeps, other search paths, other versions of Hydra, values
    below an interpolation, and all combinations that are in error.

    Args:
        loader: Hydra's loader; the folders that it reads do not change.
        main: The main configuration with its `hydra` node.
    """

    def __init__(self, loader: Any, main: DictConfig) -> None:
        self._loader = loader
        self._main = main
        self._name: str | None = main.hydra.job.config_name
        self._first: Any = OmegaConf.to_container(main.hydra.overrides.hydra, resolve=False)
        self._applies = (
            type(loader) is ConfigLoaderImpl
            and is_known_version()
            and not main.hydra.get("searchpath")
        )
        self._parser = OverridesParser.create()
        self._parsed: dict[str, Override] = {}
        self._groups: dict[str, bool] = {}
        self._bases: dict[Any, _Base] = {}
        self._repository: Any = None

    def compose(self, overrides: Sequence[str]) -> DictConfig:
        """The configuration of a combination, with its `hydra` node.

        Raises:
            CompactHydraException: whatever Hydra raises for it.
        """
        if self._applies:
            try:
                return self.recomposed(overrides)
            except Exception:
                # Hydra raises it again, or composes what nobody else can.
                pass
        found: DictConfig = self._loader.load_sweep_config(self._main, list(overrides))
        return found

    def choosing(self, overrides: Sequence[str]) -> tuple[str, ...]:
        """Those of the overrides that choose groups; none where that cannot be told."""
        try:
            return tuple(line for line in overrides if self._chooses(self._parse(line)))
        except Exception:
            return tuple(overrides)

    def recomposed(self, overrides: Sequence[str]) -> DictConfig:
        """The same from what has been composed before.

        Raises:
            NotComposedError: if only Hydra can compose it.
            Exception: if there is no such configuration.
        """
        parsed = [self._parse(line) for line in (*self._first, *overrides)]
        plain = [each for each in parsed if self._is_plain(each)]
        base = self._base(parsed, [each for each in parsed if not self._is_plain(each)])
        config: DictConfig = pickle.loads(base.pickled)
        for override in plain:
            _refuse_interpolated(config, override.key_or_group)
            ConfigLoaderImpl._apply_overrides_to_config([override], config)
        own = [each for each in parsed if not each.is_hydra_override()]
        set_texts(config.hydra.overrides.task, [str(each.input_line) for each in own])
        config.hydra.job.override_dirname = get_overrides_dirname(overrides=own, **base.naming)
        OmegaConf.copy_cache(from_config=self._main, to_config=config)
        return config

    def _parse(self, line: str) -> Override:
        if line not in self._parsed:
            parsed = self._parser.parse_override(line)
            if parsed.is_sweep_override() or parsed.key_or_group == _SEARCH_PATH:
                raise NotComposedError
            self._parsed[line] = parsed
        return self._parsed[line]

    def _is_plain(self, override: Override) -> bool:
        """Whether an override is applied to each combination, and not part of what is kept."""
        return not self._chooses(override) and not _OF_HYDRA.match(override.key_or_group)

    def _chooses(self, override: Override) -> bool:
        """Whether an override chooses groups; as the defaults list of Hydra decides it."""
        key = override.key_or_group
        if key not in self._groups:
            self._groups[key] = self._loader.repository.group_exists(key)
        return self._groups[key] and not isinstance(override.value(), dict)

    def _base(self, parsed: Sequence[Override], kept: Sequence[Override]) -> _Base:
        sizes = [each.is_hydra_override() for each in parsed]
        key = (os.getcwd(), tuple(sizes), *(each.input_line for each in kept))
        if key not in self._bases:
            self._bases[key] = self._new_base(parsed, kept)
        return self._bases[key]

    def _new_base(self, parsed: Sequence[Override], kept: Sequence[Override]) -> _Base:
        """As `ConfigLoaderImpl._load_configuration_impl`, without plain values."""
        if self._repository is None:
            self._loader.ensure_main_config_source_available()
            self._repository = CachingConfigRepository(self._loader.repository)
        defaults = create_defaults_list(
            repo=self._repository,
            config_name=self._name,
            overrides_list=list(kept),
            prepend_hydra=True,
            skip_missing=False,
        )
        config = self._loader._compose_config_from_defaults_list(
            defaults=defaults.defaults, repo=self._repository
        )
        OmegaConf.set_struct(config, True)
        OmegaConf.set_readonly(config.hydra, False)
        for override in defaults.config_overrides:
            _refuse_interpolated(config, override.key_or_group)
        ConfigLoaderImpl._apply_overrides_to_config(defaults.config_overrides, config)
        for each in parsed:
            of = "hydra" if each.is_hydra_override() else "task"
            config.hydra.overrides[of].append(each.input_line)
        self._describe(config.hydra, defaults.overrides.known_choices)
        naming = config.hydra.job.config.override_dirname
        names = ("kv_sep", "item_sep", "exclude_keys")
        return _Base(pickle.dumps(config), {name: naming[name] for name in names})

    def _describe(self, node: DictConfig, choices: Mapping[str, Any]) -> None:
        """Fill in what Hydra says in its own node about how a configuration was composed."""
        from hydra import __version__, version

        with open_dict(node):
            node.runtime.choices.update(choices)
            for key in node.job.env_copy:
                node.job.env_set[key] = os.environ[key]
        node.runtime.version = __version__
        node.runtime.version_base = version.getbase()
        node.runtime.cwd = os.getcwd()
        node.runtime.config_sources = [
            ConfigSourceInfo(path=each.path, schema=each.scheme(), provider=each.provider)
            for each in self._repository.get_sources()
        ]
        if "name" not in node.job:
            node.job.name = JobRuntime().get("name")
        node.job.config_name = self._name


def _refuse_interpolated(config: DictConfig, key: str) -> None:
    """Refuse a value below an interpolation: it may be written to any place.

    Raises:
        NotComposedError: if it is one.
    """
    node: Any = config
    for step in filter(None, _SEVERAL.split(key)[:-1]):
        if not OmegaConf.is_dict(node) or step not in node:
            # Below a list, or added by the override.
            if OmegaConf.is_list(node):
                raise NotComposedError
            return
        if OmegaConf.is_interpolation(node, step):
            raise NotComposedError
        node = node._get_node(step)
