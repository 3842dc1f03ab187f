"""How arguments are spelt does not matter, as long as it is clear what they mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from autrainer.config.hydra.groups import OPTIONAL_KEYS
from autrainer.config.hydra.internals import get_args_parser
from autrainer.config.hydra.overrides import split_arguments
from autrainer.config.schema.run import ATTRIBUTE_KEYS, LISTS
from autrainer.config.schema.sections.loaders import LOADER_KEYS
from autrainer.errors import ConfigError


@pytest.mark.parametrize("key", ["seed", "batch_size", "learning_rate"])
@pytest.mark.parametrize("plus", ["", "+", "++"])
def test_a_swept_key_is_replaced_whatever_its_spelling(sweep, key, plus):
    recorded = sweep(f"{plus}{key}=3")
    assert recorded.values(key) == [3]


@pytest.mark.parametrize("plus", ["", "+"])
@pytest.mark.parametrize("swept", ["mine", "+mine"])
def test_a_key_of_the_users_own_is_replaced_whatever_its_spelling(project, sweep, plus, swept):
    declared = "mine: 0\n" if swept == "mine" else ""
    project(
        "conf/config.yaml",
        f"defaults: [_autrainer_, _self_]\n{declared}results_dir: r\nexperiment_id: e\n"
        "iterations: 1\nseed: 1\nbatch_size: 1\nlearning_rate: 0.1\n"
        f"hydra: {{sweeper: {{params: {{{swept}: '1, 2'}}}}}}\n",
    )
    name = "hydra.sweep.subdir=${mine}"
    assert sweep(name).values("mine") == [1, 2]
    assert sweep(f"{plus}mine=5", name).values("mine") == [5]


def test_an_existing_key_may_be_added_again(sweep):
    assert sweep("+iterations=9").values("iterations") == [9]


@pytest.mark.parametrize("plus", ["", "+", "++"])
def test_keys_that_every_configuration_may_have_need_no_plus(sweep, plus):
    recorded = sweep(f"{plus}callbacks=[a.B]", f"{plus}train_loader_kwargs.num_workers=2")
    assert recorded.values("callbacks") == [["a.B"]]
    assert recorded.values("train_loader_kwargs") == [{"num_workers": 2}]


def test_options_of_a_key_that_is_null_need_no_plus(sweep):
    recorded = sweep("early_stopping.patience=3", "early_stopping.metric=dev_loss")
    assert recorded.values("early_stopping") == [{"patience": 3, "metric": "dev_loss"}]


OPTIONAL = [
    *((f"dataset.{subset}_loader_kwargs.num_workers", 2) for subset in ("train", "dev", "test")),
    ("dataset.transform.train", ["a.B"]),
    *((f"model.{part}_checkpoint", "a.pt") for part in ("model", "optimizer", "scheduler")),
    ("model.skip_last_layer", False),
    ("optimizer.weight_decay", 0.1),
    ("optimizer.apply_weight_decay_to_bias", True),
    ("optimizer.apply_weight_decay_to_norm", True),
    ("scheduler.step_frequency", "batch"),
]


@pytest.mark.parametrize("plus", ["", "+", "++"])
def test_keys_that_every_group_may_have_need_no_plus(sweep, plus):
    recorded = sweep(*(f"{plus}{key}={value}" for key, value in OPTIONAL))
    (config,) = recorded.configs
    for key, value in OPTIONAL:
        assert OmegaConf.select(OmegaConf.create(config), key) == value


def test_an_optional_key_of_a_group_is_set_wherever_the_sweep_leads(project, sweep):
    _sweep_over(project, "Mine, Other")
    recorded = sweep("model.skip_last_layer=false", "dataset.dev_loader_kwargs={num_workers: 1}")
    models, datasets = recorded.values("model"), recorded.values("dataset")
    assert [(model["id"], model["skip_last_layer"]) for model in models] == [
        ("Mine", False),
        ("Other", False),
    ]
    assert [dataset["dev_loader_kwargs"] for dataset in datasets] == [{"num_workers": 1}] * 2


def test_an_optional_key_of_a_group_can_be_swept_over(sweep):
    name = "optimizer.id='Adam-${optimizer.weight_decay}'"
    optimizers = sweep("optimizer.weight_decay=0.1,0.2", name).values("optimizer")
    assert [optimizer["weight_decay"] for optimizer in optimizers] == [0.1, 0.2]


def test_a_slip_in_an_optional_key_of_a_group_is_refused(sweep):
    message = (
        r"dataset\.train_loader_kwarg\.num_workers is no key.*did you mean 'train_loader_kwargs'"
    )
    with pytest.raises(ConfigError, match=message):
        sweep("dataset.train_loader_kwarg.num_workers=2")


@pytest.mark.parametrize("typed", ["größe/ü x", "'größe/ü x'", '"größe/ü x"'])
def test_names_of_folders_may_have_any_letters(sweep, typed):
    assert sweep(f"results_dir={typed}").values("results_dir") == ["größe/ü x"]


def test_a_group_of_the_defaults_may_be_added_again(sweep):
    (scheduler,) = sweep("+scheduler=StepLR").values("scheduler")
    assert scheduler["id"] == "StepLR"


def _sweep_over(project, models):
    project("conf/model/Mine.yaml", "id: Mine\n_target_: m.Mine\nwidth: 1\n")
    project("conf/model/Other.yaml", "id: Other\n_target_: m.Other\nwidth: 1\n")
    project(
        "conf/config.yaml",
        "defaults: [_autrainer_, _self_]\nresults_dir: r\nexperiment_id: e\niterations: 1\n"
        "seed: 1\nbatch_size: 1\nlearning_rate: 0.1\n"
        f"hydra: {{sweeper: {{params: {{model: '{models}'}}}}}}\n",
    )


@pytest.mark.parametrize(
    ("models", "chosen", "ids"),
    [
        ("Mine", [], ["Mine"]),
        ("Mine, Other", [], ["Mine", "Other"]),
        ("ToyFFNN", ["model=Mine"], ["Mine"]),
        ("ToyFFNN", ["model=Mine,Other"], ["Mine", "Other"]),
    ],
)
def test_a_key_of_what_a_sweep_chooses_can_be_set(project, sweep, models, chosen, ids):
    _sweep_over(project, models)
    found = sweep(*chosen, "model.width=3").values("model")
    assert [(model["id"], model["width"]) for model in found] == [(name, 3) for name in ids]


def test_a_misspelt_key_of_what_a_sweep_chooses_is_refused(project, sweep):
    _sweep_over(project, "Mine")
    with pytest.raises(ConfigError, match=r"model.widht is no key .* did you mean 'width'"):
        sweep("model.widht=3")


def test_several_values_on_the_command_line_are_swept_over(sweep):
    assert sweep("seed=1,2", "+batch_size=8,16").values("batch_size") == [8, 16, 8, 16]


def test_the_main_configuration_and_the_folder_are_taken_out_of_the_arguments():
    split = split_arguments(["a=1", "-cn", "x", "--config-name=y", "-c", "job", "+b=2"])
    assert split.config_name == "y"
    assert split.config_dir is None
    assert split.rest == ["a=1", "--config-name", "x", "--config-name", "y", "-c", "job", "+b=2"]


@given(st.permutations([("seed=1",), ("-cn", "digits"), ("~plotting",), ("-c", "job"), ("+b=2",)]))
def test_overrides_may_stand_on_both_sides_of_a_flag(order):
    arguments = [argument for group in order for argument in group]
    normalized = split_arguments(arguments).normalized("config", [])
    parsed, unknown = get_args_parser().parse_known_args(normalized)
    assert unknown == []
    assert parsed.overrides == [a for a in arguments if a in ("seed=1", "~plotting", "+b=2")]
    assert (parsed.config_name, parsed.cfg) == ("digits", "job")


def test_the_keys_that_need_no_plus_are_those_of_the_schema():
    with_options = [each.name for each in ATTRIBUTE_KEYS if each.section is not None]
    assert set(OPTIONAL_KEYS) == {*LISTS, *with_options, *LOADER_KEYS}
