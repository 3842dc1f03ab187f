"""What is listed and shown of classes is what Python finds when it imports them."""

import importlib
import inspect
import re

import pytest
import yaml

from autrainer.cli.class_help import describe_class, yaml_of
from autrainer.cli.main import run
from autrainer.config.catalogue import classes_of, find_class, hooks
from autrainer.config.kinds import CALLBACKS, CLASSES, KINDS, chosen_kind
from autrainer.config.locate import locate
from autrainer.config.schema.required_arguments import Needed

ALL = [(kind, name) for kind in KINDS for name in classes_of(kind)]
each_class = pytest.mark.parametrize(
    ("kind", "name"), ALL, ids=[f"{kind.name}-{name}" for kind, name in ALL]
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_no_class_is_missing(kind):
    module = importlib.import_module(kind.package)
    names = getattr(module, "__all__", None) or vars(module)
    classes = {name: value for name in names if inspect.isclass(value := getattr(module, name))}
    if kind.base is not None:
        bases = {cls for value in classes.values() for cls in value.__mro__}
        (base,) = (cls for cls in bases if cls.__name__ == kind.base)
        classes = {name: value for name, value in classes.items() if issubclass(value, base)}
    expected = classes.keys() - {kind.base, *kind.hidden}
    assert set(classes_of(kind)) == expected
    assert expected


@each_class
def test_arguments_are_those_of_the_constructor(kind, name):
    _, source = find_class(name)
    parameters = inspect.signature(getattr(importlib.import_module(kind.package), name)).parameters
    named = {
        key: value
        for key, value in parameters.items()
        if value.kind not in (value.VAR_POSITIONAL, value.VAR_KEYWORD)
    }
    shown = {argument.name: argument for argument in source.arguments()}
    # Those of torch's classes are torch's.
    if source.arguments() or kind.name != "criterions":
        assert shown.keys() == named.keys()
    for key, argument in shown.items():
        default = named[key].default
        is_needed = default is inspect.Parameter.empty or isinstance(default, Needed)
        assert (argument.default is None) == is_needed
        if not is_needed:
            assert yaml.safe_load(yaml_of(argument.default)) == plain(default)


def plain(value):
    return list(value) if isinstance(value, tuple) else value


@each_class
def test_every_class_and_argument_is_described(kind, name):
    _, source = find_class(name)
    assert source.summary.endswith((".", ")"))
    assert [argument.name for argument in source.arguments() if not argument.about] == []


@each_class
def test_what_is_to_be_written_is_yaml_that_names_the_class(kind, name):
    described = describe_class(*find_class(name))
    path = f"{kind.package}.{name}"
    assert described.startswith(f"{path}\n")
    assert locate(path).__name__ == name
    if kind.name == "target-transforms":
        return
    _, text = re.split(r"\n\nIn .*:\n\n", described)
    assert path in yaml.dump(yaml.safe_load(text.replace("???", "'???'")))


def test_kinds_have_names_in_singular_and_plural():
    assert [chosen_kind(name) for name in ("metric", "metrics")] == ["metrics"] * 2
    assert [chosen_kind(name) for name in ("class", "classes")] == [CLASSES] * 2
    assert chosen_kind("callback") == CALLBACKS
    assert chosen_kind("scheduler") is None


def test_a_list_has_a_line_about_each_class(capsys):
    assert run(["list", "transforms"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Transforms, autrainer.transforms.NAME:"
    (line,) = (line for line in lines if line.startswith(" - Standardizer "))
    assert line.endswith(
        "  Features with mean 0 and standard deviation 1 in each channel, as measured on one split."
    )
    assert lines[-1] == "autrainer show NAME prints what one takes and the YAML to write"


def test_all_classes_can_be_listed_and_a_pattern_chooses(capsys):
    assert run(["list", "classes"]) == 0
    listed = capsys.readouterr().out
    assert all(f" - {name} " in listed for name in [*hooks(), *(name for _, name in ALL)])
    assert run(["list", "metric", "-p", "ML*"]) == 0
    listed = capsys.readouterr().out
    assert " - MLAccuracy " in listed
    assert "UAR" not in listed
    assert run(["list", "metrics", "-p", "Z*"]) == 0
    assert capsys.readouterr().out == "No metrics match 'Z*'.\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "Standardizer"],
        ["show", "transform", "Standardizer"],
        ["show", "transforms", "Standardizer"],
        ["show", "autrainer.transforms.Standardizer"],
    ],
)
def test_a_class_is_shown_with_arguments_and_what_to_write(arguments, capsys):
    assert run(arguments) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("autrainer.transforms.Standardizer\n\nFeatures with mean 0")
    assert "\n  subset (str; default train): `train`, `dev` or `test`.\n" in shown
    assert "      base:  # of all splits; train, dev and test are of one\n" in shown
    assert "        - autrainer.transforms.Standardizer\n" in shown


def test_a_hook_is_shown_with_a_callback_that_has_it(capsys):
    assert run(["show", "cb_on_dev_end"]) == 0
    shown = capsys.readouterr().out
    assert "    def cb_on_dev_end(self, trainer, iteration, dev_results):\n" in shown
    assert "dev_results (dict[str, float]; given by the run): Dev metrics" in shown


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["show", "Standardiser"], 1, "no class 'Standardiser' in autrainer; did you mean 'Standa"),
        (["show", "Xyz"], 1, "autrainer list classes prints all of them"),
        (["show", "metric"], 2, "name one of them; autrainer list metrics prints all"),
        (["show", "dataset"], 2, "; autrainer list dataset prints all "),
        (["show", "plotting"], 2, "name a plotting configuration, such as Default, None"),
        (["show", "Standardizer", "-s"], 2, "-s copies configurations"),
        (["show", "metrix", "UAR"], 2, "unknown directory 'metrix'; did you mean 'metrics'"),
        (["list", "metrix"], 2, "unknown directory 'metrix'; did you mean 'metrics'"),
        (["list", "metrics", "-l"], 2, "-l lists configurations"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(arguments, code, message, capsys):
    assert run(arguments) == code
    assert message in capsys.readouterr().err
