"""YAML of `conf/`, as OmegaConf reads it, but by libyaml: an order of magnitude faster."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import yaml

from autrainer.errors import ConfigError, CorruptFileError
from autrainer.runs.yaml.reading import parse_yaml


def parse_config(text: str, name: str) -> Any:
    """Content of a YAML text as plain containers.

    Args:
        text: The text.
        name: Where it comes from; stands in error messages.

    Raises:
        ConfigError: if it is not YAML or names a key twice, with the place.
    """
    try:
        return parse_yaml(text, name, _dialect())
    except CorruptFileError as error:
        raise ConfigError(str(error)) from error


@lru_cache(maxsize=1)
def _dialect() -> type:
    # Private in OmegaConf 2.3, but its only definition of the dialect: 1e-3 is a float, dates are
    # texts, paths are known.
    from omegaconf._utils import get_yaml_loader

    theirs = get_yaml_loader()
    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Dialect(base):  # type: ignore[misc]
        yaml_implicit_resolvers = theirs.yaml_implicit_resolvers
        yaml_constructors = theirs.yaml_constructors

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
            _refuse_duplicates(node)
            return super().construct_mapping(node, deep=deep)

    return Dialect


def _refuse_duplicates(node: yaml.MappingNode) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        if key.tag != yaml.resolver.BaseResolver.DEFAULT_SCALAR_TAG:
            continue
        if key.value in seen:
            raise yaml.constructor.ConstructorError(
                "while constructing a mapping",
                node.start_mark,
                f"the key {key.value!r} stands here twice",
                key.start_mark,
            )
        seen.add(key.value)
