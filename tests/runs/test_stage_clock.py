from time import perf_counter_ns

import pytest

from autrainer.errors import CorruptFileError
from autrainer.runs.stage_clock import (
    DATA,
    EVALUATION,
    FORMER_ENTRY,
    MODEL,
    NAMES,
    OTHER,
    OUTPUTS,
    StageClock,
    slowest,
    stages_summary,
    waiting_line,
    write_stages,
)
from autrainer.runs.yaml.reading import read_yaml
from autrainer.runs.yaml.writing import write_yaml


def spend(seconds):
    until = perf_counter_ns() + int(1e9 * seconds)
    while perf_counter_ns() < until:
        pass


def seconds_since(begin_ns):
    return (perf_counter_ns() - begin_ns) / 1e9


def test_every_moment_belongs_to_one_stage():
    begin = perf_counter_ns()
    clock = StageClock()
    clock.enter(DATA)
    spend(0.02)
    clock.enter(MODEL)
    spend(0.04)
    clock.enter(OTHER)
    seconds = clock.seconds()
    elapsed_s = seconds_since(begin)
    # What is not compiled has no such stage.
    assert list(seconds) == [name for name in NAMES.values() if name != "compiling"]
    assert seconds["data"] >= 0.02
    assert seconds["forward_and_backward"] >= 0.04
    assert 0.06 <= sum(seconds.values()) <= elapsed_s


def test_a_block_inside_a_block_takes_its_time_from_it():
    begin = perf_counter_ns()
    clock = StageClock()
    with clock.within(EVALUATION):
        with clock.within(OUTPUTS):
            spend(0.03)
        inner = clock.seconds()
    assert inner["outputs_and_states"] >= 0.03
    assert sum(inner.values()) <= seconds_since(begin)
    assert clock.enter(DATA) == OTHER


def test_a_block_that_fails_gives_the_stage_back():
    clock = StageClock()
    clock.enter(MODEL)
    with pytest.raises(OSError, match="disk"), clock.within(OUTPUTS):
        raise OSError("disk")
    assert clock.enter(OTHER) == MODEL


def test_what_came_before_the_start_is_not_counted():
    clock = StageClock()
    spend(0.02)
    begin = perf_counter_ns()
    clock.start()
    assert sum(clock.seconds().values()) <= seconds_since(begin)


def as_a_file(folder, seconds):
    write_stages(folder, seconds, {})


def as_an_entry_of_the_timers(folder, seconds):
    """As runs kept it before there was a file of its own."""
    former = {"train": {"mean": "0:00:01"}, FORMER_ENTRY: stages_summary(seconds, {})}
    write_yaml(folder / "timer.yaml", former)


@pytest.mark.parametrize("write", [as_a_file, as_an_entry_of_the_timers])
def test_a_continued_run_adds_the_seconds_of_the_one_before(tmp_path, write):
    write(tmp_path, {"data": 30.0, "evaluation": 10.0})
    clock = StageClock()
    clock.restore(tmp_path)
    seconds = clock.seconds()
    assert seconds["data"] == pytest.approx(30.0)
    assert seconds["evaluation"] == pytest.approx(10.0)


@pytest.mark.parametrize("files", [{}, {"timer.yaml": {"train": {"mean": "0:00:01"}}}])
def test_runs_from_before_there_were_stages_add_nothing(tmp_path, files):
    for name, content in files.items():
        write_yaml(tmp_path / name, content)
    begin = perf_counter_ns()
    clock = StageClock()
    clock.restore(tmp_path)
    assert sum(clock.seconds().values()) <= seconds_since(begin)


def test_the_file_reads_back(tmp_path):
    seconds, inside = {"data": 1.0, "other": 3.0}, {"read": 2.0, "collate": 1.0}
    write_stages(tmp_path, seconds, inside)
    content = read_yaml(tmp_path / "stages.yaml")
    assert content == stages_summary(seconds, inside)
    assert sum(content["shares"].values()) == pytest.approx(1.0)


def test_waiting_is_never_the_slowest_stage_of_a_loader():
    assert slowest({"wait": 9.0, "read": 1.0, "collate": 2.0}) == "collate"
    assert slowest({"wait": 9.0}) is None
    assert slowest({}) is None


def test_the_line_leaves_out_a_loader_that_tells_nothing():
    line = waiting_line({"data": 1.0, "outputs_and_states": 1.0}, {})
    assert line == "Time: data 50.0 %, outputs and states 50.0 % of 0:00:02"


@pytest.mark.parametrize("content", ["seconds: 5", "- 1", "seconds: {data: .inf}"])
def test_a_file_that_holds_no_times_is_named(tmp_path, content):
    (tmp_path / "stages.yaml").write_text(content)
    with pytest.raises(CorruptFileError, match=r"stages\.yaml: expected times"):
        StageClock().restore(tmp_path)
