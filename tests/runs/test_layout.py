"""What a run makes in its folder, and what may stand in the place of it."""

import os
from pathlib import Path, PurePath

import pytest

from autrainer.errors import OutputError
from autrainer.runs.layout import is_file_of_run, is_folder_of_run, refuse_misplaced

OURS = (
    *("metrics.csv", "training.log", ".lock", ".lock-0a1b.tmp", "train_script.log", "model.yaml"),
    *(".hydra/config.yaml", "_best/model.pt", "epoch_12/train_results.parquet", "_resume/rows-3"),
    *("_test/test_holistic.yaml", "step_500/dev_losses.npy", "_initial/optimizer.pt"),
    *("metrics_unscaled.csv", "_best/dev_unscaled.yaml", "_test/test_holistic_unscaled.yaml"),
    *("MANIFEST", ".autrainer-12-0.tmp", "epoch_1/.autrainer-12-0.tmp", ".epoch_1.copying/below/x"),
)
OF_USERS = (
    *("notes.md", "metrics.csv.bak", "analysis/model.pt", "epoch_1/deep/model.pt", "best/model.pt"),
    *("epoch_1/notes.md", "epoch_x/model.pt", "model.pt", ".lockfile", "_plots/mine.png"),
    *(".hydra/mine.yaml", "_best/train.log", ".DS_Store"),
    *("metrics_unscaled.csv.bak", "_best/train_unscaled.yaml", "manifest"),
)


@pytest.mark.parametrize("name", OURS)
def test_files_of_a_run_are_told(name):
    assert is_file_of_run(PurePath(name))


@pytest.mark.parametrize("name", OF_USERS)
def test_files_of_users_are_told(name):
    assert not is_file_of_run(PurePath(name))


def test_folders_are_told():
    assert all(
        is_folder_of_run(PurePath(name)) for name in ("_best", "epoch_1", "step_20", "_plots")
    )
    assert not any(is_folder_of_run(PurePath(name)) for name in ("analysis", "epoch_1/x", "epoch_"))


def link(path):
    path.symlink_to("../outside")


def link_to_nowhere(path):
    path.symlink_to("nowhere")


PUT = {"a link": link, "a link ": link_to_nowhere, "a pipe": os.mkfifo, "a folder": os.mkdir}


@pytest.mark.parametrize("kind", PUT)
@pytest.mark.parametrize(
    "name", ["training.log", "_best/model.pt", "_resume/state-0", "status.yaml"]
)
def test_what_stands_in_the_place_of_a_file_is_named(tmp_path, kind, name):
    path = tmp_path / "run" / name
    path.parent.mkdir(parents=True)
    PUT[kind](path)
    with pytest.raises(OutputError, match=rf"{name} is {kind.strip()}; .*move these away"):
        refuse_misplaced(tmp_path / "run")


@pytest.mark.parametrize("put", [link, link_to_nowhere, os.mkfifo, Path.touch])
@pytest.mark.parametrize("name", ["_best", ".hydra", "epoch_7", "_resume", "_plots"])
def test_what_stands_in_the_place_of_a_folder_is_named(tmp_path, put, name):
    (tmp_path / "run").mkdir()
    (tmp_path / "outside").mkdir()
    put(tmp_path / "run" / name)
    with pytest.raises(OutputError, match=f"{name} is a (link|pipe|file); "):
        refuse_misplaced(tmp_path / "run")


def test_everything_that_is_in_the_way_is_told_at_once(tmp_path):
    for name in ("model.yaml", "epoch_1"):
        (tmp_path / name).symlink_to("elsewhere")
    with pytest.raises(OutputError, match=r"epoch_1 is a link; .*model\.yaml is a link; "):
        refuse_misplaced(tmp_path)


def test_what_users_put_beside_is_let_alone_and_the_run_itself_may_be_a_link(tmp_path):
    (tmp_path / "real" / "epoch_1").mkdir(parents=True)
    for name in ("notes.md", "epoch_1/latest", "analysis"):
        (tmp_path / "real" / name).symlink_to("/nowhere")
    os.mkfifo(tmp_path / "real" / "pipe")
    (tmp_path / "run").symlink_to("real")
    refuse_misplaced(tmp_path / "run")
