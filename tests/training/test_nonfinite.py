"""Losses that are not finite: found at their step, skipped, or let through."""

import math
import re

import numpy as np
import pandas as pd
import pytest
import torch

from autrainer.errors import NonFiniteLossError
from autrainer.runs.status import read_status
from tests.training.conftest import built, trained

DIVERGING = ("dataset=ToyTabular-R", "learning_rate=1e30", "iterations=3")


def test_a_loss_that_is_not_finite_ends_the_run_at_its_step(tmp_path):
    trainer = built(tmp_path, *DIVERGING)
    with pytest.raises(NonFiniteLossError, match=r"epoch \d, batch \d: .* index \d+.*on_nonfinite"):
        trainer.train()
    assert read_status(trainer.output_directory)["state"] == "failed"
    assert "NonFiniteLossError" in (trainer.output_directory / "error.txt").read_text()


def test_skipped_batches_leave_the_model_as_it_was(tmp_path, caplog):
    trainer = trained(
        tmp_path, "on_nonfinite=skip", dataset__criterion="tests.training.parts.SometimesInfinite"
    )
    assert caplog.text.count("Skipped epoch") == 2
    assert all(torch.isfinite(value).all() for value in trainer.model.state_dict().values())
    # What was skipped is neither in the mean nor among the outputs.
    assert all(math.isfinite(loss) for loss in trainer.metrics["train_loss"].dropna())


@pytest.mark.parametrize(
    ("table_format", "criterion", "options"),
    [
        ("csv", "SometimesInfinite", ("training_type=step", "iterations=3")),
        ("csv", "InfiniteFirst", ("dataset=ToyTabular-MTR",)),
        ("csv", "InfiniteFirst", ("dataset=ToyTabular-MLC",)),
        ("parquet", "SometimesInfinite", ()),
        ("arrow", "SometimesInfinite", ()),
    ],
)
def test_an_iteration_whose_only_batch_is_left_out_counts_and_has_no_outputs(
    tmp_path, table_format, criterion, options, caplog
):
    trainer = trained(
        tmp_path,
        *("on_nonfinite=skip", "batch_size=24", f"outputs_format={table_format}", *options),
        dataset__criterion=f"tests.training.parts.{criterion}",
    )
    kind = trainer.training_type
    assert f"The train outputs of {kind}_1 have no rows: every batch was left out" in caplog.text
    assert math.isnan(trainer.metrics["train_loss"][1])
    assert math.isfinite(trainer.metrics["train_loss"][2])
    folders = [trainer.output_directory / f"{kind}_{each}" for each in (1, 2)]
    for name in ("outputs", "targets", "indices", "losses"):
        empty, full = (np.load(folder / f"train_{name}.npy") for folder in folders)
        assert (len(empty), empty.shape[1:]) == (0, full.shape[1:])
    read = {"csv": pd.read_csv, "parquet": pd.read_parquet, "arrow": pd.read_feather}[table_format]
    empty, full = (read(folder / f"train_results.{table_format}") for folder in folders)
    assert len(empty) == 0
    assert list(empty.columns) == list(full.columns)


def test_a_loss_that_is_ignored_costs_nothing(tmp_path):
    trainer = trained(tmp_path, *DIVERGING, "on_nonfinite=ignore")
    assert math.isnan(trainer.metrics["train_loss"][3])


def test_an_optimizer_that_searches_along_a_line_says_that_it_cannot_skip(tmp_path):
    trainer = built(
        tmp_path,
        "optimizer=LBFGS",
        "on_nonfinite=skip",
        dataset__criterion="tests.training.parts.SometimesInfinite",
    )
    with pytest.raises(NonFiniteLossError, match="cannot undo"):
        trainer.train()


OPTIMIZERS = ("SGD", "SAM-SGD", "LBFGS")


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("training_type", ["epoch", "step"])
def test_every_kind_of_step_finds_what_is_not_finite(tmp_path, optimizer, training_type):
    trainer = built(
        tmp_path,
        f"optimizer={optimizer}",
        f"training_type={training_type}",
        dataset__criterion="tests.training.parts.SometimesInfinite",
    )
    with pytest.raises(NonFiniteLossError, match=rf"in {training_type} 1, batch 0: .* index \d+"):
        trainer.train()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_kind_of_step_trains_on_if_asked(tmp_path, optimizer):
    trainer = trained(
        tmp_path,
        f"optimizer={optimizer}",
        "training_type=step",
        "on_nonfinite=ignore",
        dataset__criterion="tests.training.parts.SometimesInfinite",
    )
    assert not math.isfinite(trainer.metrics["train_loss"][1])


def test_samples_are_named_by_lines_of_their_file(tmp_path, csv_run, csv_data):
    options = csv_run("Classification", criterion="tests.training.parts.SometimesInfinite")
    trainer = built(tmp_path, **options)
    with pytest.raises(NonFiniteLossError) as error:
        trainer.train()
    told = re.search(r"index ([\d, ]+\d) .*; (\S+), lines ([\d, ]+\d), \.\.\.\)", str(error.value))
    indices, lines = ([int(n) for n in told[group].split(", ")] for group in (1, 3))
    assert told[2] == str(csv_data / "train.csv")
    assert lines == [index + 2 for index in indices[:5]]
