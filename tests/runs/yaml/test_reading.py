import ast
import os

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from autrainer.config.hydra.omegaconf_yaml import parse_config
from autrainer.errors import ConfigError, CorruptFileError
from autrainer.runs.yaml import reading
from autrainer.runs.yaml.reading import MOST_LEVELS, parse_yaml, read_mapping, read_yaml
from autrainer.runs.yaml.tags import loader
from tests.conftest import REPOSITORY


def nested(levels):
    return "[" * levels + "]" * levels


NUMBER = "!!python/object/apply:numpy._core.multiarray.scalar"

WRONG = {
    "a: 1\nb: [1\n": "line 3, column 1",
    "a: 1\nb: !!python/name:os.system\n": "line 2, column 4",
    "a: 1\nb:\n- 2020-99-99\n": "line 3, column 3: month must be in 1..12",
    f"a: 1\n\nb: {NUMBER} [1, 2]\n": "line 3, column 4: .* describe no number",
    "a: 1\n? [1]\n: 2\n? {}\n: 3": "line 2, column 3: found unhashable key",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_told_with_its_line(tmp_path, text):
    path = tmp_path / "status.yaml"
    path.write_text(text)
    with pytest.raises(CorruptFileError, match=rf"status\.yaml, {WRONG[text]}"):
        read_yaml(path)
    assert read_mapping(path) == {}


@pytest.mark.parametrize("text", [nested(MOST_LEVELS + 1), nested(900), "&a [*a]", "&a {b: *a}"])
def test_what_is_nested_without_end_is_refused(tmp_path, text):
    (tmp_path / "deep.yaml").write_text(text)
    with pytest.raises(CorruptFileError, match=r"deep\.yaml: no plain YAML: .* deep"):
        read_yaml(tmp_path / "deep.yaml")
    with pytest.raises(ConfigError, match=r"deep\.yaml: no plain YAML: .* deep"):
        parse_config(text, "deep.yaml")


def test_a_million_brackets_end_no_process():
    with pytest.raises(CorruptFileError, match="brackets"):
        parse_yaml(nested(10**6), "brackets", loader())


def test_what_is_nested_as_much_as_may_be_is_read():
    value = parse_yaml(nested(MOST_LEVELS - 1), "x", loader())
    levels = 0
    while value:
        (value,), levels = value, levels + 1
    assert levels == MOST_LEVELS - 2


def test_aliases_that_unfold_to_too_much_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MOST_VALUES", 10_000)
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    (tmp_path / "bomb.yaml").write_text("\n".join(lines))
    with pytest.raises(
        CorruptFileError, match=r"bomb\.yaml: no plain YAML: it has over 10000 value"
    ):
        read_yaml(tmp_path / "bomb.yaml")


def test_a_file_that_is_too_large_is_not_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MOST_BYTES", 1000)
    with (tmp_path / "large.yaml").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(CorruptFileError, match=r"large\.yaml is no YAML file of ours"):
        read_yaml(tmp_path / "large.yaml")


@pytest.mark.parametrize("content", ["", "[1, 2]", "text", "a: [", None])
def test_a_mapping_that_cannot_be_had_is_empty(tmp_path, content):
    if content is not None:
        (tmp_path / "x.yaml").write_text(content)
    assert read_mapping(tmp_path / "x.yaml") == {}


def test_pipes_and_folders_in_the_place_of_a_file_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    for name, kind in (("pipe.yaml", "a pipe"), (".", "a folder")):
        with pytest.raises(CorruptFileError, match=f"expected a file, found {kind}"):
            read_yaml(tmp_path / name)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(plain)
def test_what_pyyaml_writes_is_read_as_pyyaml_reads_it(value):
    text = yaml.safe_dump(value)
    assert parse_yaml(text, "x", loader()) == yaml.safe_load(text) == value


PARTS = (
    *("a: 1", "b: [1, 2.5, yes, ~, 'x', 2020-01-01]", "c: {d: [{e: f}]}", "<<: {g: 1}", "1: h"),
    *("i: !!str 5", "j: !!int x", "k: &k [1]", "l: *k", "m: {m: 1, m: 2}", "? [1]\n: 2", "n: 0x1f"),
    *("o: !!python/tuple [1, 2]", "p: .inf", "q: !!binary aGk=", "r: !!set {s, t}", "u: 1_000"),
)


@given(st.lists(st.sampled_from(PARTS), max_size=5))
def test_what_is_read_quickly_is_what_the_loader_constructs_by_itself(parts):
    text = "\n".join(parts)
    quick, thorough = (loaded(text, each) for each in (loader(), Thorough))
    assert quick == thorough
    assert repr(quick) == repr(thorough)


class Thorough(loader()):
    """The same loader, node by node as PyYAML has it."""

    def get_single_data(self):
        node = self.get_single_node()
        return None if node is None else self.construct_document(node)


def loaded(text, kind):
    try:
        return parse_yaml(text, "x", kind)
    except CorruptFileError as error:
        return str(error)


def test_no_other_module_loads_yaml():
    package = REPOSITORY / "python" / "autrainer"
    loads = {"load", "safe_load", "full_load", "load_all", "safe_load_all", "get_single_data"}
    found = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr in loads
        and ast.unparse(node.value) in ("yaml", "reader", "loader", "OmegaConf")
    }
    assert found == {"runs/yaml/reading.py"}
