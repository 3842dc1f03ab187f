import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autrainer.data.padding import Pad, PaddedBatch
from autrainer.errors import ConfigError, DataError


@given(
    lengths=st.lists(st.integers(0, 9), min_size=1, max_size=6), axis=st.sampled_from([0, -1, 1])
)
def test_a_padded_sample_is_itself_and_then_zeros(lengths, axis):
    other = {0: (), -1: (2,), 1: (2,)}[axis]
    shape = (lambda n: (n, 3)) if axis == 0 else (lambda n: (*other, n))
    samples = [torch.randn(shape(length)) for length in lengths]

    batch, found = Pad(axis=axis)(samples)

    assert found.tolist() == lengths
    assert found.dtype == torch.int64
    for row, sample in zip(batch, samples, strict=True):
        length = sample.shape[axis]
        assert torch.equal(row.narrow(axis, 0, length), sample)
        assert not row.narrow(axis, length, row.shape[axis] - length).any()


def test_to_a_length_samples_are_padded_and_where_allowed_cropped():
    samples = [torch.tensor([[1, 2, 3]]), torch.tensor([[4]])]

    batch, lengths = Pad.read({"to": 2, "crop": True})(samples)

    assert batch.tolist() == [[[1, 2]], [[4, 0]]]
    assert batch.dtype == torch.int64
    assert lengths.tolist() == [2, 1]
    with pytest.raises(DataError, match=r"sample 0 .* at most 2, which is pad\.to, found 3"):
        Pad(to=2)(samples)


def test_samples_that_differ_in_more_than_length_are_refused():
    with pytest.raises(DataError, match=r"sample 1 .*\(2, 4\).* sample 0 .*found \(3, 4\)"):
        Pad()([torch.zeros(2, 4), torch.zeros(3, 4)])
    with pytest.raises(DataError, match=r"sample 1 .*int64"):
        Pad()([torch.zeros(2), torch.zeros(2, dtype=torch.int64)])
    with pytest.raises(DataError, match=r"pad.axis is 1, but a sample has shape \(2,\)"):
        Pad(axis=1)([torch.zeros(2)])


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (3, "pad is 3; use a mapping"),
        ({"too": 1}, "pad.too is no option; did you mean 'to'"),
        ({"to": 0}, "pad.to is 0"),
        ({"to": "shortest"}, "pad.to is 'shortest'"),
        ({"axis": "time"}, "pad.axis is 'time'"),
        ({"crop": 1, "to": 4}, "pad.crop is 1"),
        ({"crop": True}, "give pad.to a length"),
        ({"value": "loud"}, "pad.value is 'loud'"),
        ({"value": float("nan")}, "pad.value is nan"),
    ],
)
def test_an_option_that_cannot_be_is_named(option, message):
    with pytest.raises(ConfigError, match=message):
        Pad.read(option)


def test_a_padded_batch_moves_with_its_lengths():
    batch = PaddedBatch(torch.zeros(2, 3), torch.zeros(2), torch.arange(2), torch.tensor([1, 3]))

    batch.to("meta")

    assert batch.features.is_meta
    assert batch.lengths.is_meta
    assert not batch.index.is_meta
