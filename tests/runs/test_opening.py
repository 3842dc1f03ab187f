"""Nothing but a regular file is opened, and no link is written through."""

import os

import pytest

from autrainer.errors import CorruptFileError
from autrainer.runs.opening import kind_of, open_regular, read_text, reading


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
