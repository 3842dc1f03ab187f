"""Wrappers of other libraries, with these libraries themselves."""

import os
import random
import sys

import audobject
import numpy as np
import pytest
import torch

from autrainer.augmentations import (
    AlbumentationsAugmentation,
    AudiomentationsAugmentation,
    AugmentationWrapper,
    TorchaudioAugmentation,
    TorchAudiomentationsAugmentation,
    TorchvisionAugmentation,
)
from autrainer.augmentations import augmentation_wrappers as former
from autrainer.data.items import DataItem
from autrainer.errors import ConfigError, MissingExtraError
from autrainer.runs.random.keys import keyed
from autrainer.transforms import SmartCompose
from autrainer.transforms.plan import plan

HERE = "tests.augmentations.test_wrappers."


class Shaken:
    """Adds a number of each global generator."""

    def __init__(self, scale=1.0, prob=0.1):
        self.scale = scale
        self.prob = prob

    def __call__(self, features):
        drawn = [random.random(), np.random.rand(), torch.rand(1).item(), self.prob]
        return features + self.scale * torch.tensor(drawn)


class Indexed:
    def __call__(self, features, index):
        return features + index


def shaken(**kwargs):
    return AugmentationWrapper(f"{HERE}Shaken", **kwargs)


def changed(augmentation, features, index=0, epoch=0):
    with keyed(1, epoch, index):
        return augmentation(DataItem(features.clone(), 0, index)).features


def test_global_generators_are_the_samples_own_and_given_back():
    augmentation = shaken(generator_seed=1)
    before = random.getstate(), torch.get_rng_state()
    first = changed(augmentation, torch.zeros(4), index=3)
    random.random(), np.random.rand(), torch.rand(1)
    assert torch.equal(changed(augmentation, torch.zeros(4), index=3), first)
    assert not torch.equal(changed(augmentation, torch.zeros(4), index=4), first)
    assert not torch.equal(changed(augmentation, torch.zeros(4), index=3, epoch=1), first)
    random.setstate(before[0])
    torch.set_rng_state(before[1])
    changed(augmentation, torch.zeros(4))
    assert (random.getstate(), torch.get_rng_state().tolist()) == (before[0], before[1].tolist())


def test_the_probability_is_that_of_the_wrapper():
    augmentation = shaken(p=0.0, probability_attr="prob")
    assert augmentation._wrapped.prob == 1.0
    assert torch.equal(changed(augmentation, torch.zeros(4)), torch.zeros(4))
    assert shaken(probability_attr="nothing")._wrapped.prob == 0.1


def test_the_position_of_the_sample_is_passed_on_request():
    augmentation = AugmentationWrapper(f"{HERE}Indexed", pass_index=True)
    assert changed(augmentation, torch.zeros(1), index=7).item() == 7


def test_loaders_do_not_make_wrapped_samples_by_threads():
    assert plan(SmartCompose([shaken()])).reason == (
        "AugmentationWrapper is no transform of autrainer's own"
    )


def test_arguments_survive_yaml_under_both_addresses():
    augmentation = shaken(scale=2.0, p=0.5, probability_attr="prob", generator_seed=3)
    again = audobject.from_dict(augmentation.to_dict(include_version=False))
    assert again.arguments == augmentation.arguments
    assert again._wrapped.scale == 2.0
    assert type(again) is former.AugmentationWrapper


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AugmentationWrapper(f"{HERE}Shakn"), "did you mean 'Shaken'"),
        (lambda: shaken(scaling=1), "scaling"),
        (lambda: AugmentationWrapper("builtins.object"), "nobody can call"),
    ],
)
def test_what_cannot_be_wrapped_is_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def torchvision(name, **kwargs):
    return TorchvisionAugmentation(name, generator_seed=2, **kwargs)


def waveform():
    return torch.sin(torch.arange(1600) / 5)[None]


def image():
    return torch.randint(0, 256, (3, 12, 10), dtype=torch.uint8, generator=torch.Generator())


LIBRARIES = [
    (lambda: torchvision("RandomRotation", degrees=90), image),
    (lambda: torchvision("RandAugment", magnitude=15), image),
    (lambda: torchvision("GaussianBlur", kernel_size=3, sigma=[0.5, 2]), image),
    (lambda: AlbumentationsAugmentation("GaussianBlur", sigma_limit=[1, 2]), image),
    (lambda: AlbumentationsAugmentation("RandomBrightnessContrast"), image),
    (lambda: AudiomentationsAugmentation("AddGaussianSNR", 16_000), waveform),
    (lambda: AudiomentationsAugmentation("Gain", 16_000, min_gain_db=-9.0), waveform),
]


@pytest.fixture
def _library_path(monkeypatch):
    """OpenCV sets this variable when it is imported; it is given back."""
    monkeypatch.setenv("LD_LIBRARY_PATH", os.environ.get("LD_LIBRARY_PATH", ""))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@pytest.mark.usefixtures("_library_path")
@pytest.mark.parametrize(("make", "sample"), LIBRARIES)
def test_a_library_changes_samples_by_their_keys_alone(make, sample):
    features = sample()
    first = changed(make(), features, index=3)
    assert (first.shape, first.dtype) == (features.shape, features.dtype)
    assert not torch.equal(first, features)
    used = make()
    changed(used, features, index=5)
    random.random(), np.random.rand(), torch.rand(1)
    assert torch.equal(changed(used, features, index=3), first)
    assert not torch.equal(changed(used, features, index=4), first)


@pytest.mark.slow
def test_a_wrapper_of_a_library_survives_yaml_under_both_addresses():
    augmentation = torchvision("RandomRotation", degrees=90, p=0.5)
    described = augmentation.to_dict(include_version=False)
    (arguments,) = described.values()
    assert [*arguments] == ["name", "order", "p", "generator_seed", "degrees"]
    again = audobject.from_dict(described)
    assert again.arguments == augmentation.arguments
    assert type(again) is former.TorchvisionAugmentation


@pytest.mark.slow
def test_an_unknown_name_is_refused_with_the_near_match():
    with pytest.raises(ConfigError, match="RandomRotation"):
        torchvision("RandomRotaton", degrees=90)


@pytest.fixture
def other_modules(monkeypatch):
    """Modules that a test imports are gone after it."""
    roots = ("torchaudio", "torch_audiomentations", "torch_pitch_shift", "julius")

    def forget():
        for name in [name for name in sys.modules if name.partition(".")[0] in roots]:
            del sys.modules[name]

    forget()
    yield monkeypatch
    forget()


def put_torchaudio(monkeypatch, folder, text):
    package = folder / "torchaudio"
    package.mkdir()
    (package / "__init__.py").write_text(text)
    (package / "transforms.py").write_text(
        "class Halve:\n    def __call__(self, x):\n        return x / 2, x.sum()\n"
    )
    monkeypatch.syspath_prepend(folder)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: TorchaudioAugmentation("Vol"), "TorchaudioAugmentation needs torchaudio"),
        (
            lambda: TorchAudiomentationsAugmentation("Gain", 16_000),
            "TorchAudiomentationsAugmentation needs torch-audiomentations",
        ),
    ],
)
def test_a_torchaudio_that_cannot_be_imported_is_told(make, name, other_modules, tmp_path):
    put_torchaudio(other_modules, tmp_path, "raise RuntimeError('built for another torch')")
    with pytest.raises(MissingExtraError, match=rf"{name}, .*\(built for another torch\)"):
        make()


def test_the_first_result_of_torchaudio_counts(other_modules, tmp_path):
    put_torchaudio(other_modules, tmp_path, "")
    augmentation = TorchaudioAugmentation("Halve")
    assert changed(augmentation, torch.ones(2)).tolist() == [0.5, 0.5]


@pytest.mark.slow
def test_torch_audiomentations_works_once_torchaudio_imports(other_modules, tmp_path):
    # Nothing of torchaudio is needed by this augmentation.
    put_torchaudio(other_modules, tmp_path, "")
    features = waveform()
    make = lambda: TorchAudiomentationsAugmentation(  # noqa: E731
        "Gain", 16_000, p=1.0, min_gain_in_db=-9.0, max_gain_in_db=-3.0
    )
    first = changed(make(), features, index=3)
    factor = first / features
    assert 10 ** (-9 / 20) <= float(factor[0, 1]) <= 10 ** (-3 / 20)
    assert torch.allclose(first, features * factor[0, 1])
    assert torch.equal(changed(make(), features, index=3), first)
    assert not torch.equal(changed(make(), features, index=4), first)
    again = audobject.from_dict(make().to_dict(include_version=False))
    assert again.arguments == make().arguments
