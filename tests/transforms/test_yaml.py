"""What is written to a run folder builds the same transforms again."""

import audobject
import pytest
import torch

from autrainer import transforms
from autrainer.transforms import SmartCompose, specific_transforms

EVERY = [
    transforms.AnyToTensor(),
    transforms.NumpyToTensor(),
    transforms.Standardizer([1.0, 2.0], [3.0, 4.0], subset="dev", correction=0),
    transforms.StereoToMono(),
    transforms.RGBAToRGB(),
    transforms.Resample(44100, 16000),
    transforms.PannMel(512, 160, 16000, 50, 8000, 64, 1.0, 1e-10, None),
    transforms.MelSpectrogram(16000, "kaldi", mel_bins=80),
    transforms.MFCC(16000, 13),
    transforms.Deltas(9, 1, "channels"),
    transforms.SquarePadCrop("crop"),
    transforms.Resize("Any", 3, "bicubic", antialias=False),
    transforms.RandomCrop(3, "replicate", 1, fix_randomization=True),
    transforms.Expand(4, "replicate", -1, order=2),
    transforms.ScaleRange([0.0, 2.0]),
    transforms.ImageToFloat(),
    transforms.Normalize([1.0], [2.0]),
    transforms.RGBToGrayscale(),
    transforms.GrayscaleToRGB(),
]


def again(obj):
    return audobject.from_dict(obj.to_dict(include_version=False))


@pytest.mark.parametrize("transform", EVERY, ids=lambda t: type(t).__name__)
def test_transform_survives_yaml(transform):
    assert repr(again(transform)) == repr(transform)


def test_compose_survives_yaml_in_order():
    compose = SmartCompose(list(reversed(EVERY)))
    assert repr(again(compose)) == repr(compose)


def test_statistics_of_a_standardizer_travel_with_it():
    learned = transforms.Standardizer()
    learned._learn(_moments(torch.tensor([[1.0, 5.0], [3.0, 5.5]])))
    features = torch.tensor([2.0, 7.0])
    assert torch.equal(again(learned).change(features), learned.change(features))


def _moments(table):
    from autrainer.transforms.moments import ChannelMoments

    moments = ChannelMoments()
    moments.add(table)
    return moments


def test_addresses_of_earlier_versions_lead_to_the_same_classes():
    from autrainer.transforms import smart_compose

    assert smart_compose.SmartCompose is SmartCompose
    for transform in EVERY:
        name = type(transform).__name__
        assert getattr(specific_transforms, name) is type(transform)
