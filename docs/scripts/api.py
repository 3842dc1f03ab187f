"""A page for each package that users import from; mkdocstrings fills it from docstrings.

The sources are read, never imported, so building the documentation needs no torch.
"""

from __future__ import annotations

import ast
from pathlib import Path

from docs.scripts import REPOSITORY
from docs.scripts.tables import table

PACKAGE = REPOSITORY / "python" / "autrainer"
OTHERS = ("errors", "runs/record/run_record")
"""Modules without an `__all__` that users read too."""


def modules() -> dict[str, Path]:
    """Public modules by their import path."""
    packages = [path for path in PACKAGE.rglob("__init__.py") if _exports(path)]
    others = [PACKAGE / f"{name}.py" for name in OTHERS]
    return {_dotted(path): path for path in sorted([*packages, *others])}


def page_of(module: str, path: Path) -> str:
    """The page of a module in Markdown."""
    names = _exports(path)
    lines = [f"# {module}\n", f"::: {module}", "    options:", "      members: false\n"]
    if not names:
        return f"# {module}\n\n::: {module}\n"
    for name in names:
        lines += [f"::: {module}.{name}", "    options:", "      show_root_heading: true\n"]
    return "\n".join(lines)


def index() -> str:
    """The page that lists the others."""
    rows = [
        (f"[`{module}`](api/{file_name(module)})", _about(path))
        for module, path in modules().items()
    ]
    about = (
        "# Python\n\nMade from docstrings. `autrainer show CLASS` prints what a class is and takes "
        "on a terminal.\n"
    )
    return f"{about}\n{table(('module', 'what it holds'), rows)}"


def file_name(module: str) -> str:
    """Name of the page of a module."""
    return f"{module.partition('.')[2] or module}.md"


def _about(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n")[0]


def _dotted(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def _exports(path: Path) -> list[str]:
    """Names in `__all__`, without those of dunders."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names = ast.literal_eval(node.value)
            return [name for name in names if not name.startswith("__")]
    return []
