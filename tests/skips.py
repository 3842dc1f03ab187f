"""Tests that CI may skip; any other one that it skips fails there."""

import importlib.metadata
import os

import pytest

ALLOWED = {
    "needs chromium": "the machines of CI may lack it; the file itself is tested without",
    "needs CUDA": "the machines of CI have no GPU",
    "needs a machine without CUDA": "what CUDA changes cannot be seen where it is",
}
"""Reasons as they stand at the tests, each with why that is all right in CI."""


CAN_DIVIDE = tuple(map(int, importlib.metadata.version("torch").split(".")[:2])) >= (2, 6)
"""Whether this torch has FSDP2."""

needs_fsdp = pytest.mark.skipif(not CAN_DIVIDE, reason="needs torch 2.6")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Let a test fail in CI (`CI=true`) that is skipped for a reason that is not on the list."""
    report = yield
    is_skipped = report.skipped and not hasattr(report, "wasxfail")
    if is_skipped and os.environ.get("CI") == "true":
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if reason not in ALLOWED:
            report.outcome = "failed"
            report.longrepr = f"skipped in CI, which tests/skips.py does not allow: {reason}"
    return report
