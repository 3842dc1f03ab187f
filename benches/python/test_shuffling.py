"""The order of an epoch: ours beside torch.randperm and torch's samplers."""

import numpy as np
import pytest
import torch
from torch.utils.data import RandomSampler, WeightedRandomSampler

from autrainer.data.native.shuffle import shuffled
from autrainer.data.sampler import BlockSampler, EpochSampler, WeightedSampler
from autrainer.data.samplers.batch_order import BatchOrder

SIZES = [1_000, 100_000, 10_000_000]
LARGE_SIZES = [10_000_000, 100_000_000]
BATCH = 256


@pytest.mark.parametrize("num_samples", SIZES)
@pytest.mark.parametrize("shuffle", ["ours", "torch.randperm"])
def test_whole_order(benchmark, num_samples, shuffle):
    benchmark.group = f"order of {num_samples:,} samples"
    run = {
        "ours": lambda: shuffled(num_samples, seed=0, epoch=0),
        "torch.randperm": lambda: torch.randperm(num_samples),
    }
    benchmark(run[shuffle])


@pytest.mark.parametrize("num_samples", LARGE_SIZES)
@pytest.mark.parametrize("order", ["ours", "torch.randperm"])
def test_full_pass(benchmark, num_samples, order):
    """Ours as the loader takes it, in batches; torch.randperm has to be whole before the first."""
    benchmark.group = f"full pass over {num_samples:,} samples in batches of {BATCH}"
    run = {"ours": lambda: _batches(num_samples), "torch.randperm": lambda: _split(num_samples)}
    benchmark.pedantic(run[order], rounds=3, warmup_rounds=0)


def _batches(num_samples):
    for _, _ in BatchOrder(EpochSampler(num_samples, seed=0), BATCH).batches(0):
        pass


def _split(num_samples):
    order = torch.randperm(num_samples).numpy()
    for start in range(0, num_samples, BATCH):
        order[start : start + BATCH]


@pytest.mark.parametrize("num_samples", [*SIZES, 100_000_000])
@pytest.mark.parametrize("sampler", ["ours", "RandomSampler"])
def test_first_index(benchmark, num_samples, sampler):
    benchmark.group = f"first index of {num_samples:,} samples"
    make = {
        "ours": lambda: EpochSampler(num_samples, seed=0),
        "RandomSampler": lambda: RandomSampler(range(num_samples)),
    }
    made = make[sampler]()
    rounds = {"rounds": 3} if num_samples > max(SIZES) else {"rounds": 30, "warmup_rounds": 1}
    benchmark.pedantic(lambda: next(iter(made)), **rounds)


@pytest.mark.parametrize("num_samples", [100_000, 1_000_000])
@pytest.mark.parametrize("sampler", ["ours", "WeightedRandomSampler"])
def test_weighted_pass(benchmark, num_samples, sampler):
    benchmark.group = f"weighted pass over {num_samples:,} samples"
    weights = np.random.default_rng(0).random(num_samples)
    make = {
        "ours": lambda: WeightedSampler(weights, seed=0),
        "WeightedRandomSampler": lambda: WeightedRandomSampler(
            torch.from_numpy(weights), num_samples
        ),
    }
    made = make[sampler]()
    benchmark.pedantic(lambda: [None for _ in made], rounds=5, warmup_rounds=1)


@pytest.mark.parametrize("num_samples", [100_000, 1_000_000])
@pytest.mark.parametrize("sampler", ["ours", "RandomSampler"])
def test_pass_in_blocks(benchmark, num_samples, sampler):
    """What a plain torch loader asks for: the indices one after the other."""
    benchmark.group = f"pass over {num_samples:,} samples in blocks of 512"
    make = {
        "ours": lambda: BlockSampler(num_samples, 512, seed=0),
        "RandomSampler": lambda: RandomSampler(range(num_samples)),
    }
    made = make[sampler]()
    benchmark.pedantic(lambda: [None for _ in made], rounds=5, warmup_rounds=1)
