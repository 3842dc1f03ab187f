"""Rolling states: the newest sound one is found, whatever happened to the files."""

import logging

import pytest
import torch

from autrainer.runs.layout import RESUME
from autrainer.runs.state.resumable import ResumableStates, RowFiles
from autrainer.runs.state.sealed import write_sealed
from autrainer.runs.state.staging import Staging
from autrainer.runs.writing.background import Background


class Rows:
    """Stands for a tracker: numbers that arrive, and begin anew."""

    def __init__(self):
        self.passes, self.values = 0, []

    def reset(self):
        self.passes, self.values = self.passes + 1, []

    def files(self):
        return RowFiles(
            lambda: (self.passes, len(self.values)),
            lambda start: {"values": torch.tensor(self.values[start:])},
        )


@pytest.fixture
def background():
    background = Background()
    yield background
    background.close()


@pytest.fixture
def states(tmp_path, background):
    return ResumableStates(tmp_path, background, Staging())


def found(tmp_path, background):
    background.join()
    return ResumableStates(tmp_path, background, Staging()).read()


def values_of(state):
    return [value for part in state.rows for value in part["values"].tolist()]


def test_without_files_there_is_nothing_to_resume(states):
    assert states.read() is None


def test_the_newest_state_is_found_with_the_rows_of_its_time(states, tmp_path, background):
    rows = Rows()
    files = rows.files()
    for step in range(5):
        rows.values.append(step)
        states.write({"step": step, "w": torch.full((3,), float(step))}, files)
        rows.values.append(step + 0.5)
    state = found(tmp_path, background)
    assert state.tree["step"] == 4
    assert torch.equal(state.tree["w"], torch.full((3,), 4.0))
    assert values_of(state) == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4]


def test_what_is_written_does_not_change_with_the_run(states, tmp_path, background):
    weights = torch.zeros(1000)
    states.write({"w": weights}, Rows().files())
    weights.fill_(1)
    assert not found(tmp_path, background).tree["w"].any()


@pytest.mark.parametrize(
    "damage", [lambda c: c[:-1], lambda c: c[:40] + b"x" + c[41:], lambda c: b""]
)
def test_a_damaged_state_is_reported_and_passed_over(states, tmp_path, background, caplog, damage):
    rows = Rows()
    files = rows.files()
    for step in range(4):
        rows.values.append(step)
        states.write({"step": step}, files)
    background.join()
    newest = max((tmp_path / RESUME).glob("state-*"), key=lambda path: path.stat().st_mtime_ns)
    newest.write_bytes(damage(newest.read_bytes()))
    with caplog.at_level(logging.WARNING):
        state = found(tmp_path, background)
    assert state.tree["step"] == 2
    assert values_of(state) == [0, 1, 2]
    assert newest.name in caplog.text


def test_a_state_whose_rows_are_damaged_is_passed_over(states, tmp_path, background):
    rows = Rows()
    files = rows.files()
    for step in range(2):
        rows.values.append(step)
        states.write({"step": step}, files)
    background.join()
    (tmp_path / RESUME / "rows-2").write_bytes(b"")
    assert found(tmp_path, background).tree["step"] == 0


def test_rows_of_an_earlier_pass_go_once_no_state_needs_them(states, tmp_path, background):
    rows = Rows()
    files = rows.files()
    for step in range(3):
        rows.values.append(step)
        states.write({"step": step}, files)
    rows.reset()
    states.write({"step": 3}, files)
    background.join()
    names = {path.name for path in (tmp_path / RESUME).iterdir()}
    assert {"rows-1", "rows-2", "rows-3"} <= names
    states.write({"step": 4}, files)
    background.join()
    assert {path.name for path in (tmp_path / RESUME).iterdir()} == {"state-0", "state-1"}


def test_a_resumed_run_appends_to_the_rows_that_it_found(states, tmp_path, background):
    rows = Rows()
    files = rows.files()
    rows.values.append(1)
    states.write({"step": 1}, files)
    rows.values.append(2)
    states.write({"step": 2}, files)
    background.join()
    again = ResumableStates(tmp_path, background, Staging())
    state = again.read()
    restored = Rows()
    restored.values = values_of(state)
    more = restored.files()
    more.resume(state.row_files)
    restored.values.append(3)
    again.write({"step": 3}, more)
    assert values_of(found(tmp_path, background)) == [1, 2, 3]


def test_a_state_that_no_file_can_hold_is_reported_and_costs_nothing(states, background, caplog):
    with caplog.at_level(logging.WARNING):
        states.write({"mine": print}, Rows().files())
        background.join()
        states.write({"mine": print}, Rows().files())
        background.join()
    assert caplog.text.count("cannot be resumed") == 1
    assert "mine" in caplog.text
    assert states.read() is None


def test_clearing_leaves_nothing(states, tmp_path):
    states.write({"step": 1}, Rows().files())
    states.clear()
    assert not (tmp_path / RESUME).exists()


@pytest.mark.parametrize(
    "content",
    [
        5,
        {"number": 9, "rows": []},
        {"number": "9", "rows": [], "tree": {}},
        {"number": 9, "rows": ["rows-1x"], "tree": {}},
        {"number": 9, "rows": ["../../metrics.csv"], "tree": {}},
        {"number": 9, "rows": "rows-1", "tree": {}},
        {"number": 9, "rows": [], "tree": []},
    ],
    ids=str,
)
def test_a_forged_state_is_passed_over(tmp_path, background, caplog, content):
    states = ResumableStates(tmp_path, background, Staging())
    states.write({"step": 1}, Rows().files())
    background.join()
    write_sealed(tmp_path / RESUME / "state-0", content)
    assert found(tmp_path, background).tree == {"step": 1}
    assert "state-0 is passed over" in caplog.text


class Uncopied:
    def __deepcopy__(self, memo):
        raise RuntimeError("not me")


def endless():
    tree = []
    tree.append(tree)
    return tree


@pytest.mark.parametrize(("value", "reason"), [(Uncopied(), "not me"), (endless(), "without end")])
def test_a_state_that_cannot_be_copied_costs_the_run_nothing(
    states, background, caplog, value, reason
):
    states.write({"mine": value}, Rows().files())
    states.write({"mine": 1}, Rows().files())
    background.join()
    assert states.read() is None
    (warning,) = caplog.messages
    assert "cannot be resumed" in warning
    assert reason in warning
