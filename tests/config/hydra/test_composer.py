"""What is composed from what has been composed before is what Hydra composes."""

from contextlib import contextmanager
from functools import cache
from unittest import mock

import pytest
from hydra.errors import HydraException
from hydra.types import RunMode
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, ListConfig, OmegaConf

from autrainer.config.hydra.composer import Composer, NotComposedError
from autrainer.config.hydra.internals import application
from autrainer.config.hydra.snapshot import frozen
from tests.conftest import CONF

GROUPS = ("dataset", "model", "optimizer", "scheduler", "augmentation", "plotting")
NEEDED = ["+seed=1", "+batch_size=8", "+learning_rate=0.1"]


@contextmanager
def composer(*overrides, main="config", folder=None):
    def task():
        """Never called."""

    task.__module__ = "autrainer.cli.commands.task"
    with frozen(folder), application(task, None) as app:
        composed = app.compose_config(main, list(overrides), RunMode.MULTIRUN)
        yield Composer(app.config_loader, composed), app.config_loader, composed


def counted(loader, name):
    return mock.patch.object(loader, name, wraps=getattr(loader, name))


def described(node):
    """All that there is to a configuration: values, order, types, flags, what may be assigned."""
    about = node._metadata
    kind = (type(node), about.ref_type, about.object_type, about.optional, about.flags)
    kind += (getattr(about, "element_type", None), getattr(about, "key_type", None), about.key)
    if isinstance(node, DictConfig) and isinstance(node._content, dict):
        assert all(each._get_parent() is node for each in node._content.values())
        return kind, [(key, described(each)) for key, each in node._content.items()]
    if isinstance(node, ListConfig) and isinstance(node._content, list):
        assert all(each._get_parent() is node for each in node._content)
        return kind, [described(each) for each in node._content]
    value = node._value()
    return kind, type(value), repr(value)


def by_hydra(loader, main, overrides):
    try:
        return described(loader.load_sweep_config(main, list(overrides)))
    except Exception as error:
        return type(error), str(error)


def by_us(ours, overrides):
    try:
        return described(ours.compose(overrides))
    except Exception as error:
        return type(error), str(error)


@cache
def options(group):
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


VALUES = st.one_of(
    st.sampled_from(
        [
            *("1", "0.1", "1e-3", "true", "null", "''", "nan", "-inf", "abc", "'1'", "[]", "{}"),
            *("[1,2,{a:3}]", "{a:1}", "{id:x,_target_:y}", "'${seed}'", "${seed}", "${nothing}"),
            *("'a=b'", "'{x'", '"it\'s"', "a b", "int('3')", "str(1.0)", "${.id}"),
            *("${oc.env:HOME}", "${hydra.job.name}"),
            *("1,2", "range(1,3)", "choice(a,b)", "???", "'???'", "ä", "\\,", "glob(*)", "hydra"),
        ]
    ),
    st.text("abc01.,=[]{}$:'\" \\", max_size=5),
    st.integers().map(str),
    st.floats().map(str),
)
KEYS = st.one_of(
    st.sampled_from(
        [
            *("seed", "batch_size", "iterations", "device", "keep_checkpoints", "early_stopping"),
            *("model.id", "model.hidden_size", "model.transform", "model.transform.type", "id"),
            *("dataset.metrics", "dataset.metrics[0]", "dataset.metrics.0", "dataset.criterion"),
            *("scheduler.id", "optimizer.lr", "optimizer", "callbacks", "mine.a.b", "model.new"),
            *("save_frequency", "save_frequency.x", "early_stopping.patience", "results_dir"),
            *("hydra", "hydra.job.name", "hydra.sweep.subdir", "hydra.job.env_set.A", "hydra.new"),
            *("hydra.searchpath", "hydra.overrides.task", "hydra.mode", "hydraulic"),
            *("hydra.job.override_dirname", "hydra.runtime.choices.model"),
            "hydra.job.config.override_dirname.kv_sep",
        ]
    ),
    st.sampled_from([*GROUPS, "hydra/job_logging", "hydra/launcher", "nothing", "preprocessing"]),
    st.sampled_from(["model@other", "optimizer@model.inner", "scheduler@_global_", "dataset@x.y"]),
)
CHOICES = st.sampled_from(GROUPS).flatmap(
    lambda group: st.sampled_from(options(group)).map(lambda name: f"{group}={name}")
)
PREFIXES = st.sampled_from(["", "", "", "+", "++", "~"])
HOSTILE = st.one_of(
    CHOICES,
    st.builds("{}{}={}".format, PREFIXES, KEYS, VALUES),
    KEYS.map("~{}".format),
    st.text(max_size=8),
)
SWEEPS = st.lists(st.lists(HOSTILE, max_size=4), min_size=1, max_size=2)
SUBDIR = "hydra.sweep.subdir=${seed}-${hydra.job.override_dirname}"
FIRST = st.sampled_from([[], [], ["hydra.job.name=x"], ["hydra/job_logging=none"], [SUBDIR]])


@pytest.mark.slow
@settings(max_examples=6)
@given(FIRST, SWEEPS, st.sampled_from(["config", "digits", "tones"]))
def test_every_combination_is_what_hydra_makes_of_it(first, combinations, main):
    with composer(*first, main=main) as (ours, loader, composed):
        for overrides in combinations:
            lines = [*NEEDED, *overrides]
            expected = by_hydra(loader, composed, lines)
            assert by_us(ours, lines) == expected
            # Again after another one: what is kept must not be what was made of it.
            by_us(ours, [*overrides, "+mine=2"])
            assert by_us(ours, lines) == expected


@pytest.mark.parametrize(
    "overrides",
    [
        [*NEEDED, "dataset=ToyImage-R", "model=Cnn10", "model.id=x", "++callbacks=[a]"],
        [*NEEDED, "~scheduler", "+mine={a:{b:[1]}}", "++mine.a.c=${seed}", "device='cuda:1'"],
        [*NEEDED, "hydra.job.name=x", "+hydra.job.env_set.A=b", "model.hidden_size=2"],
    ],
    ids=" ".join,
)
def test_combinations_are_not_left_to_hydra(overrides):
    with composer() as (ours, loader, composed):
        assert described(ours.recomposed(overrides)) == by_hydra(loader, composed, overrides)


def test_each_choice_of_groups_is_composed_once():
    name = "_compose_config_from_defaults_list"
    with composer() as (ours, loader, _), counted(loader, name) as compose:
        for seed in range(20):
            for model in ("ToyFFNN", "Cnn10"):
                ours.recomposed([f"+seed={seed}", f"model={model}"])
        assert compose.call_count == 2


@pytest.mark.parametrize("line", ["seed=1,2", "hydra.searchpath=[x]", "save_frequency.x=1"])
def test_what_is_not_known_to_be_the_same_is_left_to_hydra(line):
    with composer() as (ours, _, _), pytest.raises(NotComposedError):
        ours.recomposed([line])


def test_values_below_an_interpolation_reach_hydra_s_own_node_as_ever(project, tmp_path):
    project("conf/main.yaml", "defaults: [_autrainer_, _self_]\nalias: ${hydra.job}\n")
    lines = ["alias.override_dirname=x", "+seed=1"]
    with composer(main="main", folder=tmp_path / "conf") as (ours, loader, composed):
        assert by_us(ours, lines) == by_hydra(loader, composed, lines)


def test_errors_are_those_of_hydra():
    with composer() as (ours, _, _), pytest.raises(HydraException, match="Could not override 'x'"):
        ours.compose(["x=1"])


def test_a_changed_configuration_does_not_change_the_next_one():
    with composer() as (ours, _, _):
        first = ours.compose(["+seed=1", "+mine={a:[1]}"])
        OmegaConf.set_struct(first, False)
        first.mine.a.append(2)
        first.model.id = "other"
        second = ours.compose(["+seed=1", "+mine={a:[1]}"])
    assert (second.mine.a, second.model.id) == ([1], "ToyFFNN")
