"""Batches from samples: ours beside what torch does."""

import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

from autrainer.data.buffers import BatchBuffers
from autrainer.data.items import DataBatch, DataItem
from autrainer.data.native.collate import collate_fields, gather_rows

BATCHES = {
    "32_rows_of_64": ((64,), 32),
    "256_rows_of_64": ((64,), 256),
    "32_spectrograms_of_128_KB": ((1, 500, 64), 32),
    "32_images_of_600_KB": ((3, 224, 224), 32),
    "256_images_of_600_KB": ((3, 224, 224), 256),
}


@pytest.fixture(params=BATCHES, scope="module")
def items(request):
    shape, size = BATCHES[request.param]
    arrays = [np.random.default_rng(i).random(shape, dtype=np.float32) for i in range(size)]
    return request.param, arrays


def fields(features):
    return [{"features": x, "target": i % 10, "index": i} for i, x in enumerate(features)]


@pytest.mark.parametrize("collate", [collate_fields, default_collate], ids=lambda f: f.__name__)
@pytest.mark.parametrize("kind", ["arrays", "tensors"])
def test_collate_items(benchmark, items, kind, collate):
    name, arrays = items
    benchmark.group = f"collate {name} from {kind}"
    samples = arrays if kind == "arrays" else [torch.from_numpy(array) for array in arrays]
    benchmark(collate, fields(samples))


@pytest.mark.parametrize("collate", ["ours", "torch.stack per field"])
def test_collate_data_items(benchmark, items, collate):
    name, arrays = items
    benchmark.group = f"DataBatch of {name}"
    samples = [DataItem(torch.from_numpy(x), i % 10, i) for i, x in enumerate(arrays)]

    def by_hand():
        return DataBatch(
            torch.stack([item.features for item in samples]),
            torch.tensor([item.target for item in samples]),
            torch.tensor([item.index for item in samples]),
        )

    benchmark({"ours": lambda: DataBatch.collate(samples)}.get(collate, by_hand))


@pytest.mark.parametrize("stack", ["ours", "ours, buffers", "torch.stack"])
def test_stack_tensors(benchmark, items, stack):
    name, arrays = items
    benchmark.group = f"stack {name}"
    tensors = [torch.from_numpy(array) for array in arrays]
    samples = [{"features": tensor} for tensor in tensors]
    buffers = BatchBuffers(2)
    run = {
        "ours": lambda: collate_fields(samples),
        "ours, buffers": lambda: collate_fields(samples, buffers),
        "torch.stack": lambda: torch.stack(tensors),
    }
    benchmark(run[stack])


@pytest.mark.parametrize("size", [32, 1024])
@pytest.mark.parametrize("gather", ["ours", "index_select", "indexing"])
def test_gather_rows_of_a_resident_table(benchmark, size, gather):
    benchmark.group = f"gather {size} of 100,000 rows of 64"
    table = torch.rand(100_000, 64)
    rows = np.random.default_rng(0).integers(0, len(table), size)
    index = torch.from_numpy(rows)
    run = {
        "ours": lambda: gather_rows(table, rows),
        "index_select": lambda: table.index_select(0, index),
        "indexing": lambda: table[index],
    }
    benchmark(run[gather])


@pytest.mark.parametrize("size", [32, 256])
@pytest.mark.parametrize("gather", ["ours", "index_select", "memcpy"])
def test_gather_spectrograms_into_a_ready_buffer(benchmark, size, gather):
    benchmark.group = f"gather {size} of 3,000 rows of 128 KB"
    table = torch.rand(3000, 1, 500, 64)
    rows = np.random.default_rng(0).integers(0, len(table), size)
    index = torch.from_numpy(rows)
    out = torch.zeros(size, 1, 500, 64)
    block, place = np.ones(out.numel(), np.float32), np.zeros(out.numel(), np.float32)
    run = {
        "ours": lambda: gather_rows(table, rows, out),
        "index_select": lambda: torch.index_select(table, 0, index, out=out),
        "memcpy": lambda: np.copyto(place, block),
    }
    benchmark(run[gather])
