"""Whether an optional library is there."""

import sys
from pathlib import Path

import pytest

from autrainer.errors import MissingExtraError
from autrainer.runs.extras import imported, is_installed, require


def test_a_library_that_is_there_is_found_with_its_folder():
    assert is_installed("torch")
    assert (require("torch", "This", "torch", "none") / "nn").is_dir()


def test_a_folder_of_the_name_of_a_library_is_no_library(tmp_path, monkeypatch):
    Path("mlflow_of_mine").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert not is_installed("mlflow_of_mine")


def test_what_is_needed_and_not_there_is_told_with_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    for look in (require, imported):
        with pytest.raises(MissingExtraError) as caught:
            look("soundfile", "a.flac", "soundfile", "audio")
        assert str(caught.value) == (
            "a.flac needs soundfile; install it with: pip install 'autrainer[audio]'"
        )


@pytest.mark.parametrize("error", ["ImportError('no _dsp')", "OSError('no libsnd')"])
def test_a_library_that_is_there_in_part_is_told_with_the_reason(tmp_path, monkeypatch, error):
    Path("half_a_library.py").write_text(f"raise {error}")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtraError, match=r"half, which cannot be imported \(no .*\);"):
        imported("half_a_library", "This", "half", "none")
