"""Whole folders: copied at rest, removed, and removed without what the user put there."""

import os
import threading
from pathlib import Path

import pytest

from autrainer.errors import CorruptFileError, OutputError
from autrainer.runs.writing.files import write_text
from autrainer.runs.writing.folders import (
    copy_folder,
    remove_folder,
    remove_half_removed,
    remove_run,
)
from tests.runs.writing.test_files import names


def test_a_folder_is_replaced_by_a_copy_with_everything_below_it(tmp_path):
    for name in ("source/a", "source/below/b", "source/train_x", "target/old"):
        write_text(tmp_path / name, name)
    copy_folder(tmp_path / "source", tmp_path / "target", without="train_*")
    assert names(tmp_path) == ["source", "target"]
    assert names(tmp_path / "target") == ["a", "below"]
    assert (tmp_path / "target" / "below" / "b").read_text() == "source/below/b"


def test_a_copy_that_was_given_up_is_begun_anew(tmp_path):
    write_text(tmp_path / "source" / "a", "new")
    write_text(tmp_path / ".target.copying" / "half", "x")
    copy_folder(tmp_path / "source", tmp_path / "target")
    assert names(tmp_path / "target") == ["a"]
    assert names(tmp_path) == ["source", "target"]


def test_links_are_copied_as_links_and_pipes_not_at_all(tmp_path):
    write_text(tmp_path / "secret", "x")
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "file").symlink_to("../secret")
    (tmp_path / "source" / "folder").symlink_to("..")
    os.mkfifo(tmp_path / "source" / "pipe")
    copy_folder(tmp_path / "source", tmp_path / "target")
    assert names(tmp_path / "target") == ["file", "folder"]
    assert os.readlink(tmp_path / "target" / "file") == "../secret"
    assert (tmp_path / "target" / "folder").is_symlink()


def test_a_folder_that_changes_while_it_is_copied_is_told(tmp_path):
    for number in range(50):
        write_text(tmp_path / "source" / str(number), "x")
    ended, begun = threading.Event(), threading.Event()

    def change():
        number = 0
        while not ended.is_set():
            number += 1
            (tmp_path / "source" / "0").write_text("x" * number)
            begun.set()

    thread = threading.Thread(target=change)
    thread.start()
    begun.wait()
    try:
        with pytest.raises(CorruptFileError, match="source: expected a folder at rest"):
            copy_folder(tmp_path / "source", tmp_path / "target")
    finally:
        ended.set()
        thread.join()
    assert not (tmp_path / "target").exists()


def test_a_link_in_the_place_of_a_folder_is_replaced_and_not_followed(tmp_path):
    write_text(tmp_path / "outside" / "precious", "x")
    write_text(tmp_path / "source" / "a", "x")
    for name in ("target", ".target.copying"):
        (tmp_path / name).symlink_to("outside")
    copy_folder(tmp_path / "source", tmp_path / "target")
    assert names(tmp_path / "outside") == ["precious"]
    assert names(tmp_path / "target") == ["a"]
    (tmp_path / "link").symlink_to("outside")
    remove_folder(tmp_path / "link")
    assert names(tmp_path) == ["outside", "source", "target"]


def test_a_folder_that_cannot_be_removed_is_named():
    # Nobody, not even root, changes anything there.
    with pytest.raises(OutputError) as caught:
        remove_folder(Path("/proc/self"))
    assert caught.value.filename.startswith("/proc/self")


RUN = ("metrics.csv", "epoch_1/model.pt", "_best/dev_results.csv", "_plots/loss.png", "_resume/x")


@pytest.fixture
def runs(tmp_path):
    """Two runs, of which the longer one has everything that the shorter one made."""
    short, long = tmp_path / "short", tmp_path / "long"
    for folder in (short, long):
        for name in RUN:
            write_text(folder / name, folder.name)
    write_text(short / "epoch_2" / "dev.yaml", "only there")
    return short, long


def test_of_a_run_nothing_is_left(runs, tmp_path):
    short, long = runs
    remove_run(short, long)
    assert names(tmp_path) == ["long"]
    assert {str(p.relative_to(long)) for p in long.rglob("*") if p.is_file()} == set(RUN)


def test_what_the_user_put_into_a_run_is_in_the_other_one_afterwards(runs, tmp_path):
    short, long = runs
    (tmp_path / "data").mkdir()
    for name in ("my_notes.md", "analysis/deep/x.ipynb", "epoch_1/mine.txt", "epoch_2/mine.txt"):
        write_text(short / name, "mine")
    write_text(short / "_plots" / "mine.png", "mine")
    (short / "data").symlink_to("../data")
    (short / "empty").mkdir()
    os.mkfifo(short / "pipe")
    remove_run(short, long)
    assert names(tmp_path) == ["data", "long"]
    for name in ("my_notes.md", "analysis/deep/x.ipynb", "epoch_1/mine.txt", "epoch_2/mine.txt"):
        assert (long / name).read_text() == "mine"
    assert (long / "_plots" / "mine.png").read_text() == "mine"
    assert (long / "_plots" / "loss.png").read_text() == "long"
    assert os.readlink(long / "data") == "../data"
    assert (long / "empty").is_dir()
    assert (long / "pipe").is_fifo()
    assert (long / "epoch_1" / "model.pt").read_text() == "long"


def test_two_files_of_one_name_are_both_kept(runs):
    short, long = runs
    for folder in runs:
        write_text(folder / "notes.md", f"of {folder.name}")
        write_text(folder / "analysis" / "same.txt", "same")
    write_text(short / "analysis" / "more.txt", "more")
    write_text(long / "notes-1.md", "another one")
    remove_run(short, long)
    assert (long / "notes.md").read_text() == "of long"
    assert (long / "notes-2.md").read_text() == "of short"
    assert names(long / "analysis") == ["more.txt", "same.txt"]


def test_nothing_is_moved_through_a_link(runs, tmp_path):
    short, long = runs
    (tmp_path / "outside").mkdir()
    (long / "analysis").symlink_to("../outside")
    write_text(short / "analysis" / "x", "mine")
    remove_run(short, long)
    assert names(tmp_path / "outside") == []
    assert (long / "analysis-1" / "x").read_text() == "mine"


def test_what_cannot_be_moved_keeps_the_run(runs):
    short, long = runs
    write_text(short / "epoch_3" / "mine", "mine")
    # A file where a folder is needed.
    write_text(long / "epoch_3", "in the way")
    with pytest.raises(OutputError, match="epoch_3"):
        remove_run(short, long)
    assert (short / "metrics.csv").is_file()
    assert (short / "epoch_3" / "mine").is_file()


def test_what_a_killed_process_left_is_removed(runs, tmp_path):
    (tmp_path / "short").rename(tmp_path / ".short.removing")
    remove_half_removed(tmp_path)
    assert names(tmp_path) == ["long"]
