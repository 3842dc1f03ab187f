"""Patterns name parameters, or an error tells what there is."""

import pytest

from autrainer.config.parameter_patterns import check_patterns, fits
from autrainer.errors import ConfigError

NAMES = ["backbone.layers.0.weight", "backbone.layers.10.bias", "out.weight"]


@pytest.mark.parametrize(
    ("pattern", "fitting"),
    [
        ("backbone", NAMES[:2]),
        ("backbone.layers.1", []),
        ("backbone.layers.[0-5].*", NAMES[:1]),
        ("*.weight", [NAMES[0], NAMES[2]]),
        ("out.weight", [NAMES[2]]),
        ("ou", []),
    ],
)
def test_a_pattern_fits_modules_and_parameters(pattern, fitting):
    assert [name for name in NAMES if fits(name, pattern)] == fitting


def test_a_pattern_that_fits_nothing_is_told_with_the_near_one():
    check_patterns("model.freeze", ["backbone", "*.weight"], NAMES)
    with pytest.raises(ConfigError, match=r"model.freeze has 'backbon', .*did you mean 'backbone'"):
        check_patterns("model.freeze", ["backbone", "backbon"], NAMES)
    with pytest.raises(ConfigError, match="fits no parameter of the model; it has backbone, out"):
        check_patterns("model.freeze", ["xyz.*"], NAMES)
