from dataclasses import dataclass

import audobject
import pytest
import torch
from torch import nn

from autrainer.data.items import DataBatch
from autrainer.errors import ConfigError
from autrainer.models import FFNN, AbstractModel
from autrainer.models.utils import ExtractLayerEmbeddings, create_model_inputs


class TwoInputs(AbstractModel):
    def __init__(self, output_dim, **kwargs):
        super().__init__(output_dim, **kwargs)

    def forward(self, features, lengths=None, index=None, absent=1):
        return features

    def embeddings(self, features, lengths=None):
        return features


@dataclass
class Lengthy(DataBatch):
    lengths: torch.Tensor
    other: torch.Tensor


def batch():
    return Lengthy(*(torch.ones(2) * i for i in range(5)))


def test_model_gets_features_and_the_fields_it_asks_for():
    inputs = create_model_inputs(TwoInputs(1), batch())
    assert {name: int(value[0]) for name, value in inputs.items()} == {"features": 0, "lengths": 3}
    assert list(create_model_inputs(FFNN(1, 2, 3), batch())) == ["features"]


def test_names_of_inputs_are_known():
    model = TwoInputs(1)
    assert model.inputs == ["features", "lengths", "index", "absent"]
    assert model.embedding_inputs == ["features", "lengths"]


@pytest.mark.parametrize("method", ["forward", "embeddings"])
def test_first_parameter_has_to_be_features(method):
    bad = type("Bad", (TwoInputs,), {method: lambda self, x: x})
    with pytest.raises(NameError, match=rf"Bad\.{method} is 'x'; call it 'features'"):
        bad(1)


def test_models_are_equal_to_themselves_alone_and_hash_without_yaml(monkeypatch):
    first, second = FFNN(1, 2, 3), FFNN(1, 2, 3)
    monkeypatch.setattr(audobject.Object, "to_yaml_s", None)
    assert first == first
    assert first != second
    assert len({first, second}) == 2
    assert len(list(first.parameters())) == 4
    assert "Linear0" in str(first)


def test_extra_arguments_are_written_with_the_model():
    model = TwoInputs(3, depth=5)
    again = audobject.from_dict(model.to_dict(include_version=False))
    assert (again.depth, again.output_dim) == (5, 3)


def test_embeddings_are_taken_from_a_layer_without_computing_the_rest():
    seen = []
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 4))
    model[2].register_forward_hook(lambda *_: seen.append("last"))
    x = torch.rand(5, 2)
    expected = torch.relu(model[0](x))
    extract = ExtractLayerEmbeddings(model)
    assert torch.equal(extract(x), expected)
    assert torch.equal(ExtractLayerEmbeddings(model, lambda m: m[0])(x), model[0](x))
    assert seen == []
    assert model(x).shape == (5, 4)
    assert not model[1]._forward_hooks


@pytest.mark.parametrize("model", [nn.Linear(1, 1), nn.Sequential(nn.Conv1d(1, 1, 1), nn.ReLU())])
def test_models_without_a_layer_before_the_last_linear_are_refused(model):
    with pytest.raises(ConfigError, match="layer_selector_fn"):
        ExtractLayerEmbeddings(model)


def test_layer_that_the_model_never_uses_is_an_error():
    model, other = nn.Linear(1, 1), nn.ReLU()
    with pytest.raises(RuntimeError, match="does not use its layer ReLU"):
        ExtractLayerEmbeddings(model, lambda _: other)(torch.ones(1))
