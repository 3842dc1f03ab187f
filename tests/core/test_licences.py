"""THIRD_PARTY.md names the crates whose licence asks for it, in the versions of the lock file."""

import re

from tests.conftest import REPOSITORY


def test_the_crates_of_symphonia_are_named_with_their_version():
    lock = (REPOSITORY / "Cargo.lock").read_text()
    notice = (REPOSITORY / "THIRD_PARTY.md").read_text()

    crates = re.findall(r'name = "(symphonia[\w-]*)"\nversion = "(.+)"', lock)

    assert crates
    for name, version in crates:
        assert f"`{name}`" in notice
        assert version in notice
