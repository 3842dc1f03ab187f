"""What a run changes in its process is as before afterwards."""

import os
import random

import numpy as np
import pytest
import torch

from autrainer.runs.process.global_state import GlobalState
from autrainer.runs.random.seeding import CUBLAS_WORKSPACE, set_reproducibility, set_seed


def settings():
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.backends.cudnn.deterministic,
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.allow_tf32,
        torch.backends.cuda.matmul.allow_tf32,
        torch.get_float32_matmul_precision(),
        os.environ.get(CUBLAS_WORKSPACE),
    )


def draw():
    return random.random(), np.random.rand(), torch.rand(1).item()


@pytest.mark.parametrize("workspace", [None, ":16:8"])
@pytest.mark.parametrize("reproducible", [True, False])
def test_settings_of_torch_are_as_before(reproducible, workspace, monkeypatch):
    monkeypatch.delenv(CUBLAS_WORKSPACE, raising=False)
    if workspace is not None:
        monkeypatch.setenv(CUBLAS_WORKSPACE, workspace)
    kept, before = GlobalState.now(), settings()
    set_reproducibility(reproducible)
    changed = settings()
    kept.restore()
    assert changed != before
    assert settings() == before


def test_generators_draw_what_they_would_have_drawn():
    set_seed(3)
    expected = draw()
    set_seed(3)
    kept = GlobalState.now()
    set_seed(4)
    draw()
    kept.restore()
    assert draw() == expected
