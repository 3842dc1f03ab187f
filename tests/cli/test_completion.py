"""`completion`: scripts with which shells complete the command."""

import os
import shutil
import subprocess

import pytest

from autrainer.cli.commands.completion import SHELLS, script
from autrainer.cli.main import run as command
from autrainer.cli.parser import command_names
from tests.conftest import AUTRAINER

PROGRAM = """
source completion.bash
complete_line() {
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
    COMPREPLY=()
    _autrainer_complete "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    echo "${COMPREPLY[@]}"
}
complete_line autrainer r
complete_line autrainer runs --w
complete_line autrainer list mo
complete_line autrainer completion ""
complete_line autrainer postprocess re
complete_line autrainer check schedu
complete_line autrainer train model=ToyF
"""


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_is_in_the_script(shell, capsys):
    assert command(["completion", shell]) == 0
    text = capsys.readouterr().out
    assert [name for name in command_names() if name not in text] == []
    assert "keep-best" in text


def test_another_shell_is_refused(capsys):
    assert command(["completion", "tcsh"]) == 2
    assert "invalid choice: 'tcsh'" in capsys.readouterr().err


def test_bash_completes_commands_options_kinds_and_folders(tmp_path):
    assert shutil.which("bash")
    (tmp_path / "results").mkdir()
    (tmp_path / "completion.bash").write_text(script("bash"))
    process = subprocess.run(
        ["bash", "-c", PROGRAM],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{AUTRAINER.parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout.splitlines() == [
        *(
            "runs report rm-failed rm-states",
            "--where --watch",
            "model",
            "bash zsh fish",
            "results",
        ),
        *("scheduler=", "ToyFFNN"),
    ]
