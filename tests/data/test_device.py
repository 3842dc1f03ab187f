"""Batches on a CUDA device. Without one, nothing here can be tried."""

import pytest
import torch

from autrainer.data.items import DataBatch, DataItem
from autrainer.data.loader import Loader
from autrainer.data.split_source import ResidentArrays

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA"),
]


class Table:
    def __init__(self, num_samples, is_resident):
        self.features = torch.randn(num_samples, 64, 64)
        self.targets = torch.arange(num_samples) % 5
        self.is_resident = is_resident

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, index):
        return DataItem(self.features[index].clone(), self.targets[index].item(), index)

    def resident(self):
        return ResidentArrays(self.features, self.targets) if self.is_resident else None


def loader(dataset, **options):
    return Loader(
        dataset, batch_size=32, seed=1, shuffle=True, collate_fn=DataBatch.collate, **options
    )


@pytest.mark.parametrize("is_resident", [True, False])
@pytest.mark.parametrize("pin_memory", [True, False])
def test_batches_arrive_whole_and_in_order(is_resident, pin_memory):
    dataset = Table(500, is_resident)
    expected = list(loader(dataset))

    weight = torch.randn(64, 256, device="cuda")
    sums = []
    for batch in loader(dataset, pin_memory=pin_memory).batches_on("cuda"):
        assert batch.features.is_cuda
        assert batch.target.is_cuda
        assert not batch.index.is_cuda
        for _ in range(20):
            # Enough work for the copies to run ahead of.
            batch.features @ weight
        sums.append((batch.features.clone(), batch.target.clone(), batch.index.clone()))

    assert len(sums) == len(expected)
    for (features, target, index), batch in zip(sums, expected, strict=True):
        assert torch.equal(features.cpu(), batch.features)
        assert torch.equal(target.cpu(), batch.target)
        assert torch.equal(index, batch.index)


def test_what_was_copied_ahead_does_not_count():
    one = loader(Table(200, True))
    passing = one.batches_on("cuda")
    next(passing)
    next(passing)

    assert one.state_dict()["batch"] == 2
    passing.close()


def test_batches_that_are_kept_stay_as_they_are():
    dataset = Table(300, True)
    kept = list(loader(dataset, pin_memory=True).batches_on("cuda"))

    for batch, expected in zip(kept, loader(dataset), strict=True):
        assert torch.equal(batch.features.cpu(), expected.features)
