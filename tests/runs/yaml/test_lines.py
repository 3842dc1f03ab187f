"""The lines of keys, as an editor counts them."""

import pytest

from autrainer.runs.yaml.lines import line_of

TEXT = """\
# a comment
id: Table
metrics:
  - autrainer.metrics.Accuracy
  - autrainer.metrics.F1:
      average: macro
transform: {type: tabular,
  base: null}
"""


@pytest.mark.parametrize(
    ("steps", "line"),
    [
        (("id",), 2),
        (("metrics", "1"), 5),
        (("metrics", "1", "average"), 6),
        (("transform", "base"), 8),
        (("transform", "nothing"), 7),
        (("nothing",), None),
        (("id", "deeper"), 2),
    ],
)
def test_a_key_stands_on_its_line_and_what_is_not_there_on_that_of_what_it_is_in(steps, line):
    assert line_of(TEXT, steps) == line


def test_a_text_without_keys_has_no_lines():
    assert line_of("", ["id"]) is None
