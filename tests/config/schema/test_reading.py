"""How sections declare their keys, and how these are read."""

from dataclasses import FrozenInstanceError, dataclass

import pytest
import yaml

from autrainer.config.identity import differences
from autrainer.config.schema.kinds import count, flag, text
from autrainer.config.schema.reading import Reader, key, keys_of, options, required
from autrainer.config.schema.run import ATTRIBUTE_KEYS
from tests.conftest import CONF


@dataclass(frozen=True)
class Inner:
    size: int = required(count, fix="say how large")
    name: str = key(text, "x")


@dataclass(frozen=True)
class Outer:
    steps: int = required(count)
    quiet: bool = key(flag, False)
    inner: Inner | None = options(Inner, makes_run=False)


def read(plain):
    reader = Reader(plain)
    return reader.section(Outer), [problem.line() for problem in reader.problems]


def test_a_section_is_what_its_keys_say_and_their_defaults():
    assert read({"steps": 3, "of_others": 1}) == (Outer(3), [])
    given = {"steps": 3, "quiet": True, "inner": {"size": 2, "name": None}}
    assert read(given) == (Outer(3, True, Inner(2)), [])
    assert read({"steps": 3, "quiet": "???", "inner": None}) == (Outer(3), [])


def test_a_section_cannot_be_changed():
    section, _ = read({"steps": 3})
    with pytest.raises(FrozenInstanceError):
        section.steps = 4


@pytest.mark.parametrize(
    ("plain", "lines"),
    [
        ({}, ["steps is missing; use an integer of at least 1"]),
        ({"steps": None}, ["steps is missing; use an integer of at least 1"]),
        ({"steps": 1, "quiet": None}, ["quiet is None; use true or false"]),
        ({"steps": 1, "inner": 5}, ["inner is 5; use a mapping with size, and possibly name"]),
        ({"steps": 1, "inner": {"size": None}}, ["inner.size is missing; say how large"]),
        (
            {"steps": 0, "inner": {"size": "???", "nam": 1}},
            [
                "steps is 0; use an integer of at least 1",
                "inner.nam is no option of inner; did you mean 'name'?",
                "inner.size is '???'; use an integer of at least 1",
            ],
        ),
    ],
)
def test_everything_that_is_wrong_with_a_section_is_noted(plain, lines):
    assert read(plain)[1] == lines


def test_what_is_declared_of_a_key_can_be_asked():
    declared = {each.name: each for each in keys_of(Outer)}
    assert list(declared) == ["steps", "quiet", "inner"]
    assert [each.is_required for each in declared.values()] == [True, False, False]
    assert [each.makes_run for each in declared.values()] == [True, True, False]
    assert declared["inner"].section is Inner


def test_the_keys_of_the_main_configurations_are_those_that_sections_declare():
    files = [
        yaml.safe_load((CONF / name).read_text()) for name in ("_autrainer_.yaml", "config.yaml")
    ]
    written = {name for file in files for name in file} - {"defaults", "hydra"}
    assert {each.name for each in ATTRIBUTE_KEYS} == written


@pytest.mark.parametrize("each", ATTRIBUTE_KEYS, ids=lambda each: each.name)
def test_runs_that_differ_in_a_key_are_others_if_its_section_says_so(each):
    run = {"dataset": {"id": "D"}, "iterations": 1}
    found = [name for name, _, _ in differences(run, {**run, each.name: "another"})]
    assert found == [each.name] * each.makes_run


@pytest.mark.parametrize("each", ATTRIBUTE_KEYS, ids=lambda each: each.name)
def test_a_run_that_lacks_a_key_is_that_with_its_default(each):
    run = {"dataset": {"id": "D"}, "iterations": 1}
    other = {**run, **({} if each.is_required else {each.name: each.default})}
    assert differences(run, other) == []
