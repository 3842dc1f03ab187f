"""The commands as Python functions."""

import sys
from pathlib import Path

import pytest

import autrainer.cli as cli
from autrainer.cli import CommandLineError


def test_functions_do_what_the_commands_do(capsys):
    cli.create(["model"])
    assert Path("conf/model").is_dir()
    cli.list("optimizer", global_only=True, pattern="SGD")
    cli.show("optimizer", "SGD", save=True)
    assert Path("conf/optimizer/SGD.yaml").is_file()
    assert " - SGD\nid: SGD" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: cli.create(), 2),
        (lambda: cli.create(["nothing"]), 2),
        (lambda: cli.list("nothing"), 2),
        (lambda: cli.show("optimizer", "nothing"), 1),
        (lambda: cli.train({"seed": {1}}), 2),
        (lambda: cli.train({"iterations": 0}), 1),
        (lambda: cli.train(config_path="nowhere"), 1),
    ],
)
def test_what_cannot_be_done_raises_a_readable_error(call, code):
    with pytest.raises(CommandLineError) as caught:
        call()
    assert caught.value.code == code
    assert caught.value.message == str(caught.value)
    assert len(caught.value.message) > 10


def test_in_a_notebook_the_message_is_printed(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["ipykernel_launcher.py"])
    cli.show("optimizer", "nothing")
    assert "no optimizer configuration 'nothing'" in capsys.readouterr().err


def test_the_arguments_of_the_process_are_neither_read_nor_changed(monkeypatch):
    argv = ["script.py", "--of-my-own", "iterations=-5"]
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(CommandLineError, match=r"iterations is 0 \(the command line\)"):
        cli.train({"iterations": 0})
    assert sys.argv is argv
    assert argv == ["script.py", "--of-my-own", "iterations=-5"]
