import pickle
from types import SimpleNamespace

import audobject
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autrainer.augmentations import CutMix, MixUp
from autrainer.augmentations import image_augmentations as former
from autrainer.data.items import DataBatch, DataItem
from autrainer.errors import ConfigError, DataError
from autrainer.runs.random.keys import keyed_batch

seeds = st.integers(0, 2**31)
KINDS = pytest.mark.parametrize("kind", [MixUp, CutMix])


def dataset(output_dim=3):
    return SimpleNamespace(output_dim=output_dim)


def items(num=4, shape=(1, 6, 5), target=lambda i: i % 3):
    """Samples whose values are all their number plus one."""
    return [DataItem(torch.full(shape, i + 1.0), target(i), i) for i in range(num)]


def mixed(augmentation, samples=None, output_dim=3):
    collate = augmentation.get_collate_fn(dataset(output_dim), DataBatch.collate)
    return collate(items() if samples is None else samples)


@given(seeds, st.floats(0.1, 5))
def test_mixup_mixes_features_and_targets_by_one_share(seed, alpha):
    batch = mixed(MixUp(alpha, generator_seed=seed))
    own = torch.tensor([1.0, 2, 3, 4])
    codes = torch.nn.functional.one_hot(torch.tensor([0, 1, 2, 0]), 3).float()
    share = float((batch.features[1].mean() - 1) / 1)
    expected = share * own + (1 - share) * own.roll(1)
    assert 0 <= share <= 1
    assert torch.allclose(batch.features.mean(dim=(1, 2, 3)), expected, atol=1e-5)
    assert torch.allclose(batch.target, share * codes + (1 - share) * codes.roll(1, 0), atol=1e-5)


@given(seeds, st.floats(0.1, 5))
def test_cutmix_pastes_one_box_and_weighs_targets_by_its_area(seed, alpha):
    batch = mixed(CutMix(alpha, generator_seed=seed))
    pasted = batch.features[1, 0] == 1
    rows, columns = pasted.any(dim=1), pasted.any(dim=0)
    assert torch.equal(pasted, rows[:, None] & columns[None])
    assert bool(((batch.features[1] == 1) | (batch.features[1] == 2)).all())
    assert torch.equal(batch.features[0, 0] == 4, pasted)
    own = 1 - float(pasted.float().mean())
    assert batch.target[1].tolist() == pytest.approx([1 - own, own, 0])


def test_shares_are_those_of_the_beta_distribution():
    augmentation = MixUp(0.5, generator_seed=1)
    shares = torch.tensor([float(mixed(augmentation).features[1].mean() - 1) for _ in range(500)])
    # Beta(a, a) has mean 1/2 and variance 1 / (4 (2 a + 1)).
    assert shares.mean() == pytest.approx(0.5, abs=0.05)
    assert shares.var() == pytest.approx(1 / 8, abs=0.02)


@KINDS
def test_a_batch_is_mixed_as_often_as_its_probability_says(kind):
    augmentation = kind(5.0, p=0.3, generator_seed=1)
    hits = [not torch.equal(mixed(augmentation).features[0], items()[0].features)
            for _ in range(400)]  # fmt: skip
    assert sum(hits) / 400 == pytest.approx(0.3, abs=0.08)


@KINDS
def test_targets_are_soft_whether_a_batch_is_mixed_or_not(kind):
    batch = mixed(kind(p=0.0))
    assert batch.target.dtype == torch.float32
    assert batch.target.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_several_labels_are_mixed_as_they_are(p):
    labels = [torch.tensor([1.0, 0.0, 1.0]), torch.tensor([0.0, 0.0, 1.0])]
    batch = mixed(MixUp(p=p), items(2, target=labels.__getitem__))
    assert batch.target.shape == (2, 3)
    assert batch.target[:, 2].tolist() == pytest.approx([1, 1])


@pytest.mark.parametrize("shape", [(4,), (1, 100), (3, 8, 8)])
def test_mixup_takes_features_of_any_shape(shape):
    batch = mixed(MixUp(generator_seed=2), items(shape=shape))
    assert batch.features.shape == (4, *shape)
    assert batch.features.is_floating_point()


@KINDS
def test_items_stay_as_they_are(kind):
    item = items()[1]
    assert torch.equal(kind()(item).features, items()[1].features)


@KINDS
def test_what_is_drawn_belongs_to_the_batch(kind):
    def drawn(number):
        with keyed_batch(1, 2, number):
            return mixed(kind(generator_seed=3)).target

    assert torch.equal(drawn(5), drawn(5))
    assert not torch.equal(drawn(5), drawn(6))


@KINDS
def test_collate_function_can_be_sent_to_another_process(kind):
    collate = kind(generator_seed=1).get_collate_fn(dataset(), DataBatch.collate)
    again = pickle.loads(pickle.dumps(collate))
    assert torch.equal(again(items()).target, collate(items()).target)


@KINDS
def test_augmentation_survives_yaml_under_both_addresses(kind):
    augmentation = kind(0.8, order=2, p=0.5, generator_seed=3)
    again = audobject.from_dict(augmentation.to_dict(include_version=False))
    assert repr(again) == repr(augmentation)
    assert getattr(former, type(again).__name__) is type(again)


@KINDS
def test_what_cannot_be_mixed_is_refused(kind):
    with pytest.raises(ConfigError, match="alpha is 0"):
        kind(0)
    with pytest.raises(ConfigError, match="this dataset has 1"):
        mixed(kind(), output_dim=1)
    with pytest.raises(DataError, match=r"float32 of shape \(4,\)"):
        mixed(kind(), items(target=float))


def test_cutmix_names_features_without_height_and_width():
    with pytest.raises(DataError, match=r"got \(4, 1, 100\)"):
        mixed(CutMix(), items(shape=(1, 100)))
