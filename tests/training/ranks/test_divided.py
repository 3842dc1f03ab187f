"""A run whose weights are divided over its processes is the run that it is otherwise."""

import signal

import numpy as np
import pandas as pd
import pytest
import torch

from autrainer.config.schema.run import RunConfig
from autrainer.training.checks.configuration import find_problems
from tests.skips import needs_fsdp
from tests.training.conftest import configured
from tests.training.ranks.test_together import LONE, PARTS, once, same_run

pytestmark = needs_fsdp

FSDP = ("strategy=fsdp", "fsdp={units: [Linear]}")
TOGETHER = ("iterations=4", "model.dropout=0", "optimizer=Adam", "ema=0.9")


@pytest.mark.parametrize(
    ("world_size", "options"),
    [
        (2, ("optimizer=Adam", "swa=0.5")),
        (3, ("optimizer=SAM-SGD", "micro_batch_size=3", "max_grad_norm=0.1", "swa={best: 2}")),
        pytest.param(
            *(3, ("optimizer=SGD", "micro_batch_size=2", "max_grad_value=0.01", "ema=0.9")),
            marks=pytest.mark.long,
        ),
    ],
)
def test_a_divided_run_comes_to_the_same_results(together, world_size, options):
    one = together(1, *LONE, *options, name="one")["run"]
    divided = together(world_size, *LONE, *FSDP, *options, name="divided")
    assert "value" in divided, divided
    same_run(divided["run"], one, 1e-5)
    files = [
        sorted(str(p.relative_to(run)) for p in run.rglob("*")) for run in (one, divided["run"])
    ]
    assert files[0] == files[1]
    for name in ("model.yaml", "model_summary.yaml", "model_summary.txt"):
        assert (divided["run"] / name).read_text() == (one / name).read_text()


def test_a_divided_run_goes_on_with_another_number_of_processes_and_undivided(together):
    whole = together(1, *TOGETHER, name="whole")["run"]
    callbacks = [
        *once("stop_launcher", 1, 2, "one")["callbacks"],
        *once("stop", 0, 3, "two")["callbacks"],
        *once("stop", 2, 4, "three")["callbacks"],
    ]
    first = together(2, *TOGETHER, *FSDP, callbacks=callbacks)
    assert first.get("stopped") == signal.SIGTERM, first
    second = together(1, *TOGETHER, callbacks=callbacks)
    assert second.get("stopped") == signal.SIGTERM, second
    third = together(3, *TOGETHER, *FSDP, callbacks=callbacks)
    assert third.get("stopped") == signal.SIGTERM, third
    last = together(2, *TOGETHER, callbacks=callbacks)
    same_run(last["run"], whole, 1e-5)
    log = (last["run"] / "training.log").read_text()
    assert log.count("strategy was fsdp, now ddp") == 2
    assert log.count("strategy was ddp, now fsdp") == 1


def test_a_divided_run_that_was_stopped_ends_with_the_same_bits(together):
    options = ("iterations=3", "resume_every=1", "optimizer=Adam", *FSDP)
    whole = together(2, *options, name="whole")["run"]
    killed = together(2, *options, **once("kill", 1))
    assert killed["error"] == "ProcessLostError", killed
    assert "rank 1 was ended by signal 9" in killed["message"]
    ended = together(2, *options, **once("kill", 1))
    for name in (
        "epoch_3/model.pt",
        "epoch_3/optimizer.pt",
        "metrics.csv",
        "_test/test_results.csv",
    ):
        assert (ended["run"] / name).read_bytes() == (whole / name).read_bytes()


def test_a_divided_run_goes_on_from_a_shorter_one_that_was_divided_or_not(together):
    options = (*TOGETHER, "continue_training=true")
    whole = together(1, *TOGETHER, name="whole")["run"]
    whole = whole.rename(whole.parents[2] / "whole")
    ways = {2: (2, ()), 3: (3, FSDP), 4: (2, FSDP)}
    for iterations, (world_size, way) in ways.items():
        given = (*options, *way, f"iterations={iterations}")
        ended = together(world_size, *given, name=f"run_{iterations}")
        assert "value" in ended, ended
        log = (ended["run"] / "training.log").read_text()
        assert (f"Continuing run_{iterations - 1} from its iteration" in log) is (iterations > 2)
    same_run(ended["run"], whole, 1e-5)


@pytest.mark.long
def test_all_processes_pass_over_a_shorter_run_whose_weights_do_not_fit(together):
    options = (*TOGETHER, "continue_training=true", "remove_continued_runs=false")
    together(1, *options, "iterations=1", name="one")
    two = together(1, *options, "iterations=3", name="two")["run"]
    for path in two.glob("epoch_*/model.pt"):
        weights = torch.load(path, weights_only=True)
        torch.save(dict(list(weights.items())[1:]), path)
    ended = together(2, *options, *FSDP, name="long")
    log = (ended["run"] / "training.log").read_text()
    assert log.index("model.pt does not fit this run") < log.index("Continuing one from its")
    # It began at the second epoch, with the states of the first.
    assert len(pd.read_csv(ended["run"] / "metrics.csv")) == 4


def test_a_batch_whose_loss_is_infinite_is_left_out_of_a_divided_run_too(together):
    criterion = f"{PARTS}.InfiniteInOne"
    given = ("on_nonfinite=skip", "iterations=1", "model.dropout=0")
    ways = {"divided": FSDP, "whole": ()}
    runs = {
        name: together(2, *given, *way, name=name, dataset__criterion=criterion)["run"]
        for name, way in ways.items()
    }
    told = (runs["divided"] / "training.log").read_text()
    assert told.count("Skipped epoch 1, batch 0: the loss is not finite") == 1
    same_run(runs["divided"], runs["whole"], 1e-5)


def test_an_evaluation_of_fewer_samples_than_processes_does_not_hang(together):
    ended = together(3, "iterations=1", "inference_batch_size=23", *FSDP)
    assert "value" in ended, ended
    indices = pd.read_csv(ended["run"] / "_test" / "test_results.csv")["index"]
    assert indices.tolist() == np.arange(len(indices)).tolist()


@pytest.mark.parametrize(
    ("changes", "key", "what"),
    [
        ({"compile": True}, "compile", "is given, and programs of a divided model"),
        ({"precision": "fp16"}, "precision", "is 'fp16', whose overflows"),
        ({"sync_batchnorm": True}, "sync_batchnorm", "is true, and processes without samples"),
        (
            {"optimizer": {"id": "L", "_target_": "torch.optim.LBFGS"}},
            "optimizer",
            "is torch.optim.LBFGS, which looks at whole weights",
        ),
        (
            {
                "optimizer": {
                    "id": "S",
                    "_target_": "autrainer.optimizers.SAM",
                    "base_optimizer": "torch.optim.Adafactor",
                }
            },
            "optimizer.base_optimizer",
            "is torch.optim.Adafactor, which looks at whole weights",
        ),
    ],
)
def test_what_a_divided_run_cannot_do_is_told_before_anything_is_built(changes, key, what):
    def problems(**more):
        return find_problems(RunConfig.read(configured(**changes, **more)))

    assert problems() == []
    (problem,) = problems(strategy="fsdp")
    assert problem.key == key
    assert problem.what.startswith(what)
    assert problem.fix.endswith("or use strategy: ddp")


def test_a_divided_run_in_bf16_goes_as_an_undivided_one(together):
    options = ("precision=bf16", "iterations=2", "model.dropout=0", "optimizer=SGD")
    runs = [together(2, *options, *way, name=name)["run"] for name, way in (("a", FSDP), ("b", ()))]
    same_run(*runs, 1e-3)


@pytest.mark.cuda
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs CUDA")
def test_a_run_divided_over_two_gpus_learns_what_one_on_the_cpu_learns(together):
    options = ("iterations=2", "model.dropout=0", "optimizer=Adam")
    there = together(2, "device=cuda:0", *options, *FSDP, name="there")
    assert "value" in there, there
    here = together(1, *options, name="here")
    same_run(there["run"], here["run"], 1e-3)
