"""References that are made from the code are complete."""

import argparse
import subprocess
import sys

from autrainer.cli.parser import get_parser, subparsers
from autrainer.config.schema.reading import keys_of
from autrainer.config.schema.run import ATTRIBUTE_KEYS, ATTRIBUTES
from docs.scripts import api, commands, configuration, pages
from docs.scripts.network import loaded_from_elsewhere
from tests.conftest import REPOSITORY


def test_every_training_attribute_has_a_row_with_a_meaning():
    rows = [line.split(" | ") for line in configuration.page().splitlines() if " | " in line]
    meanings = {row[0].removeprefix("| "): row[3] for row in rows if len(row) == 5}
    assert {f"`{key.name}`" for key in ATTRIBUTE_KEYS} <= set(meanings)
    assert all(meanings.values())


def test_every_key_of_a_section_is_in_its_docstring():
    for section in ATTRIBUTES:
        assert set(configuration.meanings_of(section)) == {key.name for key in keys_of(section)}


def test_defaults_are_those_of_the_inherited_configuration():
    page = configuration.page()
    assert "| `resume_every` | `10 min` |" in page
    assert "| `continue_training` | `true` |" in page
    assert "| `batch_size` | required |" in page


def test_every_command_and_option_is_described():
    page = commands.page()
    for name, parser in subparsers(get_parser()).items():
        assert f"\n## {name}\n" in page
        shown = [action for action in parser._actions if action.help != argparse.SUPPRESS]
        options = [option for action in shown for option in action.option_strings]
        assert [o for o in options if o not in page and o not in ("-h", "--help")] == []


def test_every_exported_name_has_an_entry():
    of_modules = {module: api.page_of(module, path) for module, path in api.modules().items()}
    assert "::: autrainer.metrics.UAR\n" in of_modules["autrainer.metrics"]
    assert "::: autrainer.cli.train\n" in of_modules["autrainer.cli"]
    assert len(of_modules) > 15


def test_a_page_that_there_is_no_longer_is_removed_and_others_are_left_alone(tmp_path):
    pages.write(tmp_path)
    keys, old = tmp_path / "keys.md", tmp_path / "api" / "old.md"
    old.touch()
    before = keys.stat().st_mtime_ns
    pages.write(tmp_path)
    assert not old.exists()
    assert keys.stat().st_mtime_ns == before


def test_a_site_that_loads_from_elsewhere_is_found_and_links_are_not(tmp_path):
    (tmp_path / "a.html").write_text(
        '<a href="https://a.org">a</a><script src="//b.org/b.js"></script>'
        '<link rel="stylesheet" href="https://c.org/c.css"><img src="own.png">'
    )
    (tmp_path / "a.css").write_text("@import 'https://d.org'; p { background: url(e.png) }")
    found = " ".join(loaded_from_elsewhere(tmp_path))
    assert [host in found for host in ("a.org", "b.org", "c.org", "d.org", "e.png")] == [
        *(False, True, True, True, False)
    ]


def test_making_the_pages_imports_no_torch():
    program = (
        "import sys; from docs.scripts import pages; pages.pages(); print('torch' in sys.modules)"
    )
    made = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert made.stdout == "False\n", made.stderr
