import pytest

from autrainer.errors import CorruptFileError
from autrainer.runs.timer import Timer
from autrainer.runs.yaml.reading import read_yaml


def run_periods(timer, count):
    for _ in range(count):
        timer.start()
        timer.stop()


def test_the_total_is_the_sum_of_the_periods_and_the_mean_their_mean(tmp_path):
    timer = Timer(tmp_path, "train")
    run_periods(timer, 3)
    assert timer.get_total_seconds() == sum(timer.get_time_log())
    assert timer.get_mean_seconds() == timer.get_total_seconds() / 3


def test_a_timer_that_never_ran_has_a_mean_of_zero(tmp_path):
    assert Timer(tmp_path, "train").get_mean_seconds() == 0.0


def test_stopping_what_was_not_started_is_refused(tmp_path):
    timer = Timer(tmp_path, "dev")
    with pytest.raises(ValueError, match="dev timer was not started"):
        timer.stop()


@pytest.mark.parametrize(("seconds", "text"), [(0.9, "0:00:00"), (90061, "25:01:01")])
def test_seconds_are_written_as_hours_minutes_and_seconds(seconds, text):
    assert Timer.pretty_time(seconds) == text


def test_saving_twice_leaves_one_entry_per_timer(tmp_path):
    for _ in range(2):
        for name in ("train", "dev"):
            timer = Timer(tmp_path, name)
            run_periods(timer, 2)
            timer.save()
    entries = read_yaml(tmp_path / "timer.yaml")
    assert list(entries) == ["train", "dev"]
    assert list(entries["dev"]) == ["mean", "mean_seconds", "total", "total_seconds"]
    assert entries["dev"]["total_seconds"] == timer.get_total_seconds()


def test_means_of_a_continued_run_are_those_of_all_its_periods(tmp_path):
    first = Timer(tmp_path, "train")
    run_periods(first, 4)
    first.save()
    second = Timer(tmp_path, "train")
    second.restore(tmp_path / "timer.yaml")
    assert second.get_total_seconds() == pytest.approx(first.get_total_seconds())
    run_periods(second, 1)
    assert len(second.get_time_log()) == 5


def test_restoring_from_nothing_adds_nothing(tmp_path):
    timer = Timer(tmp_path, "train")
    timer.restore(tmp_path / "timer.yaml")
    assert timer.get_time_log() == []


@pytest.mark.parametrize(
    "entry", ["5", "{mean_seconds: .nan}", "{mean_seconds: 1}", "{mean_seconds: x}", "[1]"]
)
def test_a_file_that_holds_no_times_is_named(tmp_path, entry):
    (tmp_path / "timer.yaml").write_text(f"train: {entry}\n")
    with pytest.raises(CorruptFileError, match=r"timer\.yaml: expected times.*remove it"):
        Timer(tmp_path, "train").restore(tmp_path / "timer.yaml")


def test_a_file_cannot_ask_for_more_memory_than_there_is(tmp_path):
    entry = "{mean_seconds: 1.0e-300, total_seconds: 1.0}"
    (tmp_path / "timer.yaml").write_text(f"train: {entry}\n")
    timer = Timer(tmp_path, "train")
    timer.restore(tmp_path / "timer.yaml")
    assert len(timer.get_time_log()) <= 10**6


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1.0])
def test_a_state_of_other_numbers_is_refused(tmp_path, seconds):
    with pytest.raises(ValueError, match="no number of seconds"):
        Timer(tmp_path, "train").load_state_dict({"log_s": [seconds], "open_s": 0.0})
