"""Runs whose model is compiled; by a backend that needs no C++ compiler and is quick."""

import pandas as pd
import pytest
import torch

from autrainer.errors import ConfigError
from autrainer.runs.yaml.reading import read_yaml
from tests.torture.kills import contents
from tests.training.conftest import built, state, trained
from tests.training.resuming.test_resumption import SIZE, stopped

QUICK = {"compile": {"backend": "aot_eager"}}
SMOOTH = ("ema=0.9",)


@pytest.fixture(autouse=True)
def _no_thread_of_tqdm(monkeypatch):
    """The compiler makes a bar, whose monitor would be a thread that is left behind."""
    monkeypatch.setattr("tqdm.tqdm.monitor_interval", 0)


def test_a_compiled_run_learns_what_the_other_one_learns(tmp_path):
    plain = trained(tmp_path / "plain", *SIZE, *SMOOTH)
    compiled = trained(tmp_path / "compiled", *SIZE, *SMOOTH, **QUICK)
    pd.testing.assert_frame_equal(compiled.metrics, plain.metrics, rtol=1e-4, atol=1e-5)
    for name in ("model.pt", "ema.pt"):
        one, two = (state(run.output_directory, "_best", name) for run in (compiled, plain))
        assert one.keys() == two.keys()
    spent = read_yaml(compiled.output_directory / "stages.yaml")["seconds"]
    assert spent["compiling"] > 0
    assert "compiling" not in read_yaml(plain.output_directory / "stages.yaml")["seconds"]


def test_a_compiled_run_that_was_stopped_ends_with_the_same_bytes(tmp_path):
    trained(tmp_path / "whole", *SIZE, **QUICK)
    # The batch that it goes on with is the last one, which is smaller.
    stopped(tmp_path / "stopped", at=(2, 3), **QUICK)
    again = built(tmp_path / "stopped", *SIZE, **QUICK)
    assert again.resumption.is_resumed
    again.train()
    assert contents(tmp_path / "whole") == contents(tmp_path / "stopped")


def test_the_model_is_compiled_in_its_place(tmp_path):
    trainer = built(tmp_path, *SIZE, **QUICK)
    trainer.close()
    assert not isinstance(trainer.model, torch._dynamo.OptimizedModule)
    assert not any("_orig_mod" in name for name in trainer.model.state_dict())


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("yes", "compile.enabled is 'yes'; use true or false"),
        ({"mode": "fast"}, "compile.mode is 'fast'; use 'default', 'reduce-overhead'"),
        ({"dynamc": True}, "did you mean 'dynamic'"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_trained(tmp_path, value, message):
    with pytest.raises(ConfigError) as caught:
        built(tmp_path, compile=value)
    assert message in str(caught.value)


@pytest.mark.parametrize("value", [False, None, {"enabled": False, "mode": "default"}])
def test_a_model_need_not_be_compiled(tmp_path, value):
    trainer = trained(tmp_path, compile=value)
    assert "compiling" not in read_yaml(trainer.output_directory / "stages.yaml")["seconds"]
