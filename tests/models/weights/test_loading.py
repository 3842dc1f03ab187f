"""Weights get into a model as a whole, or an error tells what does not fit."""

import logging

import pytest
import torch
from torch import nn

from autrainer.errors import ConfigError
from autrainer.models import Cnn10
from autrainer.models.utils import load_transfer_weights
from autrainer.models.weights.loading import load_weights
from tests.models.weights.conftest import published


def test_a_published_file_gives_all_but_the_head(server, hub, cnn10, caplog):
    torch.save(published(cnn10.state_dict()), server.folder / "Cnn10_mAP=0.380.pth")
    with caplog.at_level(logging.INFO):
        model = Cnn10(4, transfer=f"{server.url}/Cnn10_mAP%3D0.380.pth")
    own, theirs = model.state_dict(), cnn10.state_dict()
    assert [name for name in own if name.split(".")[0] == "out"] == ["out.weight", "out.bias"]
    assert all(torch.equal(own[n], theirs[n]) for n in own if not n.startswith("out."))
    x = torch.rand(2, 1, 40, 64)
    assert torch.equal(model.eval().embeddings(x), cnn10.eval().embeddings(x))
    told = [record.getMessage() for record in caplog.records][-1]
    assert "Cnn10 starts from" in told
    assert "with 55 tensors; as initialised: out.weight, out.bias; not needed: spec" in told
    assert "fc_audioset.weight" in told


def small():
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))


def test_counters_of_batch_norm_may_be_missing():
    model, other = small(), small()
    state = {k: v for k, v in other.state_dict().items() if not k.endswith("tracked")}
    loaded = load_weights(model, state, "file")
    assert loaded.fresh == ("1.num_batches_tracked",)
    assert torch.equal(model[0].weight, other[0].weight)


def test_what_may_stay_as_initialised_does_whatever_the_file_has():
    model, state = small(), {**small().state_dict(), "2.weight": torch.zeros(7, 3), "x": None}
    before = model[2].weight.clone()
    loaded = load_weights(model, state, "file", fresh=("2.*",), unused=("x",))
    assert (loaded.fresh, loaded.unused) == (("2.weight", "2.bias"), ("x",))
    assert torch.equal(model[2].weight, before)
    assert torch.equal(model[0].weight, state["0.weight"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"2.bias": ...}, "file does not fit Sequential: it lacks 2.bias$"),
        ({"other": torch.zeros(1)}, "has, beside what the model takes, other$"),
        ({"0.weight": torch.zeros(3, 9)}, r"differs in 0.weight \(\(3, 9\) there, \(3, 2\) here\)"),
        ({"0.weight": 1.0}, r"differs in 0.weight \(no tensor there"),
        (
            {**{f"{i}.weight": ... for i in (0, 1)}, "1.bias": ..., "a": 1},
            "it lacks 0.weight, 1.weight, 1.bias; has, beside what the model takes, a$",
        ),
    ],
)
def test_whatever_does_not_fit_is_told_and_nothing_is_loaded(change, message):
    model = small()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = {k: v for k, v in {**small().state_dict(), **change}.items() if v is not ...}
    with pytest.raises(ConfigError, match=message):
        load_weights(model, state, "file")
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_file_of_another_network_is_told_in_few_words(tmp_path, cnn10):
    torch.save(cnn10.state_dict(), tmp_path / "a.pth")
    with pytest.raises(ConfigError, match=r"lacks 0.weight, .* and 3 more; has, .* and 52 more$"):
        load_transfer_weights(small(), str(tmp_path / "a.pth"))


def test_a_state_without_the_key_model_is_one_too(tmp_path):
    model, other = small(), small()
    torch.save(other.state_dict(), tmp_path / "a.pth")
    assert len(load_transfer_weights(model, str(tmp_path / "a.pth")).taken) == 9
    assert torch.equal(model[2].weight, other[2].weight)
