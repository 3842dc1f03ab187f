"""What is read off a composed configuration is what OmegaConf says of it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from autrainer.config.hydra.compose import SweepHooks
from autrainer.config.hydra.sweep_points import Point
from autrainer.errors import ConfigError

PIECES = ["${a}", "${b}", "${c.d}", "${oc.env:HOME}", "${a", "\\", "$", "{", "}", "/", "x", "???"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=4).map("".join)
VALUES = st.one_of(TEXTS, st.integers(), st.booleans(), st.none(), st.just({"d": 1}))


def read(values, folder):
    about = {"job": {"id": 0, "num": 0, "config_name": "config"}, "overrides": {"task": []}}
    sweep = {"dir": folder, "subdir": "${autrainer.run_name:}"}
    node = {**about, "runtime": {"choices": {}}, "sweep": sweep}
    return OmegaConf.create({**values, "hydra": node})


@given(VALUES, VALUES, TEXTS)
def test_values_and_folders_are_those_of_omegaconf(a, b, folder):
    named = {"dataset": {"id": "D"}, "model": {"id": "M"}, "optimizer": {"id": "O"}}
    numbers = {"learning_rate": 0.1, "batch_size": 1, "training_type": "epoch", "iterations": 1}
    others = {"scheduler": {"id": "S"}, "augmentation": {"id": "A"}, "seed": 1}
    try:
        composed = read({"a": a, "b": b, "c": {"d": "e"}, **named, **numbers, **others}, folder)
        expected = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except Exception:
        # Nothing can be compared; what is wrong is told by others.
        return
    point = Point.read([], composed, 0, SweepHooks())
    assert dict(point.config) == {key: v for key, v in expected.items() if key != "hydra"}
    sweep = expected["hydra"]["sweep"]
    assert point.directory == Path(str(sweep["dir"]), str(sweep["subdir"]))


@pytest.mark.parametrize("values", [{}, {"dataset": "???"}])
def test_a_run_whose_name_lacks_a_value_is_no_run(values):
    with pytest.raises(ConfigError, match="is missing, and run folders"):
        Point.read([], read(values, "results"), 0, SweepHooks())
