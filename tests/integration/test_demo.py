"""What `make demo` promises: a network learns digits, and a second call finds it done."""

import pytest

from tests.integration.conftest import read, runs_of


@pytest.mark.long
def test_the_demo_learns_digits_and_is_done_the_second_time(autrainer, project):
    process = autrainer("train", "-cn", "digits", "progress_bar=false")
    runs = runs_of(project, "digits")
    assert len(runs) == 2
    for run in runs.values():
        assert read(run / "_test" / "test_holistic.yaml")["accuracy"]["all"] > 0.97
        assert (run / "_plots" / "accuracy.png").is_file()
    table = process.stdout.split("accuracy test")[-1]
    assert all(name in table for name in runs)
    assert "_plots" in table
    again = autrainer("train", "-cn", "digits")
    assert again.stdout.count("skipped: finished before") == 2
