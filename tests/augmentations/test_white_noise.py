from types import SimpleNamespace

import audobject
import pytest
import torch

from autrainer.augmentations import SampleGaussianWhiteNoise
from autrainer.data.items import DataItem
from autrainer.errors import ConfigError, DataError
from autrainer.runs.random.keys import keyed
from autrainer.transforms import SmartCompose

RATIOS = [20, 0, -10]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "snr.csv"
    path.write_text("file,snr,text\n" + "".join(f"{i},{snr},a\n" for i, snr in enumerate(RATIOS)))
    return str(path)


def noise(augmentation, index, epoch=0):
    features = torch.full((1, 20_000), 2.0)
    with keyed(1, epoch, index):
        return augmentation(DataItem(features, 0, index)).features - features


@pytest.mark.parametrize("index", range(3))
def test_noise_has_the_ratio_of_its_sample(table, index):
    added = noise(SampleGaussianWhiteNoise(table, "snr"), index)
    ratio = 10 * torch.log10(4 / added.square().mean())
    assert float(ratio) == pytest.approx(RATIOS[index], abs=1e-3)
    assert float(added.mean() / added.std()) == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize(("seed", "is_same"), [(None, False), (0, True), (7, True)])
def test_noise_of_a_sample_is_the_same_in_every_pass_with_a_seed(table, seed, is_same):
    augmentation = SampleGaussianWhiteNoise(table, "snr", sample_seed=seed)
    first, second = (noise(augmentation, 1, epoch) for epoch in (0, 1))
    assert torch.equal(first, second) == is_same
    assert not torch.allclose(noise(augmentation, 0) * 10, first, atol=1e-2)


def test_noise_with_a_seed_is_that_of_the_former_version(table):
    features = torch.full((3,), 2.0)
    augmentation = SampleGaussianWhiteNoise(table, "snr", sample_seed=7)
    drawn = torch.randn(3, generator=torch.Generator().manual_seed(hash((7, 1)) & 0xFFFFFFFF))
    scaled = drawn * (4 / drawn.square().mean()).sqrt()
    assert torch.allclose(augmentation(DataItem(features, 0, 1)).features, features + scaled)


def test_silence_stays_silent(table):
    augmentation = SampleGaussianWhiteNoise(table, "snr")
    assert augmentation(DataItem(torch.zeros(1, 50), 0, 0)).features.abs().sum() == 0


def test_a_sample_without_a_row_is_refused(table):
    augmentation = SampleGaussianWhiteNoise(table, "snr")
    with pytest.raises(DataError, match="has 3 rows, so none for sample 3"):
        augmentation(DataItem(torch.zeros(1, 50), 0, 3))


def test_rows_are_counted_when_the_dataset_is_there(table):
    augmentation = SampleGaussianWhiteNoise(table, "snr")
    compose = SmartCompose([augmentation])
    augmentation.setup(SimpleNamespace(train_transform=compose, train_dataset=range(3)))
    with pytest.raises(DataError, match="has 3 rows, and dev has 4 samples"):
        augmentation.setup(SimpleNamespace(dev_transform=compose, dev_dataset=range(4)))


def test_augmentation_survives_yaml(table):
    augmentation = SampleGaussianWhiteNoise(table, "snr", sample_seed=1, p=0.5, generator_seed=3)
    described = augmentation.to_dict(include_version=False)
    assert [*described] == ["$autrainer.augmentations.SampleGaussianWhiteNoise"]
    again = audobject.from_dict(described)
    assert again.arguments == augmentation.arguments


def test_what_is_wrong_with_the_table_is_named(table, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*none\.csv"):
        SampleGaussianWhiteNoise(str(tmp_path / "none.csv"), "snr")
    with pytest.raises(ConfigError, match="no column 'snrr'; did you mean 'snr'"):
        SampleGaussianWhiteNoise(table, "snrr")
    with pytest.raises(DataError, match="row 0: text is 'a'; use a number"):
        SampleGaussianWhiteNoise(table, "text")
