import copy

import audobject
import pytest
import torch
from omegaconf import OmegaConf

from autrainer.augmentations import (
    AugmentationManager,
    AugmentationPipeline,
    Choice,
    GaussianNoise,
    Sequential,
    choice_augmentation,
    sequential_augmentation,
)
from autrainer.data.items import DataItem
from autrainer.errors import ConfigError
from tests.conftest import CONF

A = "autrainer.augmentations."
NOISE = f"{A}GaussianNoise"
HERE = "tests.augmentations.test_pipeline."


class Batched(GaussianNoise):
    def get_collate_fn(self, dataset, default):
        return default


class MyChoice(Choice):
    """A container that no list of names knows."""


def pipeline(entries, **kwargs):
    return AugmentationPipeline(entries, **kwargs).create_pipeline().transforms


def seeds(augmentation):
    members = getattr(augmentation, "_members", [])
    return [augmentation.generator_seed, *(seed for member in members for seed in seeds(member))]


def all_seeds(entries, **kwargs):
    return [seed for member in pipeline(entries, **kwargs) for seed in seeds(member)]


NESTED = [
    NOISE,
    {
        f"{A}Choice": {
            "choices": [
                NOISE,
                {f"{A}Sequential": {"sequence": [NOISE, {NOISE: {"generator_seed": 77}}]}},
            ]
        }
    },
    {f"{A}TimeMask": {"time_mask": 2, "axis": 0}},
]


def test_seeds_are_given_depth_first_and_own_ones_are_kept():
    assert all_seeds(NESTED, generator_seed=5) == [5, 6, 7, 8, 9, 77, 10]


def test_seeds_can_stay_the_same_or_be_left_out():
    assert all_seeds(NESTED, generator_seed=5, increment=False) == [5, 5, 5, 5, 5, 77, 5]
    assert all_seeds([NOISE, NOISE], generator_seed=None) == [None, None]


@pytest.mark.parametrize("path", [f"{A}containers.Choice", f"{A}choice_augmentation.Choice"])
def test_containers_are_recognised_under_any_address(path):
    assert all_seeds([{path: {"choices": [NOISE, NOISE]}}, NOISE]) == [0, 1, 2, 3]


def test_containers_of_a_user_are_recognised_too():
    built = pipeline([{f"{HERE}MyChoice": {"choices": [NOISE, NOISE]}}, NOISE])
    assert [seed for member in built for seed in seeds(member)] == [0, 1, 2, 3]


def test_pipeline_leaves_its_configuration_alone():
    entries = copy.deepcopy(NESTED)
    pipeline(entries)
    assert entries == NESTED


@pytest.mark.parametrize("entries", [None, []])
def test_nothing_is_an_empty_pipeline(entries):
    assert pipeline(entries) == []


def test_null_for_arguments_means_none():
    assert all_seeds([{NOISE: None}, NOISE, {NOISE: {}}]) == [0, 1, 2]


def test_augmentations_are_sorted_by_order():
    built = pipeline([{NOISE: {"order": 3}}, {NOISE: {"order": -3}}])
    assert [member.order for member in built] == [-3, 3]


@pytest.mark.parametrize(
    "entry", ["autrainer.transforms.StereoToMono", {}, None, 3, f"{A}GausianNoise"]
)
def test_what_is_no_augmentation_is_refused(entry):
    with pytest.raises(ValueError, match=r"AbstractAugmentation|shorthand|GaussianNoise|generator"):
        pipeline([entry])


def test_sequential_lets_every_member_act_in_the_order_of_the_list():
    sequence = Sequential(
        [{NOISE: {"std": 0.0, "mean": 1.0, "order": 9}}, {NOISE: {"std": 0.0, "mean": 2.0}}],
        generator_seed=3,
    )
    assert sequence(DataItem(torch.zeros(1), 0, 0)).features.item() == 3
    assert [member.order for member in sequence.augmentation_sequence] == [9, 0]
    assert seeds(sequence) == [3, 4, 5]
    assert sequence._deterministic


def test_choice_draws_by_weight():
    members = [{NOISE: {"std": 0.0, "mean": mean}} for mean in (1.0, 2.0, 3.0)]
    choice = Choice(members, weights=[1, 3, 0], generator_seed=1)
    drawn = [choice(DataItem(torch.zeros(1), 0, 0)).features.item() for _ in range(1000)]
    assert choice.weights == [0.25, 0.75, 0.0]
    assert drawn.count(1.0) / 1000 == pytest.approx(0.25, abs=0.05)
    assert drawn.count(3.0) == 0


def test_members_of_a_container_follow_the_worker():
    def drawn(worker):
        container = Sequential([NOISE], generator_seed=1)
        container.offset_generator_seed(worker)
        return container(DataItem(torch.zeros(4), 0, 0)).features.tolist()

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


@pytest.mark.parametrize("kind", [Sequential, Choice])
def test_member_that_acts_on_batches_is_refused(kind):
    with pytest.raises(ConfigError, match=f"{kind.__name__}: Batched acts on whole batches"):
        kind([f"{HERE}Batched"])


@pytest.mark.parametrize(
    ("weights", "message"),
    [([1], "2 choices and 1 weights"), ([-1, 2], "below zero"), ([0, 0], "")],
)
def test_weights_that_make_no_sense_are_refused(weights, message):
    with pytest.raises(ConfigError, match=message or "not all may be zero"):
        Choice([NOISE, NOISE], weights=weights)


@pytest.mark.parametrize(
    ("container", "former"),
    [
        (Sequential([NOISE, {NOISE: {"p": 0.5}}], p=0.5), sequential_augmentation.Sequential),
        (Choice([NOISE, NOISE], [1.0, 3.0], generator_seed=2), choice_augmentation.Choice),
    ],
)
def test_container_survives_yaml_under_both_addresses(container, former):
    again = audobject.from_dict(container.to_dict(include_version=False))
    assert repr(again.arguments) == repr(container.arguments)
    assert seeds(again) == seeds(container)
    assert type(again) is former


def test_manager_builds_what_is_given_and_nothing_else():
    config = OmegaConf.load(CONF / "augmentation" / "TimeMask.yaml")
    before = OmegaConf.to_yaml(config)
    train, dev, test = AugmentationManager(train_augmentation=config).get_augmentations()
    assert [len(compose.transforms) for compose in (train, dev, test)] == [1, 0, 0]
    assert OmegaConf.to_yaml(config) == before
    none = {"id": "None", "_target_": "None"}
    assert AugmentationManager(none).get_augmentations()[0].transforms == []
    with pytest.raises(ConfigError, match="AugmentationPipeline"):
        AugmentationManager({"_target_": NOISE}).get_augmentations()
