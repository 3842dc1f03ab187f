"""Many small mappings as text: what `yaml_text` makes of them, byte for byte."""

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from autrainer.errors import DataError
from autrainer.runs.yaml.nested import nested_text, write_nested
from autrainer.runs.yaml.writing import plain, yaml_text

texts = st.text(max_size=12) | st.sampled_from(
    ["0.00-1.00", "1e5", "yes", "null", "~", "a: b", "# no", "- x", "{}", "", " ", "b" * 200]
)
scalars = texts | st.integers(-(10**6), 10**6) | st.floats() | st.booleans() | st.none()
contents = st.dictionaries(
    texts,
    scalars | st.lists(texts, max_size=2) | st.dictionaries(texts, scalars, max_size=3),
    max_size=4,
)


@given(contents)
@example({})
@example({"a.wav": {}})
@example({"a.wav": "cat", "b.wav": {"0.00-1.00": "dog", "majority": "dog"}})
@example({"a.wav": {"0.00-1.00": 1, "1.00-2.00": True}})
@example({"a.wav": "1", "b.wav": 1})
@example({"a.wav": "a text of several words that is so long that it is folded at some column " * 2})
@example({"k" * 70: "two words"})
@example({"k" * 60: {"l" * 60: "some more than two words"}})
def test_the_text_is_that_of_all_other_files(content):
    assert nested_text(content) == yaml_text(plain(content))


@given(st.dictionaries(texts, st.dictionaries(texts, texts | st.integers(), min_size=1)))
def test_what_is_written_is_read_back(content):
    assert (yaml.safe_load(nested_text(content)) or {}) == content


def test_what_yaml_cannot_hold_is_refused_by_its_key(tmp_path):
    with pytest.raises(DataError, match=r"a\.wav is of type object"):
        write_nested(tmp_path / "results.yaml", {"a.wav": object()})
    write_nested(tmp_path / "results.yaml", {"a.wav": {"0.00-1.00": "dog"}})
    assert (tmp_path / "results.yaml").read_text() == "a.wav:\n  0.00-1.00: dog\n"
