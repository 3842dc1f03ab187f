import pytest
import torch
from torch import nn

from autrainer.optimizers import parameter_groups


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.out = nn.Embedding(5, 4), nn.Linear(4, 5)
        self.out.weight = self.embed.weight


MODEL = nn.ModuleDict(
    {
        "linear": nn.Linear(4, 4),
        "attention": nn.MultiheadAttention(4, 2, add_bias_kv=True),
        "lstm": nn.LSTM(4, 4),
        "batch": nn.BatchNorm1d(4),
        "layer": nn.LayerNorm(4),
        "group": nn.GroupNorm(2, 4),
        "rms": nn.RMSNorm(4),
        "instance": nn.InstanceNorm1d(4, affine=True),
        "debiased": nn.Linear(4, 4, bias=False),
    }
)
NORMS = ("batch", "layer", "group", "rms", "instance")


def decayed(**flags):
    decay, rest = parameter_groups(MODEL, 0.1, **flags)
    assert (decay["weight_decay"], rest["weight_decay"]) == (0.1, 0.0)
    names = {id(parameter): name for name, parameter in MODEL.named_parameters()}
    both = [names[id(parameter)] for group in (decay, rest) for parameter in group["params"]]
    assert sorted(both) == sorted(names.values())
    return {names[id(parameter)] for parameter in decay["params"]}


def expected(keep):
    return {name for name, _ in MODEL.named_parameters() if keep(name)}


def is_bias(name):
    return "bias" in name.rpartition(".")[2]


def is_norm(name):
    return name.startswith(NORMS)


def test_biases_of_every_name_and_norms_do_not_decay():
    found = decayed()
    assert found == expected(lambda name: not is_bias(name) and not is_norm(name))
    assert "debiased.weight" in found
    assert "attention.in_proj_bias" not in found


def test_flags_let_them_decay():
    assert decayed(apply_weight_decay_to_bias=True) == expected(lambda name: not is_norm(name))
    assert decayed(apply_weight_decay_to_norm=True) == expected(lambda name: not is_bias(name))
    everything = decayed(apply_weight_decay_to_bias=True, apply_weight_decay_to_norm=True)
    assert everything == expected(lambda name: True)


def test_without_weight_decay_there_is_one_group_of_everything():
    model = nn.Linear(2, 2)
    model.bias.requires_grad = False
    (group,) = parameter_groups(model, None)
    assert len(group["params"]) == 2
    assert list(group) == ["params"]


def test_frozen_parameters_are_left_out_and_tied_ones_come_once():
    model = Tied()
    model.out.bias.requires_grad = False
    decay, rest = parameter_groups(model, 0.1)
    assert [id(p) for p in decay["params"]] == [id(model.embed.weight)]
    assert rest["params"] == []


@pytest.mark.parametrize("weight_decay", [0.0, 0.5])
def test_groups_are_what_optimizers_take(weight_decay):
    optimizer = torch.optim.Adam(parameter_groups(nn.Linear(2, 2), weight_decay), lr=0.1)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [weight_decay, 0.0]
