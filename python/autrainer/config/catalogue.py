"""The classes that a configuration can name, read from their sources: nothing is imported."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import autrainer
from autrainer.config.kinds import KINDS, Kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

NEEDED = {"NEEDED": "", "FOR_FILES": " Not beside `features`."}
"""Defaults that stand for none, and what is to say: `config/schema/required_arguments.py`."""

_ENTRY = re.compile(r"(\*{0,2}\w+): (.*)")
_ELSEWHERE = re.compile(r"As in `(\w+)`")


@dataclass(frozen=True)
class Argument:
    """An argument of a class or a hook.

    Args:
        name: Its name.
        annotation: Its annotation, as it is written.
        default: Its default, as it is written; None if it has to be given.
        about: What it is.
    """

    name: str
    annotation: str
    default: str | None
    about: str


@dataclass(frozen=True)
class Source:
    """A class in its file.

    Args:
        module: The file.
        node: The class.
    """

    module: Module
    node: ast.ClassDef

    @property
    def doc(self) -> str:
        """Its docstring."""
        return ast.get_docstring(self.node) or ""

    @property
    def summary(self) -> str:
        """The first paragraph of its docstring, in a line."""
        return " ".join(self.doc.partition("\n\n")[0].split())

    @property
    def text(self) -> str:
        """Its docstring without arguments and errors."""
        text = re.split(r"\n\s*(?:Args|Raises|Attributes|Returns):\n", self.doc)[0]
        # Where arguments are those of another class, they are listed all the same.
        return re.sub(r"\n\nArgs are those of .*", "", text).strip()

    def ancestors(self) -> Iterator[Source]:
        """The class and those of this package that it derives from, the nearest first."""
        yield self
        for base in self.node.bases:
            name = base.id if isinstance(base, ast.Name) else ""
            found = self.module.find(name)
            if found is not None:
                yield from found.ancestors()

    def arguments(self) -> list[Argument]:
        """The arguments of its constructor, as far as they are named."""
        for source in self.ancestors():
            for node in source.node.body:
                if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                    module = source.module
                    return [self._described(*found, module) for found in parameters_of(node)]
        return []

    def _described(
        self, name: str, annotation: str, default: str | None, module: Module
    ) -> Argument:
        about = self._about(name)
        if default in NEEDED:
            return Argument(name, annotation, None, about + NEEDED[default])
        constant = module.constant(default) if default and default.isidentifier() else None
        return Argument(name, annotation, constant or default, about)

    def _about(self, name: str) -> str:
        for source in self.ancestors():
            if not (about := described_arguments(source.doc).get(name, "")):
                continue
            elsewhere = _ELSEWHERE.match(about)
            if elsewhere is None or elsewhere[1] == source.node.name:
                return about
        return ""


class Module:
    """A source file of this package.

    Args:
        name: Its import path.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @cached_property
    def tree(self) -> ast.Module:
        """What is in the file."""
        return _tree_of(self.name)

    @cached_property
    def _classes(self) -> dict[str, ast.ClassDef]:
        return {node.name: node for node in self.tree.body if isinstance(node, ast.ClassDef)}

    @cached_property
    def _imports(self) -> dict[str, Module]:
        modules: dict[str, Module] = {}
        found: dict[str, Module] = {}
        for node in self.tree.body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("autrainer."):
                module = modules.setdefault(node.module or "", Module(node.module or ""))
                found |= {alias.asname or alias.name: module for alias in node.names}
        return found

    def constant(self, name: str) -> str | None:
        """What a constant is that it defines or imports from this package, as it is written."""
        for node in self.tree.body:
            is_assigned = isinstance(node, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id == name for target in node.targets
            )
            if is_assigned and isinstance(node, ast.Assign):
                return ast.unparse(node.value)
        return self._imports[name].constant(name) if name in self._imports else None

    def names(self) -> list[str]:
        """Names of what it defines or imports from this package."""
        return [*self._imports, *self._classes]

    def find(self, name: str) -> Source | None:
        """A class that it defines or imports from this package."""
        if name in self._classes:
            return Source(self, self._classes[name])
        return self._imports[name].find(name) if name in self._imports else None


@cache
def _tree_of(name: str) -> ast.Module:
    """What is in a file of this package, read once: several modules import from most of them."""
    path = Path(autrainer.__file__).parent.joinpath(*name.split(".")[1:])
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8"))


def classes_of(kind: Kind) -> dict[str, Source]:
    """The classes of a kind by name, sorted without regard to case."""
    module = Module(kind.package)
    found = {}
    for name in sorted(module.names(), key=str.lower):
        source = None if name in kind.hidden or name == kind.base else module.find(name)
        if source is not None and _derives_from(source, kind.base):
            found[name] = source
    return found


def _derives_from(source: Source, base: str | None) -> bool:
    return base is None or any(each.node.name == base for each in source.ancestors())


def find_class(name: str) -> tuple[Kind, Source] | None:
    """The class of this name and its kind."""
    for kind in KINDS:
        if name in Module(kind.package).names() and name in (found := classes_of(kind)):
            return kind, found[name]
    return None


def all_names() -> list[str]:
    """Names of all classes and hooks."""
    return [*(name for kind in KINDS for name in classes_of(kind)), *hooks()]


def all_paths() -> dict[str, str]:
    """Import paths of all classes by name."""
    return {name: f"{kind.package}.{name}" for kind in KINDS for name in classes_of(kind)}


def hooks() -> dict[str, ast.FunctionDef]:
    """The hooks of callbacks by name, in the order in which a run comes to them."""
    source = Module("autrainer.callbacks.base").find("CallbackSignature")
    nodes = source.node.body if source is not None else []
    return {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}


def parameters_of(node: ast.FunctionDef) -> list[tuple[str, str, str | None]]:
    """Name, annotation and default of the parameters of a method, without the first."""
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    missing: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    pairs = [*zip(positional, [*missing, *arguments.defaults], strict=True)][1:]
    pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return [
        (
            argument.arg,
            ast.unparse(argument.annotation) if argument.annotation else "",
            None if default is None else ast.unparse(default),
        )
        for argument, default in pairs
    ]


def described_arguments(doc: str) -> dict[str, str]:
    """What a docstring says about each argument."""
    _, _, section = doc.partition("Args:\n")
    found: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        depth = len(line) - len(line.lstrip())
        if not line.strip() or depth == 0:
            break
        entry = _ENTRY.fullmatch(line.strip())
        if depth == 4 and entry is not None:
            name = entry[1]
            found[name] = entry[2]
        elif name:
            found[name] += f" {line.strip()}"
    return found
