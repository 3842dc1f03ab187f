"""The manifest of a finished run, and what does not fit it."""

import hashlib
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autrainer.errors import CorruptFileError
from autrainer.runs.manifest import (
    THREADED_BYTES,
    ManifestWriter,
    drop_from_manifest,
    read_manifest,
    verify,
    write_manifest,
)
from tests.run_folders import write_run
from tests.training.conftest import trained


@pytest.fixture
def run(tmp_path):
    run = write_run(tmp_path, "run")
    for name in ("status.yaml", "training.log", "train_script.log", ".lock", "notes.md"):
        (run / name).write_text("x")
    for name in ("_resume/state-0", "_plots/mine.png", "analysis/model.pt"):
        (run / name).parent.mkdir(exist_ok=True)
        (run / name).write_text("x")
    write_manifest(run)
    return run


def test_every_file_of_the_run_is_named_with_size_and_checksum(run):
    entries = read_manifest(run)
    assert {"metrics.csv", ".hydra/config.yaml", "_best/model.pt", "_plots/mine.png"} <= set(
        entries
    )
    left_out = {"status.yaml", "training.log", "train_script.log", "notes.md", ".lock", "MANIFEST"}
    assert left_out.isdisjoint(entries)
    assert not any(name.startswith(("_resume", "analysis")) for name in entries)
    content = (run / "metrics.csv").read_bytes()
    entry = entries["metrics.csv"]
    assert (entry.digest, entry.size) == (hashlib.sha256(content).hexdigest(), len(content))


def test_a_run_that_nobody_has_touched_is_sound(run):
    for name in ("status.yaml", "training.log", "notes.md"):
        (run / name).write_text("something else")
    result = verify(run)
    assert (result.is_sound, result.added) == (True, [])
    assert result.num_files == len(read_manifest(run))


def flipped(path):
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)


def cut(path):
    os.truncate(path, path.stat().st_size - 1)


def linked(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


@pytest.mark.parametrize("name", ["metrics.csv", "_best/dev.yaml", "_best/model.pt"])
@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (flipped, {"changed"}),
        (cut, {"changed"}),
        (os.unlink, {"missing"}),
        (linked, {"missing"}),
    ],
)
def test_what_was_changed_is_named(run, damage, told, name):
    damage(run / name)
    result = verify(run)
    assert not result.is_sound
    assert {kind for kind in ("changed", "missing") if name in getattr(result, kind)} == told


def test_a_file_that_came_later_is_named_and_nothing_is_said_of_it(run):
    (run / "epoch_9").mkdir()
    (run / "epoch_9" / "model.pt").touch()
    result = verify(run)
    assert (result.is_sound, result.added) == (True, ["epoch_9/model.pt"])


@pytest.mark.parametrize("damage", [flipped, cut, lambda path: path.write_bytes(b"\xff")])
def test_a_damaged_manifest_is_told(run, damage):
    damage(run / "MANIFEST")
    with pytest.raises(CorruptFileError, match="MANIFEST"):
        read_manifest(run)
    assert "MANIFEST" in verify(run).problem


def test_a_run_without_a_manifest_cannot_be_verified(run):
    (run / "MANIFEST").unlink()
    assert "has no MANIFEST" in verify(run).problem
    drop_from_manifest(run, ["metrics.csv"])
    assert not (run / "MANIFEST").exists()


def test_what_is_removed_on_purpose_is_taken_out(run):
    (run / "_best" / "model.pt").unlink()
    drop_from_manifest(run, ["_best/model.pt"])
    assert verify(run).is_sound
    assert "_best/model.pt" not in read_manifest(run)


def test_large_files_are_read_by_several_threads_with_the_same_result(run):
    content = os.urandom(THREADED_BYTES // 2)
    for name in ("_best/model.pt", "_best/optimizer.pt", "epoch_3/model.pt"):
        (run / name).write_bytes(content)
    write_manifest(run)
    read = []
    assert verify(run, read.append).is_sound
    assert sum(read) == sum(entry.size for entry in read_manifest(run).values())
    assert read_manifest(run)["_best/optimizer.pt"].digest == hashlib.sha256(content).hexdigest()


def test_digests_that_were_taken_before_are_used_unless_a_file_was_written_since(run):
    writer = ManifestWriter(run)
    (run / "epoch_3" / "optimizer.pt").write_bytes(b"first")
    writer.note("epoch_3")
    assert {"epoch_3/model.pt", "epoch_3/optimizer.pt"} <= set(writer._known)
    (run / "epoch_3" / "optimizer.pt").write_bytes(b"second")
    (run / "epoch_3" / "model.pt").unlink()
    writer.note("epoch_99")
    writer.write()
    assert verify(run).is_sound
    assert "epoch_3/model.pt" not in read_manifest(run)


@settings(max_examples=30)
@given(content=st.binary(max_size=300))
def test_any_other_content_of_a_file_is_found(tmp_path_factory, content):
    run = tmp_path_factory.mktemp("run")
    (run / "metrics.csv").write_bytes(b"accuracy,iteration\n0.5,1\n")
    write_manifest(run)
    (run / "metrics.csv").write_bytes(content)
    assert verify(run).is_sound == (content == b"accuracy,iteration\n0.5,1\n")


def test_a_trained_run_has_a_manifest_that_fits(tmp_path):
    run = trained(tmp_path).output_directory
    result = verify(run)
    assert result.is_sound, result
    assert result.added == []
    assert {"metrics.csv", "timer.yaml", "requirements.txt"} <= set(read_manifest(run))
