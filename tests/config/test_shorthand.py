"""The shorthand syntax: one rule for everything that reads it."""

import pytest
from omegaconf import OmegaConf

from autrainer.config.schema.problems import Problem
from autrainer.config.shorthand import Entry, parse_shorthand, read_shorthand
from autrainer.errors import ConfigError

GOOD = [
    ("a.B", Entry("a.B", {})),
    ("a.B@tag", Entry("a.B@tag", {})),
    ({"a.B": {"x": 1}}, Entry("a.B", {"x": 1})),
    ({"a.B": {}}, Entry("a.B", {})),
    ({"a.B": None}, Entry("a.B", {}, is_null=True)),
    ({"a.B@tag": None}, Entry("a.B@tag", {}, is_null=True)),
    ({"a.B": None, "x": 1}, Entry("a.B", {"x": 1})),
    ({"a.B": {"y": 2}, "x": 1}, Entry("a.B", {"y": 2, "x": 1})),
    ({"a.B": None, "x": None}, Entry("a.B", {"x": None})),
]
BAD = [
    *(
        (empty, "is .*; use an import path, or a mapping")
        for empty in (None, "", {}, [], 3, ["a.B"])
    ),
    *((strange, "is .*; use an import path, or a mapping") for strange in ("@a", {"@a": None})),
    ({1: 2}, r"is \{1: 2\}; use an import path"),
    *(
        ({"a.B": wrong}, "gives a.B the arguments .*; use a mapping of names to values, or null")
        for wrong in (0, 1, False, "", "x", [], [1])
    ),
    ({"a.B": None, "c.D": None}, "names a.B and c.D at once; begin every entry .* with a dash"),
    ({"a.B": {"x": 1}, "c.D": {"x": 1}}, "names a.B and c.D at once; begin every entry"),
    ({"a.B": {1: 2}}, "gives a.B an argument called 1; use a mapping of names to values"),
]


@pytest.mark.parametrize(
    "wrap", [lambda config: config, lambda config: OmegaConf.create([config])[0]]
)
@pytest.mark.parametrize(("config", "entry"), GOOD)
def test_every_allowed_form_is_read(config, entry, wrap):
    assert read_shorthand(wrap(config)) == entry


@pytest.mark.parametrize(("config", "message"), BAD)
def test_every_other_form_is_refused_with_what_is_allowed(config, message):
    problem = parse_shorthand(config, "callbacks[0]")
    assert isinstance(problem, Problem)
    with pytest.raises(ConfigError, match=rf"^callbacks\[0\] {message}"):
        read_shorthand(config, "callbacks[0]")


def test_where_one_class_belongs_there_is_no_word_of_lists():
    with pytest.raises(ConfigError, match=r"^criterion names a.B and c.D at once; name one$"):
        read_shorthand({"a.B": None, "c.D": None}, "criterion")


def test_what_is_read_does_not_lead_back_to_the_configuration():
    config = {"a.B": {"x": [1]}}
    read_shorthand(config).arguments["x"].append(2)
    assert config == {"a.B": {"x": [1]}}
