"""Our YAML reader reads what OmegaConf's own does."""

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from autrainer.config.hydra.omegaconf_yaml import parse_config
from autrainer.errors import ConfigError
from autrainer.runs.yaml.writing import yaml_text

SCALARS = [
    "1e-3",
    "1_000",
    "0.5",
    ".5",
    "yes",
    "on",
    "null",
    "~",
    "2020-01-01",
    "1:30",
    "'1'",
    "0x1f",
]


@pytest.mark.parametrize("scalar", SCALARS)
def test_scalars_are_read_as_omegaconf_reads_them(scalar, tmp_path):
    text = f"key: {scalar}\nlist: [{scalar}]\n"
    path = tmp_path / "a.yaml"
    path.write_text(text)
    theirs = OmegaConf.to_container(OmegaConf.load(path))
    assert parse_config(text, "a.yaml") == theirs
    assert type(parse_config(text, "a.yaml")["key"]) is type(theirs["key"])


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


numbers = st.from_regex(r"[-+]?[0-9_.]*[eE]?[-+]?[0-9_]*", fullmatch=True)


@given(plain | numbers | st.dictionaries(numbers, numbers, max_size=3))
@example({"1e5": ["0E0", "1_0e1", ".5e3", "-1.5E+2", "1e5"]})
def test_what_is_written_is_read_back_by_every_reader(value):
    text = yaml_text(value)
    assert parse_config(text, "x") == value
    assert yaml.safe_load(text) == value


def test_a_key_that_stands_twice_is_an_error_with_its_place():
    with pytest.raises(
        ConfigError, match=r"^file\.yaml, line 2, column 1: .*'a' stands here twice"
    ):
        parse_config("a: 1\na: 2\n", "file.yaml")


@pytest.mark.parametrize("text", ["a: [1\nb: }\n", "a: \x00", "a: !!python/object:x.Y {}"])
def test_what_is_no_yaml_is_an_error_that_names_the_file(text):
    with pytest.raises(ConfigError, match=r"^file\.yaml"):
        parse_config(text, "file.yaml")
