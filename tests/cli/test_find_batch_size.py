"""`autrainer find-batch-size`, as a command and as a function."""

import json

import pytest

from autrainer import cli
from autrainer.cli.errors import CommandLineError

SMALL = ("device=cpu", "dataset.size=100", "--from", "8", "--to", "32", "--steps", "2")


def test_a_size_is_suggested_and_nothing_is_left(autrainer, tmp_path):
    lines = autrainer("find-batch-size", *SMALL).stdout.splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["8", "16", "32"]
    assert lines[-2].startswith("up to 32 could be trained")
    assert lines[-1] in ("batch_size=8", "batch_size=16", "batch_size=32")
    found = json.loads(autrainer("find-batch-size", *SMALL, "--json").stdout)
    assert [trial["batch_size"] for trial in found["trials"]] == [8, 16, 32]
    assert found["suggestion"] in (8, 16, 32)
    assert list(tmp_path.iterdir()) == []


def test_more_than_all_samples_is_told(autrainer):
    done = autrainer("find-batch-size", "device=cpu", "--from", "100000", check=False)
    assert done.returncode == 1
    assert "there are fewer samples than that" in done.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"first": 0}, "sizes grow from 0 to None; use --from of at least 1"),
        ({"first": 8, "last": 4}, "sizes grow from 8 to 4"),
        ({"steps": 0}, "--steps is 0; use at least 1"),
        ({"override_kwargs": {"device": "gpu"}}, "use 'cuda'"),
    ],
)
def test_what_cannot_be_is_told(options, message):
    with pytest.raises(CommandLineError, match=message):
        cli.find_batch_size(**options)
