"""Lists of transforms mean the same to the check and to what builds them."""

import pytest

from autrainer.config.schema.run import RunConfig
from autrainer.errors import ConfigError
from autrainer.training.checks.configuration import find_problems
from autrainer.transforms import TransformManager
from tests.training.any_config import plain
from tests.training.conftest import configured

EXPAND, ANY = "autrainer.transforms.Expand", "autrainer.transforms.AnyToTensor"
BOTH = [
    (ANY, ["AnyToTensor"]),
    ({ANY: {}}, ["AnyToTensor"]),
    ({f"{ANY}@tag": {}}, ["AnyToTensor"]),
    ({EXPAND: {"size": 3}}, ["Expand"]),
    ({EXPAND: None, "size": 3}, ["Expand"]),
]
MODEL = [*BOTH, ({ANY: None}, []), ({EXPAND: None}, []), ({f"{EXPAND}@tag": None}, [])]
DATASET = [*BOTH, ({ANY: None}, ["AnyToTensor"])]
GOOD = [
    *(("model", entry, built) for entry, built in MODEL),
    *(("dataset", entry, built) for entry, built in DATASET),
]
SHAPES = [
    None,
    {},
    [],
    3,
    "",
    "@tag",
    {1: 2},
    {ANY: 0},
    {ANY: []},
    {ANY: ""},
    {ANY: None, EXPAND: None},
]
ARGUMENTS = [{EXPAND: {"size": "x"}}, {EXPAND: {}}, EXPAND, f"{EXPAND}d", "torch.nn.ReLU"]
BAD = [
    *((owner, entry) for owner in ("model", "dataset") for entry in (*SHAPES, *ARGUMENTS)),
    ("dataset", {EXPAND: None}),
]


def transform(owner, entries):
    """The transforms of both sides, one of which has a list."""
    sides = {"model": {"type": "tabular"}, "dataset": {"type": "tabular"}}
    sides[owner]["base"] = entries
    return sides


def problems(sides):
    config = plain(configured())
    for owner, chosen in sides.items():
        config[owner]["transform"] = chosen
    return [problem.line() for problem in find_problems(RunConfig.read(config))]


def built(sides):
    train, *_ = TransformManager(sides["model"], sides["dataset"]).get_transforms()
    return [type(member).__name__ for member in train.transforms]


@pytest.mark.parametrize(("owner", "entry", "expected"), GOOD)
def test_what_the_check_accepts_is_built(owner, entry, expected):
    sides = transform(owner, [entry])
    assert problems(sides) == []
    assert built(sides) == expected


@pytest.mark.parametrize(("owner", "entry"), BAD)
def test_what_cannot_be_built_is_refused_by_the_check(owner, entry):
    sides = transform(owner, [entry])
    (line,) = problems(sides)
    assert line.startswith(f"{owner}.transform.base[0]")
    with pytest.raises(ConfigError):
        built(sides)


@pytest.mark.parametrize("owner", ["model", "dataset"])
@pytest.mark.parametrize("chosen", [None, [], {}, {"type": None}, {"type": "tabular", "trian": []}])
def test_what_is_no_transform_at_all_is_told_in_the_same_words(owner, chosen):
    sides = {**transform("model", []), owner: chosen}
    (line,) = problems(sides)
    with pytest.raises(ConfigError) as caught:
        built(sides)
    assert str(caught.value) == line


def test_an_entry_is_told_by_its_place_among_all_of_them():
    sides = transform("model", [{ANY: None}, ANY, {EXPAND: {"size": "x"}}])
    (line,) = problems(sides)
    assert line.startswith("model.transform.base[2].size is 'x'")


def test_all_that_is_wrong_is_told_at_once():
    sides = transform("model", [{ANY: 0}, {}])
    sides["dataset"]["train"] = "x.Y"
    assert len(problems(sides)) == 3


def test_a_misspelt_type_is_told_and_one_of_the_users_own_is_not():
    sides = {"model": {"type": "eeg"}, "dataset": {"type": "tabula"}}
    assert problems(sides) == ["dataset.transform.type is 'tabula'; did you mean 'tabular'?"]
