"""Batches from samples: ours beside what torch does."""

import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

from autrainer.data.collate import collate_fields, gather_rows

BATCHES = {
    "32_rows_of_64": ((64,), 32),
    "256_rows_of_64": ((64,), 256),
    "32_images_of_600_KB": ((3, 224, 224), 32),
    "128_images_of_600_KB": ((3, 224, 224), 128),
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


@pytest.mark.parametrize("stack", ["ours", "torch.stack"])
def test_stack_tensors(benchmark, items, stack):
    name, arrays = items
    benchmark.group = f"stack {name}"
    tensors = [torch.from_numpy(array) for array in arrays]
    samples = [{"features": tensor} for tensor in tensors]
    run = {"ours": lambda: collate_fields(samples), "torch.stack": lambda: torch.stack(tensors)}
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
