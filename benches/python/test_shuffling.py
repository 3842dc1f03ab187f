"""The order of an epoch: ours beside torch.randperm and torch's RandomSampler."""

import pytest
import torch
from torch.utils.data import RandomSampler

from autrainer.data.sampler import EpochSampler, shuffled

SIZES = [1_000, 100_000, 10_000_000]


@pytest.mark.parametrize("num_samples", SIZES)
@pytest.mark.parametrize("shuffle", ["ours", "torch.randperm"])
def test_whole_order(benchmark, num_samples, shuffle):
    benchmark.group = f"order of {num_samples:,} samples"
    run = {
        "ours": lambda: shuffled(num_samples, seed=0, epoch=0),
        "torch.randperm": lambda: torch.randperm(num_samples),
    }
    benchmark(run[shuffle])


@pytest.mark.parametrize("num_samples", SIZES)
@pytest.mark.parametrize("sampler", ["ours", "RandomSampler"])
def test_first_index(benchmark, num_samples, sampler):
    benchmark.group = f"first index of {num_samples:,} samples"
    make = {
        "ours": lambda: EpochSampler(num_samples, seed=0),
        "RandomSampler": lambda: RandomSampler(range(num_samples)),
    }
    made = make[sampler]()
    benchmark(lambda: next(iter(made)))
