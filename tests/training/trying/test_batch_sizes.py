"""Training at growing batch sizes."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autrainer.config.schema.run import RunConfig
from autrainer.training.trying import batch_sizes
from autrainer.training.trying.batch_sizes import SizeTrial, suggested, try_sizes
from tests.training.conftest import configured


def tried(*overrides, first=4, last=None):
    seen = []
    config = RunConfig.read(configured("dataset.size=80", *overrides))
    trials = try_sizes(config, first, last, 2, seen=seen.append)
    assert seen == trials
    return trials


def test_sizes_are_doubled_up_to_the_number_of_samples(tmp_path):
    trials = tried()
    assert [trial.batch_size for trial in trials] == [4, 8, 16, 32]
    assert all(trial.problem is None and trial.step_s > 0 for trial in trials)
    assert list(tmp_path.iterdir()) == []


def test_sizes_end_where_that_is_asked_for():
    assert [trial.batch_size for trial in tried(first=3, last=12)] == [3, 6, 12]


def test_a_last_batch_that_is_not_whole_is_not_timed(monkeypatch):
    sizes = []
    inner = batch_sizes._timed

    def recorded(parts, step):
        sizes.append(len(step[1].index))
        return inner(parts, step)

    monkeypatch.setattr(batch_sizes, "_timed", recorded)
    tried(first=32)
    assert sizes == [32] * 3


def test_a_sampler_that_draws_too_few_samples_for_a_batch_ends_it():
    few = "{autrainer.data.sampler.BalancedSampler: {num_draws: 6}}"
    trials = tried(f"train_loader_kwargs.sampler={few}")
    assert [trial.batch_size for trial in trials] == [4, 8]
    assert trials[-1].problem == "a pass has no whole batch of this size"


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB\nand more"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        MemoryError(),
    ],
)
def test_sizes_end_where_memory_does(monkeypatch, error):
    inner = batch_sizes._timed

    def limited(parts, step):
        if len(step[1].index) > 8:
            raise error
        return inner(parts, step)

    monkeypatch.setattr(batch_sizes, "_timed", limited)
    trials = tried()
    assert [trial.batch_size for trial in trials] == [4, 8, 16]
    assert trials[-1].problem.startswith("out of memory: ")
    assert "\n" not in trials[-1].problem
    assert trials[-1].samples_per_s == 0
    assert suggested(trials).batch_size <= 8


def test_another_error_is_that_error(monkeypatch):
    def fails(parts, step):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(batch_sizes, "_timed", fails)
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        tried()


def test_on_the_cpu_it_ends_before_the_system_would_end_the_process(monkeypatch, tmp_path):
    told = tmp_path / "meminfo"
    told.write_text("MemTotal: 9000000 kB\nMemAvailable: 2000000 kB\n")
    monkeypatch.setattr(batch_sizes, "MEMORY", told)
    peaks = iter([1_000_000_000, 2_500_000_000, 9_000_000_000])
    monkeypatch.setattr(batch_sizes, "_peak_bytes", lambda device: next(peaks))
    trials = tried()
    assert [trial.batch_size for trial in trials] == [4, 8, 16]
    assert trials[-1].problem == "needs about 3.0 GB more, 2.0 are free"


@given(st.lists(st.floats(1e-4, 10), max_size=8))
def test_the_smallest_size_close_to_the_fastest_is_suggested(seconds):
    trials = [SizeTrial(2**n, step_s) for n, step_s in enumerate(seconds)]
    best = suggested(trials)
    if not trials:
        assert best is None
        return
    fastest = max(trial.samples_per_s for trial in trials)
    assert best.samples_per_s >= 0.95 * fastest
    smaller = [trial for trial in trials if trial.batch_size < best.batch_size]
    assert all(trial.samples_per_s < 0.95 * fastest for trial in smaller)


def test_where_nothing_could_be_trained_nothing_is_suggested():
    assert suggested([SizeTrial(8, problem="out of memory")]) is None
