"""What the documentation tells a reader to type works, in this order."""

import pytest

from tests.conftest import REPOSITORY
from tests.documentation.blocks import blocks_of, follow

DOCS = REPOSITORY / "docs"
pytestmark = pytest.mark.slow

FIRST_RUN_FAST = ("iterations=1", "batch_size=256")
TUTORIALS = {
    "people": (
        "own-data",
        "custom-model",
        "custom-callback",
        "sweep",
        "search",
        "resume",
        "cluster",
    ),
    "pitch": ("audio", "inference", "export"),
}
"""Pages that go on with the project of the page before."""
PAGES = ["first-run", *(f"tutorials/{page.stem}" for page in DOCS.glob("tutorials/*.md"))]


def test_the_first_run_can_be_followed(tmp_path):
    assert len(follow((DOCS / "first-run.md").read_text(), tmp_path, *FIRST_RUN_FAST)) == 8


@pytest.mark.long
@pytest.mark.parametrize("project", TUTORIALS)
def test_the_tutorials_of_a_project_can_be_followed(project, tmp_path):
    for name in TUTORIALS[project]:
        printed = follow((DOCS / "tutorials" / f"{name}.md").read_text(), tmp_path)
        assert printed, f"{name} runs nothing"


def test_every_tutorial_is_followed():
    followed = {f"tutorials/{name}" for names in TUTORIALS.values() for name in names}
    assert followed | {"first-run"} == set(PAGES)


def test_output_that_no_command_prints_is_found(tmp_path):
    page = '```python\nprint("1 run")\n```\n```text title="output"\n2 runs\n```\n'
    with pytest.raises(AssertionError, match=r"not printed: \['2 runs'\]"):
        follow(page, tmp_path)


def test_every_fence_of_a_page_is_a_block():
    for name in PAGES:
        page = (DOCS / f"{name}.md").read_text()
        assert 2 * len(blocks_of(page)) == sum(line.startswith("```") for line in page.splitlines())
