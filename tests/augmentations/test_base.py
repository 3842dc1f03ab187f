import copy
import pickle

import pytest
import torch

from autrainer.augmentations import AbstractAugmentation, GaussianNoise
from autrainer.data.items import DataItem
from autrainer.errors import ConfigError


class Marked(AbstractAugmentation):
    def apply(self, item):
        item.features = item.features + 1
        return item


def decisions(augmentation, num=200):
    return [augmentation(DataItem(torch.zeros(1), 0, i)).features.item() for i in range(num)]


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_augmentation_acts_as_often_as_its_probability_says(p):
    assert sum(decisions(Marked(p=p, generator_seed=1), 2000)) / 2000 == pytest.approx(p, abs=0.05)


def test_same_seed_decides_alike_and_another_seed_differently():
    assert decisions(Marked(p=0.5, generator_seed=1)) == decisions(Marked(p=0.5, generator_seed=1))
    assert decisions(Marked(p=0.5, generator_seed=1)) != decisions(Marked(p=0.5, generator_seed=2))


def test_decisions_are_those_of_torch_with_the_seed():
    reference = torch.Generator().manual_seed(7)
    expected = [float(torch.rand(1, generator=reference) < 0.5) for _ in range(50)]
    assert decisions(Marked(p=0.5, generator_seed=7), 50) == expected


def test_effect_does_not_follow_the_decision():
    augmentation = GaussianNoise(generator_seed=3)
    noise = torch.rand(100, generator=augmentation.rng)
    chance = torch.rand(100, generator=augmentation.g)
    assert not torch.equal(noise, chance)


def test_nothing_is_drawn_from_the_global_generator():
    before = torch.get_rng_state()
    decisions(Marked(p=0.5, generator_seed=1), 10)
    assert torch.equal(torch.get_rng_state(), before)


def test_without_a_seed_the_seed_of_the_run_decides():
    def drawn(seed):
        torch.manual_seed(seed)
        return decisions(Marked(p=0.5)), decisions(Marked(p=0.5))

    assert drawn(1) == drawn(1)
    assert len({tuple(one) for one in (*drawn(1), *drawn(2))}) == 4


def test_workers_and_augmentations_share_no_stream():
    streams = set()
    for seed in range(4):
        for worker in range(4):
            augmentation = Marked(p=0.5, generator_seed=seed)
            augmentation.offset_generator_seed(worker)
            streams.add(tuple(decisions(augmentation)))
    assert len(streams) == 16


def test_offset_may_be_set_twice_and_leaves_the_arguments_alone():
    once, twice = (Marked(p=0.5, generator_seed=1) for _ in range(2))
    once.offset_generator_seed(2)
    twice.offset_generator_seed(2)
    twice.offset_generator_seed(2)
    assert decisions(once) == decisions(twice)
    assert twice.generator_seed == 1


def test_copies_go_on_where_the_original_was():
    augmentation = Marked(p=0.5, generator_seed=1)
    decisions(augmentation, 5)
    copies = [copy.deepcopy(augmentation), pickle.loads(pickle.dumps(augmentation)), augmentation]
    drawn = [decisions(one) for one in copies]
    assert drawn[0] == drawn[1] == drawn[2]


@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_what_is_no_probability_is_refused(p):
    with pytest.raises(ConfigError, match="between 0 and 1"):
        Marked(p=p)
