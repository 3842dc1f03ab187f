"""What users are told who mix samples of different shapes."""

import numpy as np
import pytest
import torch
from PIL import Image

from autrainer.data.items import DataBatch, DataItem
from autrainer.data.loader import Loader
from autrainer.data.shape_errors import advice_for
from autrainer.datasets.utils import ImageFileHandler
from autrainer.errors import DataError
from autrainer.transforms import (
    GrayscaleToRGB,
    ImageToFloat,
    Normalize,
    Resize,
    RGBAToRGB,
    RGBToGrayscale,
    SmartCompose,
)


@pytest.mark.parametrize(
    ("found", "expected", "dtype", "named", "not_named"),
    [
        ((3, 48, 64), (3, 64, 64), "uint8", ["Resize"], ["pad", "RGB"]),
        ((1, 64, 64), (3, 64, 64), "uint8", ["GrayscaleToRGB", "RGBToGrayscale"], ["Resize"]),
        ((4, 64, 64), (3, 32, 64), "float32", ["Resize", "RGBAToRGB"], ["pad"]),
        ((1, 99, 64), (1, 101, 64), "float32", ["Expand", "pad", "Resize"], ["RGB"]),
        ((9, 32, 32), (7, 32, 32), "float32", ["same number of channels"], ["RGB", "pad"]),
        ((2, 16000), (1, 16000), "float32", ["StereoToMono"], ["pad"]),
        ((2, 16000), (1, 8000), "float32", ["StereoToMono", "pad"], []),
        ((180, 65), (200, 65), "float32", ["Expand", "pad"], ["Stereo"]),
        ((3,), (1, 3), "float32", ["number of axes"], ["pad"]),
        ((3,), (3,), "float64", ["dtype"], ["pad"]),
    ],
)
def test_the_advice_fits_what_the_samples_seem_to_be(found, expected, dtype, named, not_named):
    advice = advice_for(found, expected, dtype)

    assert [name for name in named if name not in advice] == []
    assert [name for name in not_named if name in advice] == []


class Pictures(torch.utils.data.Dataset):
    """Images of all sizes and channels, transformed one by one."""

    def __init__(self, folder, transform):
        self.transform = transform
        self.paths = []
        rng = np.random.default_rng(0)
        for number, mode in enumerate(["RGB", "L", "RGBA", "P"]):
            pixels = rng.integers(0, 255, (20 + number, 30 - number, 4), dtype=np.uint8)
            self.paths.append(folder / f"{number}.png")
            Image.fromarray(pixels, "RGBA").convert(mode).save(self.paths[-1])

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        return self.transform(DataItem(ImageFileHandler()(str(self.paths[index])), 0, index))


def batches(folder, *transforms):
    dataset = Pictures(folder, SmartCompose(transforms))
    collate = DataBatch.collate
    return list(Loader(dataset, batch_size=4, seed=1, shuffle=False, collate_fn=collate))


SIZE = Resize(16, 16)


def test_following_the_advice_step_by_step_ends_in_a_batch(tmp_path):
    to_three = [GrayscaleToRGB(order=-95), RGBAToRGB()]

    with pytest.raises(DataError, match="transform Resize; give all images the same channels"):
        batches(tmp_path)
    with pytest.raises(DataError, match=r"GrayscaleToRGB with order: -95 and RGBAToRGB"):
        batches(tmp_path, SIZE)
    (colours,) = batches(tmp_path, SIZE, *to_three, ImageToFloat(), Normalize([0.5] * 3, [0.5] * 3))
    (greys,) = batches(tmp_path, SIZE, RGBToGrayscale())

    assert colours.features.shape == (4, 3, 16, 16)
    assert greys.features.shape == (4, 1, 16, 16)
