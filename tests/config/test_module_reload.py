"""Modules of users in a process that goes on: what is edited is imported again."""

import importlib
import os
import sys

import pytest

from autrainer.config.locate import locate
from autrainer.config.module_reload import forget_edited_modules


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module of the user's project; what was imported from it is forgotten at the end."""
    monkeypatch.syspath_prepend(str(tmp_path))
    # Of what other tests have imported from folders that they have left.
    forget_edited_modules()
    before = set(sys.modules)

    def write(name, text):
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        importlib.invalidate_caches()
        return path

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_nothing_happens_to_what_was_not_edited(module):
    module("my_net", "VALUE = 1\n")
    locate("my_net.VALUE")
    first = sys.modules["my_net"]
    assert forget_edited_modules() == []
    assert sys.modules["my_net"] is first


def test_modules_that_torch_makes_up_are_no_files_of_users(module):
    import torch

    module("_ops", "VALUE = 1\n")
    module("my_net", "VALUE = 1\n")
    locate("my_net.VALUE")
    assert forget_edited_modules() == []
    assert sys.modules["torch.ops"] is torch.ops


def test_an_edit_of_the_same_length_within_a_second_is_seen(module):
    module("my_net", "VALUE = 1\n")
    assert locate("my_net.VALUE") == 1
    module("my_net", "VALUE = 2\n")
    assert forget_edited_modules() == ["my_net.py"]
    assert locate("my_net.VALUE") == 2


def test_what_imports_an_edited_module_is_imported_again_with_it(module):
    module("my_layers", "WIDTH = 1\n")
    module("my_net", "from my_layers import WIDTH\n")
    assert locate("my_net.WIDTH") == 1
    module("my_layers", "WIDTH = 2\n")
    forget_edited_modules()
    assert locate("my_net.WIDTH") == 2


def test_a_package_is_imported_again_with_its_modules(module):
    module("my_package/__init__", "from my_package.net import Net\n")
    module("my_package/net", "class Net:\n    width = 1\n")
    assert locate("my_package.Net").width == 1
    module("my_package/net", "class Net:\n    width = 2\n")
    forget_edited_modules()
    assert locate("my_package.Net").width == 2


def test_what_the_user_has_imported_before_is_seen_by_its_bytecode(module, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = module("my_net", "VALUE = 1\n")
    old = importlib.import_module("my_net")
    module("my_net", "VALUE = 10\n")
    assert forget_edited_modules() == ["my_net.py"]
    assert locate("my_net.VALUE") == 10
    assert old.VALUE == 1
    assert path.is_file()


def test_what_the_user_has_imported_before_is_seen_at_the_second_look_without_bytecode(
    module, monkeypatch
):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    module("my_net", "VALUE = 1\n")
    importlib.import_module("my_net")
    assert forget_edited_modules() == []
    module("my_net", "VALUE = 10\n")
    assert forget_edited_modules() == ["my_net.py"]


def test_another_project_has_its_own_module_of_the_same_name(module, tmp_path, monkeypatch):
    for project, value in (("one", 1), ("two", 2)):
        (tmp_path / project).mkdir()
        (tmp_path / project / "my_net.py").write_text(f"VALUE = {value}\n")
    for project, value in (("one", 1), ("two", 2)):
        monkeypatch.chdir(tmp_path / project)
        monkeypatch.setattr(sys, "path", [os.getcwd(), *sys.path[1:]])
        forget_edited_modules()
        assert locate("my_net.VALUE") == value
