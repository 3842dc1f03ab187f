"""Runs of the installed command that several tests look at."""

import shutil

import pytest
import yaml

SMALL = (
    *("device=cpu", "dataset.size=120", "iterations=2", "progress_bar=false"),
    "plotting=None",
)
"""Toy data that trains in a moment; a plot would take longer than all the rest."""


def runs_of(folder, experiment="default"):
    """Run folders of an experiment, by name."""
    training = folder / "results" / experiment / "training"
    return {path.name: path for path in sorted(training.iterdir()) if path.is_dir()}


def only_run(folder, experiment="default"):
    """The run folder of an experiment of one run."""
    (run,) = runs_of(folder, experiment).values()
    return run


def read(path):
    """A YAML file of a run."""
    return yaml.safe_load(path.read_text())


@pytest.fixture
def project(tmp_path):
    """A project with a `conf` folder of its own, in which there is only a choice of no plots."""
    (tmp_path / "conf" / "plotting").mkdir(parents=True)
    (tmp_path / "conf" / "plotting" / "None.yaml").touch()
    yield tmp_path
    shutil.rmtree(tmp_path / "results", ignore_errors=True)
