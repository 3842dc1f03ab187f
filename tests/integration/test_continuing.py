"""Going on from a shorter finished run."""

import numpy as np
import pandas as pd
import pytest
import torch

from tests.integration.conftest import SMALL, read, runs_of

SMALL = tuple(option for option in SMALL if not option.startswith("iterations"))


def by_iterations(project, experiment="default"):
    runs = runs_of(project, experiment).values()
    return {read(run / ".hydra" / "config.yaml")["iterations"]: run for run in runs}


@pytest.mark.parametrize(
    ("kind", "short", "long", "every"), [("epoch", 1, 2, 1), ("step", 100, 200, 50)]
)
def test_a_continued_run_ends_like_an_uninterrupted_one(
    autrainer, project, kind, short, long, every
):
    options = (*SMALL, f"training_type={kind}", f"eval_frequency={every}")
    autrainer("train", *options, f"iterations={short}")
    process = autrainer("train", *options, f"iterations={long}")
    autrainer("train", *options, f"iterations={long}", "experiment_id=whole")
    assert "Continuing" in process.stdout
    continued = by_iterations(project)
    assert list(continued) == [long]  # the shorter run is removed by default
    whole = by_iterations(project, "whole")[long]
    assert (continued[long] / "metrics.csv").read_bytes() == (whole / "metrics.csv").read_bytes()
    one = torch.load(continued[long] / "_best" / "model.pt", weights_only=True)
    two = torch.load(whole / "_best" / "model.pt", weights_only=True)
    assert all(torch.equal(one[key], two[key]) for key in one | two)
    for path in (f"{kind}_{long}/train_outputs.npy", "_test/test_outputs.npy"):
        assert (continued[long] / path).read_bytes() == (whole / path).read_bytes(), path
    assert (continued[long] / f"{kind}_{every}" / "dev.yaml").is_file()


def test_the_shorter_run_stays_if_asked(autrainer, project):
    for iterations in (1, 2):
        autrainer("train", *SMALL, f"iterations={iterations}", "remove_continued_runs=false")
    assert set(by_iterations(project)) == {1, 2}


def test_of_several_shorter_runs_the_longest_is_taken(autrainer, project):
    for iterations in (1, 3, 2, 4):
        options = ("remove_continued_runs=false", f"continue_training={iterations == 4}")
        process = autrainer("train", *SMALL, f"iterations={iterations}", *options)
    assert "from its iteration 3" in process.stdout


def test_a_run_of_another_seed_is_never_gone_on_from(autrainer, project):
    autrainer("train", *SMALL, "iterations=1", "seed=1")
    process = autrainer("train", *SMALL, "iterations=2", "seed=2,3")
    assert "Continuing" not in process.stdout
    assert len(runs_of(project)) == 3


def test_ids_may_contain_underscores(autrainer, project):
    options = (*SMALL, "model.id=Toy_FF_NN", "dataset.id=My_Data_C")
    autrainer("train", *options, "iterations=1")
    process = autrainer("train", *options, "iterations=2")
    assert "Continuing" in process.stdout
    assert list(by_iterations(project)) == [2]


def test_switched_off_it_starts_anew(autrainer, project):
    autrainer("train", *SMALL, "iterations=1")
    process = autrainer("train", *SMALL, "iterations=2", "continue_training=false")
    assert "Continuing" not in process.stdout
    assert set(by_iterations(project)) == {1, 2}


def test_a_run_folder_of_the_peer_is_continued(autrainer, project):
    """Only the files that the peer writes, its row order and its own keys in the configuration."""
    autrainer("train", *SMALL, "iterations=1")
    run = by_iterations(project)[1]
    for path in [*run.glob("*.yaml"), *run.glob("*.txt"), *run.glob("*.log")]:
        path.unlink()
    (run / "timer.yaml").write_text(
        "train:\n  mean: 0:00:01\n  mean_seconds: 1.5\n  total: 0:00:01\n  total_seconds: 1.5\n"
        "dev:\n  mean: 0:00:01\n  mean_seconds: 1.0\n  total: 0:00:01\n  total_seconds: 1.0\n"
        "test:\n  mean: 0:00:01\n  mean_seconds: 1.0\n  total: 0:00:01\n  total_seconds: 1.0\n"
    )
    metrics = pd.read_csv(run / "metrics.csv")
    metrics.to_csv(run / "metrics.csv", index=False)
    autrainer("train", *SMALL, "iterations=2")
    continued = by_iterations(project)[2]
    assert list(pd.read_csv(continued / "metrics.csv")["iteration"]) == [1, 2]
    assert read(continued / "timer.yaml")["train"]["total_seconds"] > 1.5


def test_indices_of_the_train_split_follow_the_same_order(autrainer, project):
    """How often is evaluated does not change which samples are seen when."""
    autrainer("train", *SMALL, "iterations=4", "experiment_id=often", "eval_frequency=1")
    autrainer("train", *SMALL, "iterations=4", "experiment_id=seldom", "eval_frequency=2")
    often = by_iterations(project, "often")[4]
    seldom = by_iterations(project, "seldom")[4]
    third, fourth = (np.load(often / f"epoch_{n}" / "train_indices.npy") for n in (3, 4))
    both = np.load(seldom / "epoch_4" / "train_indices.npy")
    assert np.array_equal(both, np.concatenate([third, fourth]))
