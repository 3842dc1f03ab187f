"""Whole runs on a CUDA device: what holds on the CPU holds there. Without one, nothing is tried."""

import pandas as pd
import pytest
import torch

from autrainer.config.plain import as_plain
from autrainer.config.schema.run import RunConfig
from autrainer.errors import NonFiniteLossError
from autrainer.runs.yaml.reading import read_yaml
from autrainer.training.trying.batch_sizes import try_sizes
from tests.torture.kills import contents
from tests.training.conftest import built, configured, same_states, state, trained
from tests.training.resuming.test_resumption import SIZE, stopped

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA"),
]
CUDA = "device=cuda:0"
PRECISIONS = ("fp32", "bf16", "fp16")
TOLERANCE = {"fp32": 1e-3, "bf16": 5e-2, "fp16": 5e-2}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_run_learns_what_one_on_the_cpu_learns(tmp_path, precision):
    there = trained(tmp_path / "there", *SIZE, CUDA, f"precision={precision}")
    here = trained(tmp_path / "here", *SIZE)
    assert there.DEVICE.type == "cuda"
    tolerance = TOLERANCE[precision]
    pd.testing.assert_series_equal(
        there.metrics["dev_loss"], here.metrics["dev_loss"], rtol=tolerance, atol=tolerance
    )
    saved = state(there.output_directory, "_best")
    assert {value.device.type for value in saved.values()} == {"cpu"}
    assert there.test_tracker.outputs.dtype == here.test_tracker.outputs.dtype


@pytest.mark.parametrize(
    "options",
    [
        *((f"precision={precision}",) for precision in PRECISIONS),
        *(("ema=0.9",), ("optimizer=SAM-SGD",), ("micro_batch_size=5",), ("max_grad_norm=0.1",)),
        ("training_type=step", "iterations=16", "eval_frequency=8"),
    ],
    ids=lambda options: options[0],
)
def test_a_stopped_run_ends_with_the_same_bytes(tmp_path, options):
    trained(tmp_path / "whole", *SIZE, CUDA, *options)
    at = (11, 2) if "training_type=step" in options else (2, 3)
    stopped(tmp_path / "stopped", CUDA, *options, at=at)
    again = built(tmp_path / "stopped", *SIZE, CUDA, *options)
    assert again.resumption.is_resumed
    again.train()
    assert contents(tmp_path / "whole") == contents(tmp_path / "stopped")


@pytest.mark.parametrize(("begun_on", "ended_on"), [(CUDA, "device=cpu"), ("device=cpu", CUDA)])
def test_a_run_goes_on_on_another_device_and_says_so(tmp_path, caplog, begun_on, ended_on):
    stopped(tmp_path, begun_on)
    again = built(tmp_path, *SIZE, ended_on)
    assert again.resumption.is_resumed
    again.train()
    assert len(again.metrics) == 3
    assert "device" in caplog.text


@pytest.mark.parametrize("mode", ["default", "reduce-overhead"])
def test_a_compiled_run_learns_what_the_other_one_learns(tmp_path, monkeypatch, mode):
    # The compiler makes a bar, whose monitor would be a thread that is left behind.
    monkeypatch.setattr("tqdm.tqdm.monitor_interval", 0)
    # Compiled, dropout draws other numbers.
    options = (*SIZE, CUDA, "model.dropout=0")
    plain = trained(tmp_path / "plain", *options)
    import torch._inductor.config as compiler

    with compiler.patch(compile_threads=1):
        compiled = trained(tmp_path / "compiled", *options, compile={"mode": mode})
    losses = ["train_loss", "dev_loss"]
    pd.testing.assert_frame_equal(
        compiled.metrics[losses], plain.metrics[losses], rtol=1e-3, atol=1e-3
    )


def test_the_mean_of_the_last_weights_is_on_the_device_too(tmp_path):
    trainer = trained(tmp_path, *SIZE, CUDA, "swa={last: 2}")
    assert {each.device.type for each in trainer.average.model.parameters()} == {"cuda"}
    best = state(trainer.output_directory, "_best", "swa.pt")
    found = {name: value.cpu() for name, value in trainer.average.model.state_dict().items()}
    assert same_states(found, best)


def test_a_loss_that_is_not_finite_is_told_with_its_samples(tmp_path):
    trainer = built(tmp_path, CUDA, "dataset=ToyTabular-R", "learning_rate=1e30", "iterations=3")
    with pytest.raises(NonFiniteLossError, match=r"index \d+"):
        trainer.train()


def test_batches_are_brought_by_pinned_memory(tmp_path):
    trainer = built(tmp_path, *SIZE, CUDA)
    try:
        [batch, *_] = trainer.train_loader.batches_on(trainer.DEVICE)
        assert batch.features.device.type == "cuda"
    finally:
        trainer.close()


def test_a_larger_batch_takes_more_memory():
    config = RunConfig.read(as_plain(configured(*SIZE, CUDA)))
    used = []
    try_sizes(config, 2, 64, 3, seen=lambda trial: used.append(trial.peak_bytes))
    assert used == sorted(used)
    assert used[0] > 0


def test_what_a_run_computed_with_is_noted(tmp_path):
    trainer = trained(tmp_path, *SIZE, CUDA)
    assert "cuda" in str(read_yaml(trainer.output_directory / "hardware.yaml")).lower()
