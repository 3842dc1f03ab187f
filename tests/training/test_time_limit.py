"""Runs that stop because their time is up."""

import signal

import pytest

from autrainer.errors import ConfigError, RunInterruptedError
from autrainer.runs.process.signals import Requests
from autrainer.runs.process.time_limit import TIME_LIMIT, deadline_s, one_command
from autrainer.runs.status import read_status
from tests.torture.kills import contents
from tests.training.conftest import built, trained
from tests.training.resuming.test_resumption import SIZE

NOW = "max_duration=0.001 s"


@pytest.mark.parametrize("kind", [(), ("training_type=step", "iterations=12", "eval_frequency=6")])
def test_a_run_stops_after_the_step_and_goes_on_to_the_same_bytes(tmp_path, kind):
    trained(tmp_path / "whole", *SIZE, *kind, "max_duration=9 h")
    told = r"Stopped by max_duration; .* where it was"
    with pytest.raises(RunInterruptedError, match=told) as info:
        trained(tmp_path / "stopped", *SIZE, *kind, NOW)
    assert info.value.exit_code == 128 + signal.SIGALRM
    run = tmp_path / "stopped" / "experiment" / "training" / "run"
    assert read_status(run)["state"] == "interrupted"
    # The limit is no part of what the run is.
    trained(tmp_path / "stopped", *SIZE, *kind, "max_duration=9 h")
    assert contents(tmp_path / "whole") == contents(tmp_path / "stopped")


def test_within_an_evaluation_it_is_not_waited_for_its_end(tmp_path):
    trainer = built(tmp_path, *SIZE, "inference_batch_size=4", "max_duration=9 h")
    seen = []

    class Hurry:
        def cb_on_dev_step_end(self, trainer, batch_idx, loss):
            seen.append(batch_idx)
            trainer.resumption._requests._deadline_s = 0.0

    trainer.callback_manager.register(Hurry())
    with pytest.raises(RunInterruptedError, match="Stopped by max_duration"):
        trainer.train()
    assert len(trainer.dev_loader) > 2
    assert len(seen) <= 2


def test_a_run_that_is_done_in_time_is_as_without_a_limit(tmp_path):
    trainer = trained(tmp_path, *SIZE, "max_duration=2 d")
    assert read_status(trainer.output_directory)["state"] == "finished"


def test_a_sweep_begins_no_further_run_when_its_time_is_up(autrainer, tmp_path):
    done = autrainer(
        *("train", "seed=1,2", "dataset.size=60", "device=cpu", "plotting=None", NOW),
        check=False,
    )
    assert done.returncode == 142
    assert "Stopped by max_duration" in done.stderr
    assert "1 more run has not begun" in done.stdout
    runs = [path.name for path in (tmp_path / "results" / "default" / "training").iterdir()]
    assert [name for name in runs if name.endswith("_2")] == []


def test_the_time_counts_from_the_beginning_of_the_command():
    assert deadline_s(None) is None
    with one_command():
        first = deadline_s(5.0)
        assert deadline_s(5.0) == first
    assert deadline_s(5.0) > first


def test_a_signal_that_follows_the_limit_asks_for_the_same():
    requests = Requests(same_request_s=0.0, deadline_s=0.0)
    assert requests.any
    assert requests.stop is TIME_LIMIT
    requests.on_stop(signal.SIGTERM, None)
    assert requests.stop is signal.SIGTERM
    with pytest.raises(RunInterruptedError):
        requests.on_stop(signal.SIGTERM, None)


def test_an_error_after_the_limit_that_nobody_has_looked_at_is_that_error():
    requests = Requests(deadline_s=0.0)
    with pytest.raises(ValueError, match="bad"), requests.prevailing():
        raise ValueError("bad")


@pytest.mark.parametrize("value", ["7", 7, "0h", "h", "7x", "-1h", "50m7h", True, ""])
def test_a_time_without_units_is_refused(tmp_path, value):
    with pytest.raises(ConfigError, match=r"max_duration is .*; use a time with units, such as"):
        built(tmp_path, max_duration=value)
