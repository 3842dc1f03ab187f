import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from autrainer.augmentations import AbstractAugmentation, Choice, GaussianNoise, Sequential
from autrainer.data.items import DataItem
from autrainer.runs.random.keys import active_key, keyed
from autrainer.transforms import (
    AbstractTransform,
    AnyToTensor,
    Expand,
    GrayscaleToRGB,
    ImageToFloat,
    Normalize,
    NumpyToTensor,
    RandomCrop,
    Resize,
    RGBAToRGB,
    RGBToGrayscale,
    ScaleRange,
    SmartCompose,
    SquarePadCrop,
    Standardizer,
    StereoToMono,
)
from autrainer.transforms.base import batch_form, is_ours, is_random

DTYPES = [torch.float32, torch.float64, torch.float16, torch.uint8, torch.int16, torch.int64]
EVERY_SHAPE = [(3,), (1, 7), (2, 33), (3, 5, 4), (1, 4, 9), (4, 1, 1), (2, 1, 130)]
IMAGES = [shape for shape in EVERY_SHAPE if len(shape) == 3]
SOUNDS = [shape for shape in EVERY_SHAPE if len(shape) == 2]

CASES = [
    *((AnyToTensor(), shape) for shape in EVERY_SHAPE),
    *((NumpyToTensor(), shape) for shape in EVERY_SHAPE),
    *((ImageToFloat(), shape) for shape in EVERY_SHAPE),
    *((ScaleRange(), shape) for shape in EVERY_SHAPE),
    *((ScaleRange([-3, 2]), shape) for shape in EVERY_SHAPE),
    *((Normalize([0.3], [1.7]), shape) for shape in EVERY_SHAPE),
    *((Normalize([0.1] * shape[0], [0.7] * shape[0]), shape) for shape in EVERY_SHAPE),
    *((Standardizer([0.3], [1.7]), shape) for shape in EVERY_SHAPE),
    *((Expand(20, method, 0), shape) for shape in EVERY_SHAPE for method in ("pad", "replicate")),
    *((Expand(12, method, -1), shape) for shape in EVERY_SHAPE for method in ("pad", "replicate")),
    *((StereoToMono(), shape) for shape in SOUNDS),
    *((RGBAToRGB(), shape) for shape in EVERY_SHAPE),
    *((GrayscaleToRGB(), shape) for shape in IMAGES),
    *((RGBToGrayscale(), shape) for shape in IMAGES if shape[0] >= 3),
    *((SquarePadCrop(mode), shape) for shape in IMAGES for mode in ("pad", "crop")),
    *((Resize(6, 7), shape) for shape in IMAGES),
    *((Resize(3, 3, "nearest"), shape) for shape in IMAGES),
]


def name_of(value):
    return type(value).__name__ if isinstance(value, AbstractTransform) else str(value)


@pytest.mark.parametrize(("transform", "shape"), CASES, ids=name_of)
@settings(max_examples=8, deadline=None)
@given(st.sampled_from(DTYPES), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_batches_come_out_with_the_bits_of_their_samples(transform, shape, dtype, size, seed):
    # torch resizes no float16 on CPUs.
    assume(dtype != torch.float16 or not isinstance(transform, Resize))
    rng = torch.Generator().manual_seed(seed)
    features = (torch.randn((size, *shape), generator=rng) * 60 + 90).to(dtype)
    features[0] = 7
    kept = features.clone()
    together = batch_form(transform)(features)
    alone = torch.stack([transform.change(sample) for sample in features])
    assert together.dtype == alone.dtype
    assert bits(together) == bits(alone)
    assert torch.equal(features, kept)


def bits(features):
    return features.shape, features.contiguous().numpy().tobytes()


class Doubled(Normalize):
    def change(self, features):
        return super().change(features) * 2


class Called(Normalize):
    def __call__(self, item):
        return item


class Both(Normalize):
    def change_batch(self, features):
        return super().change_batch(features) * 2


class Preset(Normalize):
    def __init__(self):
        super().__init__([0.0], [1.0])


class Foreign(AbstractTransform):
    def __call__(self, item):
        return item


class Marked(AbstractAugmentation):
    def apply(self, item):
        return item


def test_subclasses_that_change_one_sample_have_no_batch_form():
    patched = Normalize([0.0], [1.0])
    patched.change = lambda features: features
    assert batch_form(Doubled([0.0], [1.0])) is None
    assert batch_form(Called([0.0], [1.0])) is None
    assert batch_form(patched) is None
    assert batch_form(RandomCrop(3)) is None
    assert batch_form(Foreign(0)) is None


def test_subclasses_that_change_batches_change_samples_alike():
    transform = Both([0.0], [1.0])
    features = torch.arange(4.0)
    assert torch.equal(transform.change(features), features * 2)
    assert torch.equal(batch_form(transform)(features[None]), features[None] * 2)


@pytest.mark.parametrize(
    ("transform", "ours", "draws"),
    [
        (Normalize([0.0], [1.0]), True, False),
        (Preset(), True, False),
        (RandomCrop(3), True, True),
        (GaussianNoise(), True, True),
        (SmartCompose([Expand(3)]), True, True),
        (SmartCompose([Foreign(0)]), False, True),
        (Sequential(["autrainer.augmentations.GaussianNoise"]), True, True),
        (Choice([f"{__name__}.Marked"]), False, True),
        (Doubled([0.0], [1.0]), False, True),
        (Both([0.0], [1.0]), False, False),
        (Foreign(0), False, True),
        (Marked(), False, True),
        (np.sqrt, False, True),
    ],
    ids=name_of,
)
def test_what_is_known_of_a_transform(transform, ours, draws):
    assert is_ours(transform) is ours
    assert is_random(transform) is draws


class Placed(AbstractTransform):
    places = []

    def __call__(self, item):
        self.places.append(active_key().place)
        return item


def test_transforms_are_told_their_place_and_it_is_given_back():
    Placed.places.clear()
    nested = SmartCompose([Placed(0), SmartCompose([Placed(0), Placed(0)]), Placed(0)])
    with keyed(0, 0, 0) as key:
        nested(DataItem(torch.zeros(1), 0, 0))
        assert key.place == ()
    assert Placed.places == [(0,), (1, 0), (1, 1), (2,)]
