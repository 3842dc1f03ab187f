"""Nothing but a regular file is opened, and no link is written through."""

import os

import pytest

from autrainer.errors import CorruptFileError
from autrainer.loggers.marks import Marks
from autrainer.runs.finished import is_finished
from autrainer.runs.state.sealed import read_sealed
from autrainer.runs.state.torch_files import read_state
from autrainer.runs.status import read_status
from autrainer.runs.writing.opening import kind_of, open_regular, read_text, reading
from autrainer.runs.yaml.reading import read_mapping as shown
from autrainer.runs.yaml.reading import read_yaml
from autrainer.training.recording.history import History


def test_a_link_is_read_through_and_never_written_through(tmp_path):
    (tmp_path / "file").write_text("grüße", encoding="utf-8")
    (tmp_path / "link").symlink_to("file")
    assert read_text(tmp_path / "link") == "grüße"
    for flags in (os.O_RDWR, os.O_WRONLY | os.O_CREAT, os.O_WRONLY | os.O_CREAT | os.O_APPEND):
        with pytest.raises(OSError, match="it is a link, not a file") as caught:
            open_regular(tmp_path / "link", flags)
        assert caught.value.filename == str(tmp_path / "link")


def test_a_link_to_nowhere_makes_no_file(tmp_path):
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(OSError, match="it is a link"):
        open_regular(tmp_path / "link", os.O_WRONLY | os.O_CREAT)
    with pytest.raises(FileNotFoundError):
        read_text(tmp_path / "link")
    assert os.listdir(tmp_path) == ["link"]


@pytest.mark.parametrize("through_a_link", [False, True])
def test_pipes_devices_and_folders_are_refused_and_not_waited_for(tmp_path, through_a_link):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "device").symlink_to("/dev/zero")
    for name in ("pipe", "folder", "device"):
        path = tmp_path / name
        if through_a_link:
            path = tmp_path / f"link to {name}"
            path.symlink_to(name)
        with pytest.raises(CorruptFileError, match=f"{name}: expected a file, found a {name}"):
            read_text(path)


def test_what_is_there_is_named(tmp_path):
    (tmp_path / "link").symlink_to("/dev/null")
    (tmp_path / "file").touch()
    assert kind_of(tmp_path / "link") == "a link"
    assert kind_of(tmp_path / "link", follows_links=True) == "a device"
    assert kind_of(tmp_path / "file") is None
    assert kind_of(tmp_path / "missing") is None


def test_a_missing_file_stays_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError), reading(tmp_path / "missing"):
        pass


def columns(path):
    History(["accuracy"]).load_csv(path)


@pytest.mark.parametrize("read", [read_state, read_sealed, read_yaml, columns])
def test_no_file_of_a_run_is_waited_for(tmp_path, read):
    os.mkfifo(tmp_path / "x")
    with pytest.raises(CorruptFileError, match="x: expected a file, found a pipe"):
        read(tmp_path / "x")


def test_what_is_only_shown_or_remembered_is_not_waited_for_either(tmp_path):
    for name in ("metrics.csv", "status.yaml", "timer.yaml", "logged-0-X"):
        os.mkfifo(tmp_path / name)
    assert not is_finished(tmp_path)
    assert read_status(tmp_path) == {}
    assert shown(tmp_path / "timer.yaml") == {}
    marks = Marks(tmp_path / "logged-0-X")
    marks.add(1)
    assert 1 in marks


def test_marks_are_written_through_no_link(tmp_path):
    (tmp_path / "outside").write_text("precious")
    (tmp_path / "marks").symlink_to("outside")
    Marks(tmp_path / "marks").add(1)
    assert (tmp_path / "outside").read_text() == "precious"
