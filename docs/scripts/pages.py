"""Write the generated pages: `python -m docs.scripts.pages`.

They go to `docs/generated`, which is not part of the repository: references made from the code, and
files of the repository that are pages too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from docs.scripts import REPOSITORY, api, commands, configuration

GENERATED = REPOSITORY / "docs" / "generated"
MOVED = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
"""Files of the repository that are pages too, and their names there."""


def pages() -> Mapping[str, str]:
    """All generated pages by their path in the folder."""
    made = {
        "keys.md": configuration.page(),
        "commands.md": commands.page(),
        "python.md": api.index(),
    }
    of_modules = {
        f"api/{api.file_name(module)}": api.page_of(module, path)
        for module, path in api.modules().items()
    }
    moved = {name: (REPOSITORY / source).read_text() for source, name in MOVED.items()}
    return {**made, **of_modules, **moved}


def write(folder: Path = GENERATED) -> None:
    """Write what has changed, and remove what there is no longer."""
    made = {folder / name: text for name, text in pages().items()}
    for path in folder.rglob("*.md"):
        if path not in made:
            path.unlink()
    for path, text in made.items():
        if not path.is_file() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


if __name__ == "__main__":
    write()
