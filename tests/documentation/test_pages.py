"""What the documentation tells a reader to type works, in this order."""

import pytest

from tests.conftest import REPOSITORY
from tests.documentation.blocks import blocks_of, follow

DOCS = REPOSITORY / "docs"
pytestmark = pytest.mark.slow

OVERRIDES = {"first-run": ("iterations=1", "batch_size=256")}
"""What makes the runs of a page fast, where its own configuration is not."""
PAGES = ["first-run", *sorted(f"tutorials/{page.stem}" for page in DOCS.glob("tutorials/*.md"))]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_followed(name, tmp_path):
    page = (DOCS / f"{name}.md").read_text()
    assert len(follow(page, tmp_path, *OVERRIDES.get(name, ()))) >= 2


def test_output_that_no_command_prints_is_found(tmp_path):
    page = '```python\nprint("1 run")\n```\n```text title="output"\n2 runs\n```\n'
    with pytest.raises(AssertionError, match=r"not printed: \['2 runs'\]"):
        follow(page, tmp_path)


def test_every_fence_of_a_page_is_a_block():
    for name in PAGES:
        page = (DOCS / f"{name}.md").read_text()
        assert 2 * len(blocks_of(page)) == sum(line.startswith("```") for line in page.splitlines())
