"""What a run folder says about its run."""

import os

from autrainer.runs.locking.lock import RunLock
from autrainer.runs.status import Status, read_status, record_failure
from autrainer.runs.yaml.writing import write_yaml


def failing():
    try:
        raise ValueError("too large")
    except ValueError as error:
        return error


def test_a_run_that_works_names_its_process(tmp_path):
    Status(tmp_path).begin()
    status = read_status(tmp_path)
    assert (status["state"], status["pid"], status["ended"]) == ("running", os.getpid(), None)


def test_a_failure_is_told_with_its_traceback(tmp_path):
    status = Status(tmp_path)
    status.begin()
    status.stop(failing())
    assert read_status(tmp_path)["exception"] == {"type": "ValueError", "message": "too large"}
    text = (tmp_path / "error.txt").read_text()
    assert "in failing" in text
    assert text.endswith("ValueError: too large\n")


def test_the_next_attempt_counts_and_forgets_the_error(tmp_path):
    Status(tmp_path).stop(failing())
    again = Status(tmp_path)
    again.begin()
    again.finish("0123")
    status = read_status(tmp_path)
    assert (status["state"], status["attempts"], status["exception"]) == ("finished", 2, None)
    assert not (tmp_path / "error.txt").exists()


def test_an_interruption_is_no_failure(tmp_path):
    Status(tmp_path).stop(KeyboardInterrupt(), interrupted=True)
    assert read_status(tmp_path)["state"] == "interrupted"
    assert not (tmp_path / "error.txt").exists()


def test_a_damaged_status_counts_as_none(tmp_path):
    for content in (b"\xff\xfe", b"{", b"- 1", b"attempts: x"):
        (tmp_path / "status.yaml").write_bytes(content)
        Status(tmp_path).begin()
        assert read_status(tmp_path)["attempts"] == 1


def test_a_folder_that_cannot_be_written_does_not_hide_the_error(tmp_path):
    write_yaml(tmp_path / "status.yaml", {"attempts": 1})
    folder = tmp_path / "gone"
    Status(folder).stop(failing())
    (tmp_path / "file").touch()
    Status(tmp_path / "file").stop(failing())


def test_a_run_that_could_not_begin_is_told_in_a_folder_that_nobody_works_on(tmp_path):
    record_failure(tmp_path, failing())
    assert read_status(tmp_path)["state"] == "failed"
    assert sorted(os.listdir(tmp_path)) == ["error.txt", "status.yaml"]


def test_nothing_is_told_in_a_folder_that_another_one_works_on(tmp_path):
    lock = RunLock(tmp_path)
    Status(tmp_path).begin()
    before = (tmp_path / "status.yaml").read_bytes()
    record_failure(tmp_path, failing())
    assert (tmp_path / "status.yaml").read_bytes() == before
    assert not (tmp_path / "error.txt").exists()
    lock.release()
    record_failure(tmp_path / "missing", failing())
    assert not (tmp_path / "missing").exists()
