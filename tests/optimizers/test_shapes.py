"""States of optimizers that belong to other parameters."""

import pytest
import torch

from autrainer.optimizers.shapes import check_shapes


def loaded(**changes):
    """A fused Adam whose second parameter has got changed entries."""
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    state = optimizer.state_dict()
    state["state"][1].update(changes)
    optimizer.load_state_dict(state)
    return optimizer


def test_its_own_state_fits():
    check_shapes(loaded())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"exp_avg": torch.zeros(1)}, r"'exp_avg' of shape \(1,\) for parameter 1.* \(2,\)"),
        ({"exp_avg_sq": torch.zeros(2, 1)}, r"'exp_avg_sq' of shape \(2, 1\)"),
        ({"step": torch.zeros(0)}, r"'step' of shape \(0,\)"),
        ({"exp_avg": 5}, "keeps a int as 'exp_avg' of parameter 1"),
    ],
)
def test_a_value_that_does_not_fit_its_parameter_is_named(changes, told):
    with pytest.raises(ValueError, match=told):
        check_shapes(loaded(**changes))


def test_what_other_optimizers_keep_is_their_own_business():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], momentum=0.9)
    optimizer.state[optimizer.param_groups[0]["params"][0]]["factors"] = torch.ones(7)
    check_shapes(optimizer)
