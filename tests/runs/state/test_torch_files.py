"""States in torch's format, with a checksum that torch does not look at."""

import contextlib
import zipfile

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autrainer.errors import CorruptFileError
from autrainer.runs.state.torch_files import COMMENT_BYTES, first_sound, read_state, write_state

STATE = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.tensor([1.0, -1.0])}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture
def saved(tmp_path):
    write_state(STATE, tmp_path / "model.pt")
    return tmp_path / "model.pt"


def test_torch_reads_what_is_written_and_so_do_archivers(saved):
    assert same(torch.load(saved, weights_only=True), STATE)
    assert same(torch.load(saved, weights_only=True, mmap=True), STATE)
    with zipfile.ZipFile(saved) as archive:
        assert archive.testzip() is None
        assert archive.comment.startswith(b"autrainer state, format 0001")


def test_what_torch_has_written_is_read(tmp_path):
    torch.save(STATE, tmp_path / "model.pt")
    assert same(read_state(tmp_path / "model.pt"), STATE)


def test_a_file_of_a_format_that_may_execute_code_is_refused(tmp_path):
    torch.save(STATE, tmp_path / "model.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(CorruptFileError, match=r"model\.pt: expected a state .* no zip archive"):
        read_state(tmp_path / "model.pt")


def test_versions_of_modules_are_kept(tmp_path):
    state = torch.nn.BatchNorm1d(2).state_dict()
    write_state(state, tmp_path / "model.pt")
    assert read_state(tmp_path / "model.pt")._metadata == state._metadata


@given(data=st.data())
def test_a_flipped_bit_is_told_or_changes_nothing(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("states") / "model.pt"
    write_state(STATE, path)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    with contextlib.suppress(CorruptFileError):
        assert same(read_state(path), STATE)


def test_a_flipped_bit_of_a_value_is_told(saved):
    content = bytearray(saved.read_bytes())
    place = content.index(STATE["weight"].numpy().tobytes())
    content[place + 3] ^= 1
    saved.write_bytes(content)
    with pytest.raises(CorruptFileError, match=r"model\.pt.*checksum"):
        read_state(saved)


def test_a_lost_end_is_told_or_changes_nothing(saved):
    content = saved.read_bytes()
    for size in range(len(content) - COMMENT_BYTES):
        saved.write_bytes(content[:size])
        with pytest.raises(CorruptFileError, match=r"model\.pt"):
            read_state(saved)


def test_a_later_format_is_refused(saved, monkeypatch):
    monkeypatch.setattr("autrainer.runs.state.torch_files.VERSION", 2)
    write_state(STATE, saved)
    monkeypatch.undo()
    with pytest.raises(CorruptFileError, match="format version 1 or older, found 2"):
        read_state(saved)


def test_the_first_folder_that_is_sound_is_taken_and_the_other_reported(tmp_path, caplog):
    for name in ("one", "two"):
        write_state(STATE, tmp_path / name / "model.pt")
    (tmp_path / "one" / "model.pt").write_bytes(b"PK")
    folder, states = first_sound([tmp_path / "one", tmp_path / "two"], ["model.pt"])
    assert folder == tmp_path / "two"
    assert same(states["model.pt"], STATE)
    assert "two is read instead" in caplog.text
    assert "one/model.pt" in caplog.text.replace("\\", "/")


def test_without_a_sound_folder_the_first_is_named(tmp_path):
    write_state(STATE, tmp_path / "one" / "model.pt")
    (tmp_path / "one" / "model.pt").write_bytes(b"PK")
    with pytest.raises(CorruptFileError, match=r"one.model\.pt"):
        first_sound([tmp_path / "one", tmp_path / "missing"], ["model.pt"])
