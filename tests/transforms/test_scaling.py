import math
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autrainer.data.items import DataItem
from autrainer.errors import ConfigError, DataError
from autrainer.transforms import (
    AbstractTransform,
    ImageToFloat,
    Normalize,
    ScaleRange,
    SmartCompose,
    Standardizer,
)


class Split:
    """Items of a list, as a dataset's subset gives them."""

    def __init__(self, features, transforms=()):
        self.features = features
        self.transform = SmartCompose(transforms)
        self.num_read = 0

    def __len__(self):
        return len(self.features)

    def __getitem__(self, index):
        return self.transform(DataItem(self.features[index], 0, index))


class Table(Split):
    """A subset that lies in memory and whose items nobody should have to make."""

    def resident(self):
        if self.transform.transforms:
            return None
        return SimpleNamespace(features=torch.stack(self.features))

    def __getitem__(self, index):
        raise AssertionError("read one by one")


class Data:
    def __init__(self, train, dev=None, test=None):
        self.train_dataset, self.dev_dataset, self.test_dataset = train, dev, test


class Doubled(AbstractTransform):
    def __call__(self, item):
        item.features = item.features * 2
        return item


@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=2, max_size=30), st.booleans())
def test_scaled_features_fill_the_range(values, reverse):
    features = torch.tensor(values)
    scaled = ScaleRange([2, -1] if reverse else [-1, 2]).change(features)
    if features.min() == features.max():
        assert torch.equal(scaled, features)
    else:
        assert scaled.min() == pytest.approx(-1, abs=1e-5)
        assert scaled.max() == pytest.approx(2, abs=1e-5)


def test_bytes_become_floats_and_floats_stay():
    assert ImageToFloat().change(torch.tensor([0, 255], dtype=torch.uint8)).tolist() == [0.0, 1.0]
    floats = torch.tensor([3.0])
    assert ImageToFloat().change(floats) is floats


@pytest.mark.parametrize("shape", [(2,), (2, 3), (2, 3, 4)])
def test_normalize_works_along_the_first_axis(shape):
    features = torch.rand(shape)
    normal = Normalize([1.0, 2.0], [3.0, 4.0]).change(features)
    assert torch.allclose(normal[1], (features[1] - 2) / 4)
    assert torch.allclose(Normalize(1, 2).change(features), (features - 1) / 2)


def test_standardizer_gives_zero_mean_and_unit_variance():
    torch.manual_seed(0)
    features = [torch.rand(3, 7) * 5 + 1e4 for _ in range(40)]
    standardizer = Standardizer()
    standardizer.setup(Data(Split(features, [standardizer])))
    stacked = torch.stack(features).double().transpose(0, 1).flatten(1)
    assert standardizer.mean == pytest.approx(stacked.mean(1).tolist(), rel=1e-12)
    assert standardizer.std == pytest.approx(stacked.std(1).tolist(), rel=1e-9)
    out = standardizer.change(features[0])
    assert out.dtype == torch.float32


def test_features_in_memory_are_read_as_one_table():
    features = [torch.rand(3) for _ in range(5000)]
    standardizer, reference = Standardizer(), Standardizer()
    standardizer.setup(Data(Table(features, [standardizer])))
    reference.setup(Data(Split(features, [reference])))
    assert standardizer.mean == pytest.approx(reference.mean, rel=1e-12)
    assert standardizer.std == pytest.approx(reference.std, rel=1e-12)


@pytest.mark.parametrize("correction", [0, 1, 2])
def test_correction_belongs_to_the_denominator(correction):
    features = torch.rand(30, 1)
    standardizer = Standardizer(correction=correction)
    standardizer.setup(Data(Split(list(features), [standardizer])))
    expected = features.double().std(correction=correction).item()
    assert standardizer.std == pytest.approx([expected])


def test_only_transforms_before_it_count_and_the_subset_stays_as_it_was():
    standardizer = Standardizer(order=0)
    twin = Standardizer(order=0)
    split = Split(
        [torch.ones(1) * i for i in range(4)], [Doubled(-1), standardizer, twin, Doubled(1)]
    )
    compose = split.transform
    standardizer.setup(Data(split))
    assert standardizer.mean == [3.0]
    assert split.transform is compose
    twin.setup(Data(split))
    assert twin.mean == pytest.approx([0.0])


def test_standardizer_of_another_subset_goes_by_order():
    standardizer = Standardizer(order=0, subset="dev")
    dev = Split([torch.ones(1), torch.zeros(1)], [Doubled(-1), Doubled(1)])
    standardizer.setup(Data(Split([]), dev))
    assert standardizer.mean == [1.0]


def test_what_is_given_is_not_calculated():
    standardizer = Standardizer(mean=[7.0])
    standardizer.setup(Data(Split([torch.zeros(1), torch.ones(1)], [standardizer])))
    assert standardizer.mean == [7.0]
    assert standardizer.std == pytest.approx([math.sqrt(0.5)])
    complete = Standardizer(0, 1)
    complete.setup(None)
    assert complete.change(torch.ones(1)).item() == 1


def test_constant_channel_becomes_zero_with_a_warning(caplog):
    standardizer = Standardizer()
    features = [torch.tensor([5.0, float(i)]) for i in range(3)]
    standardizer.setup(Data(Split(features, [standardizer])))
    assert standardizer.change(features[1]).tolist() == [0.0, 0.0]
    assert standardizer.std == [1.0, 1.0]
    assert "[0]" in caplog.text


def test_standardizer_refuses_what_has_no_variance_to_speak_of():
    with pytest.raises(DataError, match="more than 1 values"):
        Standardizer().setup(Data(Split([torch.zeros(1)])))
    with pytest.raises(DataError, match="NaN or infinite values, first in channel 1"):
        Standardizer().setup(Data(Split([torch.tensor([0.0, math.nan])] * 2)))
    with pytest.raises(DataError, match="as many channels"):
        Standardizer().setup(Data(Split([torch.zeros(2), torch.zeros(3)])))
    with pytest.raises(DataError, match="call setup"):
        Standardizer().change(torch.zeros(1))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ScaleRange([1, 1]), "two different numbers"),
        (lambda: ScaleRange([1]), "two different numbers"),
        (lambda: Normalize(0, 0), "above zero"),
        (lambda: Normalize([], 1), "mean is empty"),
        (lambda: Normalize([1, 2], [1, 2, 3]), "mean has 2 numbers and std 3"),
        (lambda: Standardizer(subset="tset"), "did you mean 'test'"),
    ],
)
def test_bad_arguments_fail_at_construction(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_channels_that_do_not_match_are_named():
    with pytest.raises(DataError, match="for 2 channels; got features of shape"):
        Normalize([1, 2], [1, 2]).change(torch.zeros(3, 4))
    with pytest.raises(DataError, match=r"GrayscaleToRGB, .* with an order below 95"):
        Normalize([1, 2, 3], [1, 2, 3]).change(torch.zeros(1, 4, 4))
    with pytest.raises(DataError, match="one to three axes"):
        Normalize(1, 2).change(torch.zeros(1, 1, 1, 1))
