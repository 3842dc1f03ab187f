"""The categories of AudioSet, and which lie below which."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from autrainer.errors import ConfigError, CorruptFileError, did_you_mean


class Ontology:
    """Categories, each below any number of others.

    Args:
        names: Name of each category by its id.
        children: Ids of those right below each category.
    """

    def __init__(self, names: Mapping[str, str], children: Mapping[str, Sequence[str]]) -> None:
        self._names = dict(names)
        self._children = {node: [*below] for node, below in children.items()}

    @classmethod
    def read(cls, path: Path) -> Ontology:
        """The ontology of a JSON file: a list of mappings with `id`, `name` and `child_ids`.

        Raises:
            FileNotFoundError: if there is no such file.
            CorruptFileError: if it is none.
        """
        try:
            nodes = json.loads(path.read_text(encoding="utf-8"))
            names = {node["id"]: node["name"] for node in nodes}
            children = {node["id"]: node["child_ids"] for node in nodes}
        except (ValueError, KeyError, TypeError) as error:
            raise CorruptFileError(f"{path}: expected the ontology of AudioSet: {error}") from error
        return cls(names, children)

    def __contains__(self, node: str) -> bool:
        return node in self._names

    @cached_property
    def names(self) -> list[str]:
        """Every name once: categories below none, those right below them, the others.

        Alphabetical within each of the three.
        """
        everyone = {child for below in self._children.values() for child in below}
        top = [node for node in self._names if node not in everyone]
        second = [child for node in top for child in self._children[node]]
        levels = (top, second, self._names)
        ordered = [
            name for level in levels for name in sorted({self._names[node] for node in level})
        ]
        return list(dict.fromkeys(ordered))

    def below(self, names: Iterable[str]) -> set[str]:
        """Ids of some categories, and of all those below them.

        Raises:
            ConfigError: for a name that there is not.
        """
        found: set[str] = set()
        for name in names:
            nodes = [node for node, own in self._names.items() if own == name]
            if not nodes:
                hint = did_you_mean(name, self.names) or "see ontology.json"
                raise ConfigError(f"AudioSet has no category {name!r}; {hint}")
            while nodes:
                node = nodes.pop()
                if node not in found:
                    found.add(node)
                    nodes += self._children.get(node, [])
        return found

    def with_ancestors(self, ids: Iterable[str]) -> set[str]:
        """Ids, and those of all categories above them."""
        return {above for node in ids for above in self._ancestors[node]}

    def sorted_names(self, ids: Iterable[str]) -> list[str]:
        """Names of ids, in the order of `names`."""
        positions = {self._positions[self._names[node]] for node in ids}
        return [self.names[position] for position in sorted(positions)]

    def multi_hot(self, categories: Sequence[Sequence[str]]) -> npt.NDArray[np.int8]:
        """0 and 1 for each of `names`, shape (N, number of names)."""
        hot = np.zeros((len(categories), len(self.names)), dtype=np.int8)
        for row, names in enumerate(categories):
            hot[row, [self._positions[name] for name in names]] = 1
        return hot

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self.names)}

    @cached_property
    def _ancestors(self) -> dict[str, set[str]]:
        """Each id with itself and all above it."""
        parents: dict[str, list[str]] = {node: [] for node in self._names}
        for node, below in self._children.items():
            for child in below:
                parents.setdefault(child, []).append(node)
        found = {}
        for node in self._names:
            above, left = set[str](), [node]
            while left:
                current = left.pop()
                if current not in above:
                    above.add(current)
                    left += parents[current]
            found[node] = above
        return found
