"""Keeping the outputs of a pass: ready memory beside concatenation at every step."""

import time
from types import SimpleNamespace

import pytest
import torch

from autrainer.runs.writing.outputs import OutputsTracker

BATCH = 32


class Concatenating:
    """What keeping outputs costs when every step copies all rows so far."""

    def __init__(self, num_classes):
        self.outputs = torch.empty(0, num_classes)
        self.targets = torch.empty(0, dtype=torch.int64)
        self.losses = torch.empty(0)
        self.indices = torch.empty(0, dtype=torch.int64)

    def update(self, output, target, loss, sample_idx):
        self.outputs = torch.cat([self.outputs, output])
        self.targets = torch.cat([self.targets, target])
        self.losses = torch.cat([self.losses, loss])
        self.indices = torch.cat([self.indices, sample_idx])


def preallocating(num_classes, num_rows):
    data = SimpleNamespace(target_transform=None, output_dim=num_classes)
    tracker = OutputsTracker(False, "train", data, SimpleNamespace())
    tracker.reserve(num_rows)
    return tracker


def concatenating(num_classes, num_rows):
    return Concatenating(num_classes)


def pass_times_s(tracker, num_steps, num_classes):
    output, loss = torch.randn(BATCH, num_classes), torch.rand(BATCH)
    target = index = torch.arange(BATCH)
    times = []
    for _ in range(num_steps):
        begin = time.perf_counter()
        tracker.update(output, target, loss, index)
        times.append(time.perf_counter() - begin)
    return times


def median_us(times):
    return 1e6 * sorted(times)[len(times) // 2]


@pytest.mark.parametrize(("num_steps", "num_classes"), [(2500, 10), (400, 527)])
@pytest.mark.parametrize("make", [preallocating, concatenating])
def test_keep_outputs_of_a_pass(benchmark, make, num_steps, num_classes):
    def keep():
        return pass_times_s(make(num_classes, num_steps * BATCH), num_steps, num_classes)

    times = benchmark.pedantic(keep, rounds=1 if make is concatenating else 5)
    tenth = num_steps // 10
    benchmark.extra_info["first_tenth_us"] = median_us(times[:tenth])
    benchmark.extra_info["last_tenth_us"] = median_us(times[-tenth:])
    print(f"\n{make.__name__} {num_steps * BATCH} x {num_classes}: {benchmark.extra_info}")
