"""What can stand at the end of a command line."""

import pytest

from autrainer.cli.completing import candidates
from autrainer.cli.main import run as command


@pytest.fixture
def project(tmp_path):
    """A project with two main files, a model and two runs."""
    for path in ("conf/mine.yaml", "conf/_part.yaml", "conf/model/MyNet.yaml"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("id: x\n")
    for run in ("run_a", "run_b", ".run_c"):
        (tmp_path / "results" / "first" / "training" / run).mkdir(parents=True)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("train model=My", ["model=MyNet"]),
        ("train model=Cnn14,MyN", ["model=Cnn14,MyNet"]),
        ("train model=MyNet,MyN", []),
        ("train 'model=My", ["model=MyNet"]),
        ("train sched", ["scheduler="]),
        ("train +reprod", ["+reproducible="]),
        ("train reproducible=", ["reproducible=false", "reproducible=true"]),
        ("train learning_rate=", []),
        ("train -cn ", ["config", "digits", "mine", "tones"]),
        ("check seed=1 dataset=ToyTabular-M", ["dataset=ToyTabular-MLC", "dataset=ToyTabular-MTR"]),
        ("diff run_a ", ["run_a", "run_b"]),
        ("report f", ["first"]),
        ("verify ", ["first", "run_a", "run_b"]),
        ("runs -", []),
        ("export -o ", []),
        ("list mo", []),
        ("", []),
    ],
)
def test_names_of_configurations_keys_and_runs_are_proposed(project, line, words):
    assert candidates(f"autrainer {line}") == words


def test_a_folder_of_configurations_that_is_given_is_looked_into(project, tmp_path):
    (tmp_path / "other" / "model").mkdir(parents=True)
    (tmp_path / "other" / "model" / "Theirs.yaml").write_text("id: x\n")
    assert candidates("autrainer train -cd other model=T") == [
        *("model=TDNNFFNN", "model=TDNNFFNN-T", "model=Theirs", "model=ToyFFNN")
    ]


def test_nothing_is_said_of_a_line_that_cannot_be_completed(tmp_path, capsys):
    assert command(["completion", "zsh", "--words", "autrainer diff "]) == 0
    assert capsys.readouterr() == ("", "")
