"""Transforms as modules: the same numbers, for batches."""

import pytest
import torch

from autrainer.data.items import DataItem
from autrainer.data.padding import Pad
from autrainer.export.twins import Padded, twin_of
from autrainer.transforms import (
    MFCC,
    AbstractTransform,
    AnyToTensor,
    Deltas,
    Expand,
    GrayscaleToRGB,
    ImageToFloat,
    MelSpectrogram,
    Normalize,
    PannMel,
    RandomCrop,
    Resample,
    Resize,
    ScaleRange,
    SpectToImage,
    SquarePadCrop,
    Standardizer,
    StereoToMono,
)
from autrainer.transforms.base import BatchTransform

PANN = (512, 160, 16000, 50, 8000, 64, 1.0, 1e-10, None)
SOUND, IMAGE = (2, 900), (1, 6, 9)


class Doubled(BatchTransform):
    """A transform of a user."""

    def change_batch(self, features):
        return 2 * features


class Halved(PannMel):
    """A transform of a user that changes what one of ours does."""

    def change_batch(self, features):
        return super().change_batch(features) / 2


class Own(AbstractTransform):
    """A transform of a user that takes items."""

    def __call__(self, item):
        return item


@pytest.mark.parametrize(
    ("transform", "shape"),
    [
        (AnyToTensor(), SOUND),
        (StereoToMono(), SOUND),
        (Resample(8000, 16000), SOUND),
        (Resample(8000, 8000), SOUND),
        (PannMel(*PANN), SOUND),
        (MelSpectrogram(16000, preset="whisper"), SOUND),
        (MelSpectrogram(16000, preset="kaldi"), SOUND),
        (MFCC(16000, num_coefficients=13), SOUND),
        (Deltas(window_size=3), IMAGE),
        (Deltas(window_size=5, derivatives=1, stack="channels"), IMAGE),
        (Expand(8), IMAGE),
        (Expand(8, axis=-1), IMAGE),
        (Expand(20, axis=-1, value=-80), IMAGE),
        (Expand(20, method="replicate", axis=-1), IMAGE),
        (Expand(5, method="replicate", axis=-1), IMAGE),
        (ScaleRange(), IMAGE),
        (ScaleRange([-1, 1]), IMAGE),
        (Normalize(0.5, 2.0), IMAGE),
        (Standardizer(mean=[0.5], std=[2.0]), IMAGE),
        (ImageToFloat(), IMAGE),
        (GrayscaleToRGB(), IMAGE),
        (SquarePadCrop(), IMAGE),
        (Resize(4, 4), IMAGE),
        (Doubled(), IMAGE),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_module_gives_what_the_transform_gives(transform, shape):
    batch = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0))
    expected = [transform(DataItem(sample.clone(), 0, 0)).features for sample in batch]
    found = twin_of(transform)(batch)
    torch.testing.assert_close(found, torch.stack(expected), atol=2e-3, rtol=1e-4)


def test_bytes_of_images_become_numbers_inside():
    batch = torch.arange(12, dtype=torch.uint8).reshape(1, 1, 3, 4)
    torch.testing.assert_close(twin_of(ImageToFloat())(batch), batch.float() / 255)


def test_constant_samples_stay_constant_when_they_are_scaled():
    batch = torch.stack([torch.full((1, 2, 2), 3.0), torch.arange(4.0).reshape(1, 2, 2)])
    scaled = twin_of(ScaleRange())(batch)
    assert scaled[0].unique().tolist() == [3.0]
    assert scaled[1].flatten().tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])


@pytest.mark.parametrize(
    ("transform", "reason"),
    [
        (RandomCrop(4), "it may give another result each time"),
        (SpectToImage(8, 8), "it is no code of tensors"),
        (Own(), "it may give another result each time"),
    ],
)
def test_what_is_no_code_of_tensors_has_no_module(transform, reason):
    assert twin_of(transform) == reason


def test_a_subclass_of_ours_is_not_taken_for_ours():
    # It calls the core, which torch cannot trace; so it will stay outside.
    twin = twin_of(Halved(*PANN))
    batch = torch.randn(1, 1, 900)
    torch.testing.assert_close(twin(batch), Halved(*PANN).change_batch(batch))


@pytest.mark.parametrize(("pad", "length"), [(Pad(to=12), 9), (Pad(to=5, crop=True), 9)])
def test_samples_are_padded_as_in_the_run(pad, length):
    batch = torch.randn(2, 1, length)
    expected, _ = pad(list(batch))
    torch.testing.assert_close(Padded(pad)(batch), expected)
