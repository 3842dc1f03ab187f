"""A study on which several processes work: who has which trial, and what becomes of those left."""

import json
import signal
from contextlib import ExitStack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autrainer.callbacks.study_storage import cut_torn_line
from autrainer.errors import RunInUseError
from autrainer.runs.locking.lock import RunLock
from autrainer.searching import sharing
from autrainer.searching.settings import SearchSettings
from autrainer.searching.space import SearchSpace
from autrainer.searching.study import JOURNAL, MOST_LOST, SearchStudy
from tests import forked
from tests.conftest import REPOSITORY

SPACE = SearchSpace.of(["a=interval(0,1)", "b=choice(x,y,z)"])
GRID = SearchSpace.of(["a=choice(1,2,3)", "b=choice(x,y)"])

WORKER = """
import signal
import sys
from pathlib import Path
from tests.searching.test_study import opened

study = opened(Path(sys.argv[1]), worker=sys.argv[2], n_trials=int(sys.argv[3]))
while (trial := study.ask()) is not None:
    print(trial.number, flush=True)
    if sys.argv[4:]:
        signal.pause()
    study.complete(trial.number, {"loss": trial.values["a"]})
study.leave()
"""
OPENED = []


@pytest.fixture(autouse=True)
def _closed():
    """No study is left open."""
    yield
    while OPENED:
        OPENED.pop().leave()


def opened(folder, *, space=SPACE, worker=None, n_trials=6, sampler="random", **settings):
    """A study, open as a process of its own would have it."""
    (folder / "study").mkdir(parents=True, exist_ok=True)
    chosen = SearchSettings(n_trials=n_trials, sampler=sampler, **settings)
    study = SearchStudy(
        folder / "study",
        chosen,
        space,
        {"loss": "minimize"},
        {},
        1,
        runs=folder / "runs",
        worker=worker,
    )
    OPENED.append(study)
    return study


def states_of(study):
    return [each.state.name for each in study.trials()]


def asks(*arguments):
    """A worker in a process of its own."""
    return forked.Forked(WORKER, *arguments, path=REPOSITORY)


@pytest.mark.parametrize(("space", "sampler"), [(SPACE, "random"), (GRID, "grid")])
@settings(max_examples=5)
@given(order=st.lists(st.integers(0, 2), min_size=1, max_size=8))
def test_whoever_asks_the_trial_of_a_number_has_the_same_values(
    tmp_path_factory, space, sampler, order
):
    alone = opened(tmp_path_factory.mktemp("alone"), space=space, sampler=sampler)
    folder = tmp_path_factory.mktemp("shared")
    names = ("w-0", "w-1", "w-2")
    workers = [opened(folder, space=space, sampler=sampler, worker=name) for name in names]
    for who in order:
        expected, found = alone.ask(), workers[who].ask()
        assert found == expected
        if found is not None and found.number % 2:
            workers[who].complete(found.number, {"loss": 0.5})
    assert len(alone.trials()) == min(len(order), 6)
    for study in (alone, *workers):
        study.leave()


def test_several_processes_train_each_trial_once_and_no_more_than_are_wanted(tmp_path):
    with ExitStack() as stack:
        processes = [stack.enter_context(asks(tmp_path, name, 12)) for name in ("a", "b", "c")]
        told = [process.communicate() for process in processes]
    numbers = [int(line) for output, _ in told for line in output.split()]
    assert sorted(numbers) == list(range(12)), told
    study = opened(tmp_path, n_trials=12)
    assert states_of(study) == ["COMPLETE"] * 12
    assert study.num_left() == 0


def test_a_trial_is_at_work_as_long_as_its_process_lives_and_taken_up_with_its_values_then(
    tmp_path,
):
    study = opened(tmp_path, n_trials=1)
    with asks(tmp_path, "w-1", 1, "waits") as other:
        assert other.stdout.readline() == "0\n"
        values = study.trials()[0].params
        assert (study.num_elsewhere(), study.num_left()) == (1, 0)
        assert study.ask() is None
        other.send_signal(signal.SIGKILL)
        other.communicate()
    assert (study.num_elsewhere(), study.num_left()) == (0, 1)
    again = study.ask()
    assert (again.number, dict(again.values)) == (0, values)


def test_a_trial_is_at_work_as_long_as_somebody_holds_its_run_folder(tmp_path):
    first = opened(tmp_path, n_trials=1)
    trial = first.ask()
    folder = tmp_path / "runs" / "run"
    folder.mkdir(parents=True)
    first.begin(trial, "run")
    lock = RunLock(folder)
    first.leave()
    second = opened(tmp_path, n_trials=1)
    assert second.ask() is None
    lock.release()
    assert second.ask() == trial


def test_what_a_process_tells_of_a_trial_that_another_one_has_taken_is_left_out(tmp_path, caplog):
    first, second = opened(tmp_path, n_trials=1), opened(tmp_path, n_trials=1)
    trial = first.ask()
    first._worker.leave()
    assert second.ask() == trial
    first.complete(trial.number, {"loss": 1.0})
    assert states_of(second) == ["RUNNING"]
    assert "left to another process" in caplog.text
    second.complete(trial.number, {"loss": 2.0})
    assert second.trials()[0].value == 2.0


def test_a_trial_that_ends_its_workers_again_and_again_fails(tmp_path):
    opened(tmp_path).say_what_is_wanted()
    for number in range(MOST_LOST):
        worker = opened(tmp_path, worker=f"w-{number}")
        assert worker.ask().number == 0
        worker._worker.leave()
    last = opened(tmp_path, worker="w-last")
    assert last.ask().number == 1
    assert states_of(last) == ["FAIL", "RUNNING"]
    assert "ended without a word" in last.trials()[0].user_attrs["error"]


def test_a_trial_that_is_let_go_is_not_counted_as_lost(tmp_path):
    for number in range(MOST_LOST + 1):
        worker = opened(tmp_path, worker=f"w-{number}")
        assert worker.ask().number == 0
        worker.leave()


def test_a_job_that_is_put_back_has_its_trial_again(tmp_path):
    before = opened(tmp_path, worker="12_0")
    trial = before.ask()
    before._worker.leave()
    assert opened(tmp_path, worker="12_0").ask() == trial


def test_workers_do_what_the_last_command_wants(tmp_path):
    command = opened(tmp_path, n_trials=1)
    command.say_what_is_wanted()
    worker = opened(tmp_path, worker="w", n_trials=1)
    worker.fail(worker.ask().number, "by the test")
    assert worker.ask() is None
    assert command.has_left("w")
    opened(tmp_path, n_trials=2).say_what_is_wanted()
    asked = [worker.ask() for _ in range(3)]
    assert [trial and trial.number for trial in asked] == [1, 2, None]
    worker.stop_all()
    opened(tmp_path, n_trials=9)
    assert worker.ask() is None
    opened(tmp_path, n_trials=9).say_what_is_wanted()
    assert worker.ask().number == 3


def test_a_trial_like_one_at_work_elsewhere_has_its_result(tmp_path):
    space = SearchSpace.of(["b=choice(x,y)"])
    first, second = (opened(tmp_path, space=space, n_trials=3) for _ in range(2))
    one = first.ask()
    others = [second.ask(), second.ask()]
    twins = [second.twin_of(trial) for trial in others]
    assert 0 in twins
    second.leave()
    first.complete(one.number, {"loss": 0.25})
    twin = first.trials()[others[twins.index(0)].number]
    assert (twin.state.name, twin.value) == ("COMPLETE", 0.25)


def test_a_trial_like_one_that_is_pruned_is_pruned(tmp_path):
    space = SearchSpace.of(["b=choice(x,y)"])
    study = opened(tmp_path, space=space, n_trials=3)
    trials = [study.ask() for _ in range(3)]
    twins = {trial.number: study.twin_of(trial) for trial in trials[1:]}
    like, source = next(pair for pair in twins.items() if pair[1] is not None)
    study._study._storage.set_trial_intermediate_value(study.trials()[source]._trial_id, 1, 0.5)
    study.prune(source)
    assert study.trials()[like].state.name == "PRUNED"


def test_a_trial_whose_process_was_killed_while_it_asked_gets_the_rest_of_its_values(tmp_path):
    whole = opened(tmp_path / "whole").ask()
    study = opened(tmp_path)
    cut = study._study.ask({"a": SPACE.distributions()["a"]})
    assert list(cut.params) == ["a"]
    again = study.ask()
    assert again.number == cut.number
    assert again.values["b"] in ("x", "y", "z")
    assert again.values["a"] == cut.params["a"]
    assert list(whole.values) == list(again.values)


def test_a_combination_of_a_grid_is_not_lost_with_the_process_that_has_put_it_there(tmp_path):
    study = opened(tmp_path, space=GRID, sampler="grid")
    study._study.enqueue_trial({"a": "1", "b": "x"})
    found = []
    while (trial := study.ask()) is not None:
        found.append(tuple(trial.values.values()))
    assert sorted(found) == [(a, b) for a in "123" for b in "xy"]


@settings(max_examples=20)
@given(st.lists(st.binary(max_size=8).map(lambda line: line.replace(b"\n", b"")), max_size=4))
def test_what_is_no_whole_line_is_cut_off(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("torn") / "journal"
    path.write_bytes(b"\n".join(lines))
    cut_torn_line(path)
    whole = lines[:-1]
    assert path.read_bytes() == b"".join(line + b"\n" for line in whole)


def test_a_study_goes_on_after_a_line_that_was_not_written_to_its_end(tmp_path):
    study = opened(tmp_path)
    study.ask()
    with (tmp_path / "study" / JOURNAL).open("a") as journal:
        journal.write(json.dumps({"op_code": 4})[:5])
    assert study.ask().number == 1
    study.leave()
    assert states_of(opened(tmp_path)) == ["RUNNING"] * 2


def test_who_waits_too_long_for_its_turn_is_told_who_has_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sharing, "WAIT_S", 0.0)
    monkeypatch.setattr(sharing, "has_certain_locks", lambda folder: False)
    told = pytest.raises(RunInUseError, match="is being worked on by")
    with sharing.turn(tmp_path), told, sharing.turn(tmp_path):
        pass
