"""Whatever projects of 0.10 may name is here, or listed with a reason."""

import fnmatch
import inspect

import pytest

import autrainer
from autrainer.config.locate import locate
from autrainer.core import constants
from autrainer.datasets.toy_dataset import ToyDatasetWrapper
from autrainer.errors import ConfigError
from tests.conftest import CONF, REPOSITORY
from tests.spec.addresses import CONFIGS, CONSTANTS, MEMBERS, NAMES, TRAINER
from tests.spec.callables import CALLABLES
from tests.spec.gaps import DIFFERENT, MISSING
from tests.spec.models import MODELS
from tests.training.conftest import trained

GAPS = [pattern for patterns in MISSING.values() for pattern in patterns]
CONFIG_NAMES = [
    f"{group}/{name}" for group, names in {**CONFIGS, "model": MODELS}.items() for name in names
]
KINDS = inspect.Parameter


def is_gap(name):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in GAPS)


def is_there(name):
    if "/" in name:
        return (CONF / f"{name.strip('/')}.yaml").is_file()
    try:
        locate(name)
    except ConfigError:
        return False
    return True


HERE = [name for name in CALLABLES if not is_gap(name)]
EVERYTHING = [*CALLABLES, *NAMES, *MEMBERS, *CONFIG_NAMES]


@pytest.mark.slow
def test_what_is_missing_is_listed_and_nothing_else_is():
    missing = {name for name in EVERYTHING if not is_there(name)}
    listed = {name for name in EVERYTHING if is_gap(name)}
    assert missing == listed


def test_the_documentation_says_what_is_missing():
    text = (REPOSITORY / "docs" / "differences.md").read_text()
    assert [reason for reason in MISSING if f"| {reason} |" not in text] == []


def test_every_pattern_of_gaps_fits_one():
    assert [pattern for pattern in GAPS if not fnmatch.filter(EVERYTHING, pattern)] == []


def wanted(arguments):
    """Parameters of a signature that is given as text."""
    known = {"__builtins__": {}}
    return inspect.signature(eval(f"lambda {arguments}: None", known)).parameters.values()


@pytest.mark.parametrize("name", HERE)
def test_arguments_have_their_names_places_and_defaults(name):
    found = inspect.signature(locate(name)).parameters
    ours = list(found.values())
    takes_any = any(parameter.kind is KINDS.VAR_KEYWORD for parameter in ours)
    for place, theirs in enumerate(wanted(CALLABLES[name])):
        if theirs.kind is KINDS.VAR_KEYWORD:
            assert takes_any
            continue
        if theirs.kind is KINDS.KEYWORD_ONLY:
            if theirs.name not in found and takes_any:
                continue
            mine = found[theirs.name]
        else:
            mine = ours[place]
            assert mine.kind in (KINDS.POSITIONAL_ONLY, KINDS.POSITIONAL_OR_KEYWORD)
        if theirs.kind is not KINDS.POSITIONAL_ONLY:
            assert mine.name == theirs.name
        if theirs.default is not KINDS.empty and (name, theirs.name) not in DIFFERENT:
            assert mine.default == theirs.default


@pytest.mark.parametrize("name", HERE)
def test_arguments_of_our_own_may_be_left_out(name):
    theirs = len([p for p in wanted(CALLABLES[name]) if p.kind is not KINDS.KEYWORD_ONLY])
    more = list(inspect.signature(locate(name)).parameters.values())[theirs:]
    variadic = (KINDS.VAR_KEYWORD, KINDS.VAR_POSITIONAL)
    named = {parameter.name for parameter in wanted(CALLABLES[name])}
    needed = [p.name for p in more if p.default is KINDS.empty and p.kind not in variadic]
    assert set(needed) <= named


@pytest.mark.parametrize("owner", [owner for owner in MEMBERS if not is_gap(owner)])
def test_classes_have_their_members(owner):
    found = locate(owner)
    assert [name for name in MEMBERS[owner] if not hasattr(found, name)] == []


def test_constants_have_their_values():
    values = {
        (owner, name): getattr(getattr(constants, owner)(), name) for owner, name in CONSTANTS
    }
    ignored = values["ExportConstants", "IGNORE_PARAMS"]
    ours = ignored[len(CONSTANTS["ExportConstants", "IGNORE_PARAMS"]) :]
    assert all(key.startswith(("outputs_", "resume", "keep_")) for key in ours)
    values["ExportConstants", "IGNORE_PARAMS"] = ignored[: -len(ours) or None]
    assert values == CONSTANTS


def test_containers_of_a_configuration_are_converted_by_the_known_names():
    names = {member.name: member.value for member in autrainer.HydraConvertEnum}
    assert names == {"NONE": "none", "PARTIAL": "partial", "OBJECT": "object", "ALL": "all"}


def test_a_trainer_has_the_attributes_that_code_of_users_reads(tmp_path):
    trainer = trained(tmp_path, "training_type=step", "scheduler=StepLR")
    missing = {("trainer", name) for name in TRAINER if not hasattr(trainer, name)}
    assert missing == {gap for gap in DIFFERENT if gap[0] == "trainer"}
    assert isinstance(trainer.data.train_dataset, ToyDatasetWrapper)
