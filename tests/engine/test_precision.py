"""The numbers a model computes with."""

import pytest
import torch

from autrainer.data.items import DataBatch
from autrainer.engine.precision import Precision
from autrainer.errors import ConfigError
from autrainer.models import FFNN


class Watching(FFNN):
    """Notes which numbers its layers give."""

    def forward(self, features):
        """Outputs."""
        output = super().forward(features)
        self.seen = output.dtype
        return output


def outputs(name):
    torch.manual_seed(0)
    model = Watching(3, 4, 5, dropout=0.0)
    batch = DataBatch(torch.rand(8, 4), torch.zeros(8), torch.arange(8))
    return Precision(name).forward(model, batch), model.seen


@pytest.mark.parametrize(
    ("name", "inside"),
    [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)],
)
def test_layers_compute_with_these_numbers_and_outputs_are_float32(name, inside):
    found, seen = outputs(name)
    assert (found.dtype, seen) == (torch.float32, inside)
    torch.testing.assert_close(found, outputs("fp32")[0], atol=0.02, rtol=0.02)


def test_only_small_numbers_need_a_scale():
    assert [Precision(name).scaler is None for name in ("fp32", "bf16", "fp16")] == [
        True,
        True,
        False,
    ]


def test_a_device_that_cannot_is_named():
    with pytest.raises(ConfigError, match=r"precision is 'bf16', which meta cannot do"):
        Precision("bf16", "meta")
