"""Runs that earlier commits have begun or finished are gone on with, continued and read.

The archives in `tests/fixtures/old_runs` hold their folders as those commits have left them, and
what the same runs have ended with where they were left alone. With the torch and the processor that
made them the bytes have to be the same; on another processor the numbers, up to rounding. Another
torch draws other numbers for dropout: there it is what was trained on, and the shapes of the rest.
"""

import filecmp
import shutil
import sys
import tarfile
from pathlib import Path

import audobject
import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from omegaconf import OmegaConf

from autrainer.data.items import DataItem
from autrainer.runs.environment import numeric_environment
from autrainer.runs.finished import is_finished
from autrainer.runs.layout import RESUME
from autrainer.runs.objects import load_object
from autrainer.runs.state.resumable import SLOTS
from autrainer.runs.state.torch_files import read_state
from autrainer.runs.status import read_status
from autrainer.training import ModularTaskTrainer
from tests.conftest import REPOSITORY
from tests.fixtures.make_old_runs import BASE, FFNN, INTERRUPTED, NEWER

ARCHIVES = REPOSITORY / "tests" / "fixtures" / "old_runs"
COMMITS = ("fd24357", "840ce11")
SWEEP = ("optimizer=SGD", *FFNN, "iterations=3", "seed=1,2,3")
INTERRUPTED_RUNS = [
    *((commit, name) for commit in COMMITS for name in INTERRUPTED),
    *(("840ce11", name) for name in NEWER),
]
SAME_BITS = ("torch", "numpy", "processor", "cpu_capability")
"""What the bits of a small model on the CPU depend on, beside the number of threads."""
OBJECTS = ("model", "file_handler", "inference_transform", "target_transform")


@pytest.fixture
def old(made_once, tmp_path, monkeypatch):
    """`old(commit, experiment)`: a copy of an old project with this experiment alone."""

    def unpack(commit, folder):
        with tarfile.open(ARCHIVES / f"{commit}.tar.xz") as archive:
            archive.extractall(folder, filter="data")

    def copy(commit, experiment):
        folder = made_once(f"old-{commit}", lambda folder: unpack(commit, folder))
        for name in ("conf", "data", f"results/{experiment}", f"whole/{experiment}"):
            if (folder / name).exists():
                shutil.copytree(folder / name, tmp_path / name)
        for name in ("made.yaml", "old_parts.py"):
            shutil.copy(folder / name, tmp_path)
        monkeypatch.syspath_prepend(str(tmp_path))
        return tmp_path

    yield copy
    sys.modules.pop("old_parts", None)


def runs_of(project, experiment, results="results"):
    """Run folders of an experiment by their names."""
    return {path.name: path for path in (project / results / experiment / "training").iterdir()}


def train(run, folder=None, **changes):
    """Train a run with its own configuration, possibly changed and in another folder."""
    cfg = OmegaConf.load(run / ".hydra" / "config.yaml")
    trainer = ModularTaskTrainer(OmegaConf.merge(cfg, changes), folder or run)
    trainer.train()
    return trainer


def differences(project, run, whole):
    """Names of the files in which a run does not end like the one that was left alone."""
    made = yaml.safe_load((project / "made.yaml").read_text())
    now = numeric_environment(torch.device("cpu"))
    changed = [name for name in SAME_BITS if made[name] != now[name]]
    same = _alike if "torch" in changed else _close if changed else _same_bytes
    files = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file())
    assert Path("metrics.csv") in files
    return [str(name) for name in files if not same(run / name, whole / name)]


def _same_bytes(one, other):
    return one.is_file() and filecmp.cmp(one, other, shallow=False)


def _close(one, other):
    ours, theirs = dict(_numbers(one)), dict(_numbers(other))
    return _alike(one, other) and all(
        np.allclose(ours[key], theirs[key], rtol=1e-3, atol=1e-4, equal_nan=True) for key in ours
    )


def _alike(one, other):
    if one.name in ("train_indices.npy", "steps.txt"):
        return _same_bytes(one, other)
    ours, theirs = dict(_numbers(one)), dict(_numbers(other))
    # Versions of torch keep more or less beside what they share.
    shared = ours.keys() & theirs.keys()
    return bool(shared) and all(ours[key].shape == theirs[key].shape for key in shared)


def _numbers(path):
    read = {
        ".csv": lambda: pd.read_csv(path).to_dict("list"),
        ".pt": lambda: torch.load(path, weights_only=True),
        ".npy": lambda: np.load(path),
        ".txt": lambda: int(path.read_text()),
    }
    yield from _flat(read[path.suffix](), "")


def _flat(value, name):
    if isinstance(value, (dict, list)):
        for key, entry in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _flat(entry, f"{name}/{key}")
    elif value is not None and not isinstance(value, str):
        yield name, np.asarray(value, dtype=float)


@pytest.mark.parametrize(("commit", "name"), INTERRUPTED_RUNS)
def test_an_interrupted_run_of_an_old_commit_goes_on_and_ends_as_that_commit_would(
    old, commit, name
):
    project = old(commit, name)
    (run,) = runs_of(project, name).values()
    assert {path.name for path in (run / RESUME).glob("state-*")} == set(SLOTS)
    trainer = train(run)
    assert trainer.initial_iteration > 1
    (whole,) = runs_of(project, name, "whole").values()
    assert differences(project, run, whole) == []
    assert is_finished(run)
    assert not (run / RESUME).exists()


@pytest.mark.parametrize("commit", COMMITS)
def test_a_run_that_goes_on_from_a_shorter_one_removes_it_wherever_the_project_lies_now(
    old, commit
):
    project = old(commit, "gone-on")
    runs = runs_of(project, "gone-on")
    (shorter,) = (run for run in runs.values() if is_finished(run))
    (longer,) = (run for run in runs.values() if not is_finished(run))
    trainer = train(longer)
    assert trainer.initial_iteration == 3
    (whole,) = runs_of(project, "gone-on", "whole").values()
    # Listeners hear of the iterations that are trained, not of those of the shorter run.
    assert differences(project, longer, whole) == ["steps.txt"]
    assert not shorter.exists()


@pytest.mark.parametrize("commit", COMMITS)
@pytest.mark.parametrize(("name", "iterations"), [("shorter", 4), ("shorter-steps", 12)])
def test_a_shorter_run_of_an_old_commit_is_continued(old, commit, name, iterations):
    project = old(commit, name)
    (shorter,) = runs_of(project, name).values()
    trainer = train(shorter, shorter.with_name("longer"), iterations=iterations)
    assert trainer.initial_iteration > 1
    (whole,) = runs_of(project, name, "whole").values()
    assert differences(project, trainer.output_directory, whole) == ["steps.txt"]
    assert not shorter.exists()


@pytest.mark.parametrize("commit", COMMITS)
def test_a_sweep_of_an_old_commit_is_completed(old, autrainer, commit):
    project = old(commit, "sweep")
    before = runs_of(project, "sweep")
    (finished,) = (run for run in before.values() if is_finished(run) and "epoch_3" in run.name)
    files = {path: path.stat().st_mtime_ns for path in finished.rglob("*")}
    sweep = [text for text in BASE if not text.startswith(("seed", "iterations", "learning"))]
    process = autrainer("train", "experiment_id=sweep", "learning_rate=0.1", *sweep, *SWEEP)
    rows = [line.split() for line in process.stdout.splitlines() if line.startswith("ToyTab")]
    assert [row[1] for row in rows] == ["skipped:", "trained", "trained"]
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*")} == files
    for name, whole in runs_of(project, "sweep", "whole").items():
        run = project / "results" / "sweep" / "training" / name
        assert set(differences(project, run, whole)) <= {"steps.txt"}


@pytest.mark.parametrize("commit", COMMITS)
def test_objects_and_states_of_a_finished_run_predict_as_it_did(old, commit):
    project = old(commit, "finished")
    (run,) = runs_of(project, "finished").values()
    model, files, transform, targets = (load_object(run / f"{name}.yaml") for name in OBJECTS)
    model.load_state_dict(read_state(run / "_best" / "model.pt"))
    model.eval()
    table = pd.read_csv(run / "_test" / "test_results.csv", index_col="index")
    names = pd.read_csv(project / "data" / "test.csv")["filename"][table.index]
    items = [transform(DataItem(files.load(f"data/sounds/{name}"), None, 0)) for name in names]
    outputs = model(torch.stack([item.features for item in items])).detach()
    kept = np.load(run / "_test" / "test_outputs.npy")
    assert np.allclose(outputs, kept, rtol=1e-3, atol=1e-5)
    decoded = [
        targets.decode(targets.predict_inference(targets.probabilities_inference(row[None]))[0])
        for row in outputs
    ]
    assert decoded == table["predictions"].tolist()


def test_objects_are_loaded_as_the_readme_loads_them(old):
    (run,) = runs_of(old("840ce11", "finished"), "finished").values()
    model, files, _, targets = (audobject.from_yaml(f"{run}/{name}.yaml") for name in OBJECTS)
    model.load_state_dict(torch.load(run / "_best/model.pt", weights_only=True))
    assert files.load("data/sounds/test-0.wav").ndim == 2
    assert targets.decode(0) == "calm"


@pytest.mark.parametrize("commit", COMMITS)
def test_every_object_and_state_of_old_runs_is_read(old, made_once, commit):
    folder = old(commit, "finished") and made_once(f"old-{commit}", None)
    objects = [p for p in folder.glob("results/*/training/*/*.yaml") if p.stem in OBJECTS]
    states = list(folder.glob("results/*/training/*/*/*.pt"))
    assert len(objects) > 50
    assert len(states) > 100
    kinds = {type(load_object(path)).__name__ for path in objects}
    assert kinds >= {"FFNN", "Flat", "SmallCNN", "SmartCompose", "LabelEncoder", "AudioFileHandler"}
    assert all(read_state(path) is not None for path in states)
    assert {read_status(path.parent)["state"] for path in objects} >= {"finished", "interrupted"}
