"""What the page on parts of your own shows works when it is pasted."""

import re
import sys

import numpy as np
import pytest

from tests.conftest import REPOSITORY

BLOCK = re.compile(r"```(?:python|yaml)\n(.*?)```", re.S)
FILE = re.compile(r"# ([\w/]+\.(?:py|yaml))\n")


@pytest.fixture
def page():
    """The page, and what it puts into files of a project."""
    text = (REPOSITORY / "docs" / "extending.md").read_text()
    return text, {
        match[1]: block
        for block in BLOCK.findall(text)
        if (match := FILE.match(block)) and match[1] != "conf/config.yaml"
    }


@pytest.fixture
def project(tmp_path, page):
    """A project with the model and the dataset of the page."""
    for name, content in page[1].items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    features = tmp_path / "data" / "mine" / "features"
    features.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for split, first in (("train", 0), ("dev", 24), ("test", 32)):
        rows = ["filename,label"]
        for number in range(first, first + (24 if split == "train" else 8)):
            np.save(features / f"{number:03}.npy", rng.random(64, dtype=np.float32) + number % 2)
            rows.append(f"{number:03}.wav,{'high' if number % 2 else 'low'}")
        (features.parent / f"{split}.csv").write_text("\n".join(rows) + "\n")
    yield tmp_path
    for name in ("my_model", "my_callbacks"):
        sys.modules.pop(name, None)


def test_the_page_trains_and_predicts_from_python(project, page, capsys, monkeypatch):
    monkeypatch.syspath_prepend(str(project))
    train, predict = BLOCK.findall(page[0].split("## From Python")[1])[:2]
    fast = '"device": "cpu", "progress_bar": False, "plotting": "None", "iterations": 30, '
    names = {}
    exec(train.replace("cli.train({", f"cli.train({{{fast}"), names)
    assert [run.state for run in names["runs"]] == ["finished", "finished"]
    assert names["best"].best_value == 1.0
    capsys.readouterr()
    exec(predict, names)
    assert capsys.readouterr().out == "high\n"
