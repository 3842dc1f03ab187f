"""Pictures of the documentation: each is there, small and shown; taking them needs a browser."""

import re

import pytest

from docs.scripts import screenshots
from docs.scripts.screenshots import LARGEST_BYTES, PICTURES
from tests.conftest import REPOSITORY

SHOWN = re.compile(r'(?:src|srcset)="([^"]+\.png)"|!\[[^]]*\]\(([^)]+\.png)\)')
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]


def test_every_picture_of_a_page_is_there_and_every_picture_is_shown():
    shown = {
        (page.parent / (html or markdown)).resolve()
        for page in PAGES
        for html, markdown in SHOWN.findall(page.read_text())
    }
    assert shown == {*PICTURES.iterdir()}
    assert [path.name for path in shown if path.stat().st_size > LARGEST_BYTES] == []


def test_without_a_browser_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setattr(screenshots, "find_chromium", lambda: None)
    with pytest.raises(SystemExit, match=r"Pictures need Chromium, .* apt install chromium"):
        screenshots.main()
