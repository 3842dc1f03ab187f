"""Objects from configurations, and what is said when that fails."""

import copy
import logging

import pytest
from omegaconf import DictConfig, ListConfig, OmegaConf

from autrainer import HydraConvertEnum, instantiate, instantiate_shorthand
from autrainer.config.locate import locate
from autrainer.config.schema.classes import check_target
from autrainer.config.schema.targets import Target
from autrainer.config.shorthand import split_shorthand
from autrainer.errors import ConfigError
from tests.config.shapes import Broken, Circle, Holder, Open, Shape, WrongCall, make_circle

HERE = "tests.config.shapes"


def kwargs_of(config, **kwargs):
    return instantiate(config, **kwargs).kwargs


@pytest.mark.parametrize("wrap", [dict, OmegaConf.create])
def test_a_class_is_called_with_what_the_configuration_holds(wrap):
    config = wrap({"_target_": f"{HERE}.Circle", "id": "C", "radius": 2})
    built = instantiate(config, instance_of=Shape)
    assert isinstance(built, Circle)
    assert built.kwargs == {"radius": 2, "name": "circle", "colour": None}


def test_the_configuration_is_left_as_it_is():
    config = {"_target_": f"{HERE}.Open", "id": "O", "deep": {"list": [1, {"a": 2}]}}
    before = copy.deepcopy(config)
    built = instantiate(config)
    built.kwargs["deep"]["list"][1]["a"] = 3
    assert config == before


def test_arguments_of_the_call_win_and_reach_the_class_as_they_are():
    value = Holder(object())
    config = {"_target_": f"{HERE}.Open", "a": 1, "b": 2}
    assert kwargs_of(config, b=value) == {"a": 1, "b": value}


def test_interpolations_are_resolved():
    config = OmegaConf.create(
        {"seed": 7, "part": {"_target_": f"{HERE}.Open", "seed": "${seed}", "own": ["${..seed}"]}}
    )
    assert kwargs_of(config.part) == {"seed": 7, "own": [7]}
    assert kwargs_of({"_target_": f"{HERE}.Open", "a": 1, "b": "${a}"}) == {"a": 1, "b": 1}


def test_nested_containers_are_plain():
    config = OmegaConf.create({"_target_": f"{HERE}.Open", "a": {"b": [1]}})
    assert type(kwargs_of(config)["a"]) is dict
    assert type(kwargs_of(config)["a"]["b"]) is list


def test_nested_targets_are_left_alone_unless_asked_for():
    inner = {"_target_": f"{HERE}.Circle", "radius": 1}
    config = {"_target_": f"{HERE}.Open", "inner": inner}
    assert kwargs_of(config)["inner"] == inner
    assert isinstance(kwargs_of(config, recursive=True)["inner"], Circle)
    assert isinstance(kwargs_of({**config, "_recursive_": True})["inner"], Circle)
    assert kwargs_of({**config, "_recursive_": False}, recursive=True)["inner"] == inner


def test_what_containers_become_can_be_chosen():
    config = {"_target_": f"{HERE}.Open", "a": {"b": [1]}}
    assert isinstance(kwargs_of(config, convert=HydraConvertEnum.NONE)["a"], DictConfig)
    assert isinstance(kwargs_of(config, convert="none")["a"]["b"], ListConfig)
    assert type(kwargs_of({**config, "_convert_": "all"}, convert="none")["a"]) is dict


def test_partial_and_positional_arguments_work_as_in_hydra():
    later = instantiate({"_target_": f"{HERE}.Circle", "_partial_": True, "name": "x"})
    assert later(radius=3).kwargs["radius"] == 3
    assert kwargs_of({"_target_": f"{HERE}.Circle", "_args_": [4]})["radius"] == 4


def test_a_function_may_be_a_target():
    assert isinstance(instantiate({"_target_": f"{HERE}.make_circle", "radius": 1}), Circle)


def test_the_target_none_gives_none():
    assert instantiate({"id": "None", "_target_": "None"}, instance_of=Shape) is None


@pytest.mark.parametrize("config", [{}, {"_target_": None}, {"_target_": ""}, {"id": "X"}])
def test_a_missing_target_is_an_error(config):
    with pytest.raises(ValueError, match="_target_ is missing"):
        instantiate(config)


def test_another_class_than_expected_is_an_error():
    with pytest.raises(ConfigError, match=r"shapes.Holder makes a Holder; a .*shapes.Shape is"):
        instantiate({"_target_": f"{HERE}.Holder", "inner": 1}, instance_of=Shape)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (f"{HERE}.Circel", "has no 'Circel'; did you mean 'Circle'"),
        ("tests.config.shape.Circle", "tests.config has no 'shape'"),
        ("nowhere.to.be.found", "ModuleNotFoundError: No module named 'nowhere'"),
        ("Circle", "is no import path"),
        ("tests..Circle", "is no import path"),
        (f"{HERE}.Circle.make", "the class Circle has no 'make'"),
    ],
)
def test_a_target_that_does_not_import_is_told_with_its_near_matches(path, message):
    with pytest.raises(ConfigError, match=message):
        instantiate({"_target_": path})


@pytest.mark.parametrize("line", ["import nowhere_at_all", "raise RuntimeError('sick')"])
def test_an_error_inside_a_module_is_not_hidden(tmp_path, monkeypatch, line):
    (tmp_path / "sick_module.py").write_text(line)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(
        ConfigError, match=r"sick_module.Thing cannot be imported: .*'?(nowhere|sick)"
    ):
        locate("sick_module.Thing")


def test_an_error_inside_a_constructor_stays_what_it_is():
    with pytest.raises(KeyError, match="inside"):
        instantiate({"_target_": f"{HERE}.Broken"})
    with pytest.raises(TypeError, match="has no len"):
        instantiate({"_target_": f"{HERE}.WrongCall"})


@pytest.mark.parametrize("path", ["os.system", "builtins.eval", "subprocess.Popen", "yaml.load"])
def test_what_hydra_blocks_is_blocked(path):
    with pytest.raises(ConfigError, match="blocklisted"):
        instantiate({"_target_": path, "args": ["true"]})


def test_a_wrong_argument_is_told_with_its_near_match():
    with pytest.raises(ConfigError, match=r"Circle.radios is no argument of .*'radius'"):
        instantiate({"_target_": f"{HERE}.Circle", "radios": 2})


@pytest.mark.parametrize(
    ("shorthand", "expected"),
    [
        (f"{HERE}.Open", {}),
        ({f"{HERE}.Open": None}, {}),
        ({f"{HERE}.Open": {"a": 1}}, {"a": 1}),
        (OmegaConf.create({f"{HERE}.Open": {"a": [1]}}), {"a": [1]}),
    ],
)
def test_a_shorthand_is_a_path_with_or_without_arguments(shorthand, expected):
    assert instantiate_shorthand(shorthand, instance_of=Shape).kwargs == expected


def test_a_shorthand_without_indentation_is_understood_with_a_warning(caplog):
    with caplog.at_level(logging.WARNING):
        built = instantiate_shorthand({f"{HERE}.Open": None, "alpha": 1})
    assert built.kwargs == {"alpha": 1}
    assert "side by side" in caplog.text


@pytest.mark.parametrize("empty", [None, "", {}, [], 3])
def test_an_empty_shorthand_is_an_error(empty):
    with pytest.raises(ConfigError, match="use an import path"):
        instantiate_shorthand(empty)


def lines(config, expected=Shape, *, consumed=(), **options):
    target = Target.of_group("model", config, consumed)
    return [problem.line() for problem in check_target(target, expected, **options)]


def test_a_class_that_does_not_take_what_a_run_gives_is_told():
    config = {"_target_": f"{HERE}.Circle", "radius": 1}
    (line,) = lines(config, injected=["output_dim"])
    assert line.endswith(".Circle; its constructor has to take output_dim, which the run gives")


def test_a_good_target_has_no_problem():
    config = {"id": "C", "_target_": f"{HERE}.Circle", "name": "x", "transform": {}}
    assert lines(config, injected=["radius"], consumed=["transform"]) == []
    assert lines({"_target_": f"{HERE}.Open", "anything": 1}) == []
    shorthand = Target.of_shorthand("model", {f"{HERE}.Circle": {"radius": 1}})
    assert check_target(shorthand, Shape) == []
    assert lines({"_target_": "None"}, none_allowed=True) == []
    assert lines({"_target_": f"{HERE}.make_circle", "radius": 1}) == []


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "model._target_ cannot be used; it is missing"),
        ({"_target_": f"{HERE}.Circel"}, "did you mean 'Circle'"),
        ({"_target_": f"{HERE}.Holder", "inner": 1}, "has to be a subclass of tests.config.shapes"),
        ({"_target_": f"{HERE}.NUMBER"}, "which is a int; name a class"),
        ({"_target_": f"{HERE}.Circle"}, "model.radius is missing"),
        ({"_target_": f"{HERE}.Circle", "radius": 1, "color": 1}, "did you mean 'colour'"),
        ({"_target_": f"{HERE}.Circle", "radius": 1, "xyz": 1}, "it takes radius, name, colour"),
        ({"_target_": f"{HERE}.Unfinished"}, "the class has to define area"),
        ("text", "no mapping with _target_"),
    ],
)
def test_a_bad_target_is_told(config, message):
    [line] = lines(config)
    assert message in line


def test_classes_of_the_tests_are_what_they_claim():
    assert {Broken, Open, WrongCall} <= set(Shape.__subclasses__())
    assert isinstance(make_circle(1), Circle)


@pytest.mark.parametrize("value", ["${nowhere}", "${oc.env:NOWHERE_AT_ALL}", "${"])
def test_an_interpolation_that_leads_nowhere_is_told_with_its_key(value):
    with pytest.raises(ConfigError, match=r"^radius cannot be resolved: "):
        instantiate({"_target_": f"{HERE}.Circle", "radius": value})


def test_a_shorthand_that_names_no_class_is_an_error():
    with pytest.raises(ConfigError, match=r"loggers\[0\] is \{1: 2\}; use an import path"):
        split_shorthand({1: 2}, "loggers[0]")
