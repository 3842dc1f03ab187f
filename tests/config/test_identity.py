"""When two configurations make the same run, and what its folder is called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from autrainer.config.comparing import ABSENT
from autrainer.config.constants import NamingConstants
from autrainer.config.identity import differences, fingerprint, identity, same_but_iterations
from autrainer.config.run_name import LONGEST_NAME, run_name


@pytest.fixture
def config():
    return {
        "results_dir": "results",
        "experiment_id": "default",
        "iterations": 5,
        "training_type": "epoch",
        "eval_frequency": 1,
        "save_frequency": 1,
        "device": "cpu",
        "reproducible": True,
        "seed": 1,
        "batch_size": 32,
        "learning_rate": 0.001,
        "dataset": {"id": "Toy_C", "size": 10},
        "model": {"id": "Net", "layers": [1, 2]},
        "optimizer": {"id": "Adam"},
        "scheduler": {"id": "None", "_target_": "None"},
        "augmentation": {"id": "None", "pipeline": []},
        "plotting": {"latex": False},
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("results_dir", "elsewhere"),
        ("experiment_id", "other"),
        ("device", "cuda:0"),
        ("progress_bar", False),
        ("plotting", {"latex": True}),
        ("loggers", ["x.Y"]),
        ("save_train_outputs", False),
        ("save_frequency", 5),
        ("continue_training", False),
        ("train_loader_kwargs", {"num_workers": 3, "sampler": None}),
        ("hydra", {"job": {}}),
        ("callbacks", []),
        ("learning_rate", 1e-3),
        ("batch_size", 32.0),
    ],
)
def test_what_does_not_change_the_numbers_does_not_make_another_run(config, key, value):
    assert differences(config, {**config, key: value}) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", 2),
        ("seed", "1-1"),
        ("reproducible", False),
        ("reproducible", 1),
        ("eval_frequency", 5),
        ("callbacks", ["x.Y"]),
        ("train_loader_kwargs", {"drop_last": True}),
        ("train_loader_kwargs", {"sampler": "x.Y"}),
        ("mine", 1),
        ("scheduler", {"id": "StepLR"}),
    ],
)
def test_what_may_change_the_numbers_makes_another_run(config, key, value):
    assert differences(config, {**config, key: value}) != []


def test_differences_are_named_by_their_dotted_keys_with_both_values(config):
    other = {**config, "model": {"id": "Net", "layers": [1, 3], "bias": True}}
    assert differences(config, other) == [
        ("model.layers", [1, 2], [1, 3]),
        ("model.bias", ABSENT, True),
    ]
    assert repr(ABSENT) == "absent"


def test_keys_that_earlier_versions_lack_have_their_defaults(config):
    old = {k: v for k, v in config.items() if k not in ("reproducible", "eval_frequency")}
    assert differences(old, config) == []


def test_a_sampler_with_other_arguments_makes_another_run(config):
    one, two = (
        {**config, "train_loader_kwargs": {"sampler": {"x.Y": {"block_size": size}}}}
        for size in (8, 16)
    )
    assert differences(one, two) == [("train_loader_kwargs.sampler.x.Y.block_size", 8, 16)]


def test_loader_options_of_the_dataset_take_the_place_of_the_general_ones(config):
    dataset = {**config["dataset"], "train_loader_kwargs": {"drop_last": True}}
    inside = {**config, "dataset": dataset}
    outside = {**config, "train_loader_kwargs": {"drop_last": True}}
    assert differences(inside, outside) == []


def test_only_iterations_may_differ_to_go_on(config):
    assert same_but_iterations(config, {**config, "iterations": 50})
    assert not same_but_iterations(config, {**config, "iterations": 50, "seed": 2})


VALUES = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 1.0, -0.0, 0.5, float("nan"), float("inf"), "1", "a"])
    | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(VALUES, VALUES, st.integers(1, 9))
def test_configurations_have_one_fingerprint_if_only_iterations_differ(first, second, iterations):
    one = {"seed": 1, "iterations": 5, "own": first, "model": {"id": "m", "own": second}}
    for first_again in (first, second):
        other = {"model": {"own": second, "id": "m"}, "own": first_again, "seed": 1.0}
        other |= {"iterations": iterations}
        is_same = fingerprint(one) == fingerprint(other)
        assert is_same == same_but_iterations(one, other)


def test_neither_configuration_is_changed(config):
    before = OmegaConf.create(config)
    identity(config)
    differences(config, {**config, "dataset": {"id": "x", "dev_loader_kwargs": {}}})
    assert OmegaConf.create(config) == before


def test_a_dictconfig_is_compared_like_a_dictionary(config):
    assert differences(OmegaConf.create(config), config) == []


def test_a_run_is_named_by_ids_and_values(config):
    assert run_name(config) == "Toy_C_Net_Adam_0.001_32_epoch_5_None_None_1"
    assert run_name(OmegaConf.create(config)) == run_name(config)


@pytest.mark.parametrize(
    ("id_", "start"), [("a/b", "a%2Fb_"), ("..", "%2E._"), ("a%b", "a%25b_"), ("c:\n", "c%3A%0A_")]
)
def test_characters_that_cannot_be_in_a_name_are_escaped(config, id_, start):
    config["dataset"]["id"] = id_
    assert run_name(config).startswith(start)


def test_the_naming_convention_can_be_set(config, monkeypatch):
    monkeypatch.setattr(NamingConstants(), "NAMING_CONVENTION", ["model", "model.layers", "seed"])
    assert run_name(config) == "Net_[1, 2]_1"


@given(st.text(min_size=1), st.text(min_size=1))
def test_different_ids_have_different_names(first, second):
    def named(id_):
        values = dict.fromkeys(NamingConstants().NAMING_CONVENTION, 1)
        return run_name({**values, "dataset": {"id": id_}})

    assert (named(first) == named(second)) == (first == second)
    assert len(named(first).encode()) <= LONGEST_NAME


def test_long_names_stay_different_at_both_ends(config):
    names = set()
    for id_ in ("x" * 400, "x" * 400 + "y", "x" * 200 + "y" + "x" * 200):
        config["model"]["id"] = id_
        names.add(run_name(config))
    assert len(names) == 3
    assert all(len(name.encode()) <= LONGEST_NAME for name in names)
    assert all(name.startswith("Toy_C_x") and name.endswith("_None_1") for name in names)


@pytest.mark.parametrize("policy", ["error", "warn", "ignore", "allow"])
def test_what_features_that_are_not_finite_are_makes_no_other_run(config, policy):
    assert identity(config | {"dev_loader_kwargs": {"nonfinite": policy}}) == identity(config)


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ({"ema": 0.999}, {"ema": {"decay": 0.999}}),
        ({"ema": 0.999}, {"ema": {"decay": 0.999, "warmup": True, "every": None}}),
        ({"swa": 0.5}, {"swa": {"start": 0.5, "last": None}}),
        ({"ema": None}, {}),
    ],
)
def test_options_are_the_same_however_short_they_are_written(config, short, long):
    assert differences({**config, **short}, {**config, **long}) == []
    assert differences({**config, "ema": 0.9}, {**config, "ema": {"decay": 0.99}}) == [
        ("ema.decay", 0.9, 0.99)
    ]
