"""Errors in few lines: what happened, where in the user's own code, and where all of it is."""

import importlib.util
import os
import traceback
from pathlib import Path

import pytest

from autrainer.config.error_places import describe, is_of_user, place_in_user_code, sentence
from autrainer.errors import ConfigError

CODE = """\
import json


def fail(error=None):
    if error is not None:
        raise error
    return json.loads("{")
"""


@pytest.fixture
def fail(tmp_path):
    """A function of a user that raises what it is given, or an error of the standard library."""
    path = tmp_path / "my_model.py"
    path.write_text(CODE)
    spec = importlib.util.spec_from_file_location("my_model", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.fail


def caught(call, *args):
    try:
        call(*args)
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


@pytest.fixture
def recorded(tmp_path):
    """Write the whole traceback of an error as a run does."""

    def write(error):
        path = tmp_path / "error.txt"
        path.write_text("".join(traceback.format_exception(error)))
        return path

    return write


def test_installed_code_and_this_package_are_not_of_the_user(tmp_path):
    import json

    import numpy

    import autrainer.config.error_places

    modules = (json, numpy, autrainer.config.error_places)
    assert [is_of_user(module.__file__) for module in modules] == [False] * 3
    assert is_of_user(str(tmp_path / "my_model.py"))
    assert not is_of_user(str(tmp_path / "venv/lib/python3.12/site-packages/x.py"))
    assert not is_of_user("<string>")


def test_the_innermost_line_of_the_user_is_told_and_no_other(fail, recorded):
    error = caught(fail)
    assert place_in_user_code(error).quoted() == (
        'my_model.py, line 7, in fail: return json.loads("{")'
    )
    assert describe(error, recorded(error)).splitlines() == [
        "JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 "
        "(char 1)",
        '  my_model.py, line 7, in fail: return json.loads("{")',
        "  The whole traceback is in error.txt",
    ]


def test_errors_of_this_package_keep_all_lines_of_their_message(fail, recorded):
    error = caught(fail, ConfigError("two\nlines"))
    assert describe(error, recorded(error)).splitlines() == [
        "ConfigError: two",
        "lines",
        "  my_model.py, line 6, in fail: raise error",
    ]
    assert describe(ConfigError("one")) == "ConfigError: one"


def test_what_caused_an_error_of_this_package_is_in_the_record(fail, recorded):
    def build():
        try:
            fail()
        except ValueError as cause:
            raise ConfigError("model cannot be built") from cause

    error = caught(build)
    assert describe(error, recorded(error)).endswith("The whole traceback is in error.txt")


def test_where_no_record_holds_the_error_the_whole_traceback_is_shown(fail, recorded, tmp_path):
    earlier = recorded(caught(fail, ValueError("of an earlier attempt")))
    error = caught(fail, ValueError("now"))
    for record in (None, tmp_path / "missing.txt", earlier):
        assert describe(error, record).startswith("Traceback")
        assert describe(error, record).endswith("ValueError: now")


def test_a_pipe_in_the_place_of_the_record_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "error.txt")
    assert describe(ConfigError("one"), tmp_path / "error.txt") == "ConfigError: one"


def test_a_line_in_the_text_of_a_worker_process_is_found(tmp_path):
    path = tmp_path / "my_data.py"
    path.write_text("x\ny\nz = items[3]\n")
    text = (
        "Caught KeyError in DataLoader worker process 0.\n"
        "Original Traceback (most recent call last):\n"
        f'  File "{path}", line 3, in __getitem__\n    z = items[3]\n'
        f'  File "{Path(traceback.__file__)}", line 9, in other\n    pass\n'
        "KeyError: 3\n"
    )
    error = KeyError("nothing")
    error.__cause__ = RuntimeError(text)
    assert place_in_user_code(error).quoted() == "my_data.py, line 3, in __getitem__: z = items[3]"
    assert sentence(RuntimeError(text)) == "KeyError: 3"


def test_a_syntax_error_is_told_with_its_own_line(tmp_path):
    error = caught(compile, "x = 1\ndef f(:\n", str(tmp_path / "mine.py"), "exec")
    assert str(place_in_user_code(error)) == "mine.py, line 2"


def test_the_first_lines_of_a_long_message_will_do(fail, recorded):
    error = caught(fail, ValueError("\n".join(map(str, range(20)))))
    assert describe(error, recorded(error)).splitlines()[:12] == [
        "ValueError: 0",
        *map(str, range(1, 10)),
        "...",
        "  my_model.py, line 6, in fail: raise error",
    ]


def test_an_error_that_has_no_text_is_told_by_its_type(fail, recorded):
    class Weird(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    error = caught(fail, Weird())
    assert describe(error, recorded(error)).startswith("Weird\n  my_model.py, line 6, in fail")


def test_an_error_without_a_message_is_told_by_its_type():
    assert sentence(ValueError()) == "ValueError"
    assert sentence(KeyError("a")) == "KeyError: 'a'"
