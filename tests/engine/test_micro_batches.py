"""Parts of a batch: every sample once, in order, and nothing else divided."""

from dataclasses import dataclass

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from autrainer.data.items import AbstractDataBatch, DataBatch
from autrainer.engine.micro_batches import micro_batches, smallest_part


def a_batch(rows):
    return DataBatch(torch.arange(rows * 2.0).view(rows, 2), torch.arange(rows), torch.arange(rows))


@given(rows=st.integers(1, 60), size=st.integers(1, 60))
def test_parts_are_the_batch_in_order_and_differ_by_one_sample_at_most(rows, size):
    batch = a_batch(rows)
    parts = list(micro_batches(batch, size))
    assert torch.equal(torch.cat([part.features for part in parts]), batch.features)
    assert torch.equal(torch.cat([part.index for part in parts]), batch.index)
    sizes = [len(part.index) for part in parts]
    assert max(sizes) <= size
    assert min(sizes) == smallest_part(rows, size)
    assert max(sizes) - min(sizes) <= 1
    assert len(batch.index) == rows


def test_without_a_size_the_batch_itself_is_the_only_part():
    batch = a_batch(3)
    assert next(micro_batches(batch, None)) is batch
    assert next(micro_batches(batch, 3)) is batch


def test_further_fields_are_divided_where_their_first_axis_is_that_of_the_batch():
    @dataclass
    class Batch(AbstractDataBatch):
        names: list
        lengths: np.ndarray
        streams: dict
        rate: float
        filters: torch.Tensor

        def to(self, device, **kwargs):
            """Stays where it is."""

    plain = a_batch(4)
    batch = Batch(
        plain.features,
        plain.target,
        plain.index,
        names=["a", "b", "c", "d"],
        lengths=np.arange(4),
        streams={"audio": torch.arange(4), "text": {"ids": torch.arange(8).view(4, 2)}},
        rate=16000.0,
        filters=torch.ones(7),
    )
    _, second = micro_batches(batch, 2)
    assert second.names == ["c", "d"]
    assert second.lengths.tolist() == [2, 3]
    assert second.streams["audio"].tolist() == [2, 3]
    assert second.streams["text"]["ids"].tolist() == [[4, 5], [6, 7]]
    assert (second.rate, len(second.filters)) == (16000.0, 7)
