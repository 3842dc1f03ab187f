import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from autrainer.runs.random.seeding import preserved_rng, set_reproducibility, set_seed


def draw():
    return random.random(), np.random.rand(), torch.rand(1).item()


def test_the_same_seed_gives_the_same_draws_everywhere():
    set_seed(7)
    first = draw()
    set_seed(7)
    assert draw() == first


def test_torch_draws_what_it_draws_after_its_own_way_of_seeding():
    set_seed(7)
    drawn = torch.rand(3)
    torch.manual_seed(7)
    assert torch.equal(torch.rand(3), drawn)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seeds_out_of_range_are_refused(seed):
    with pytest.raises(ValueError, match=f"seed is {seed}"):
        set_seed(seed)


def test_generators_are_as_before_after_a_preserving_block():
    set_seed(7)
    first = draw()
    set_seed(7)
    with preserved_rng():
        draw()
        set_seed(1)
    assert draw() == first


@pytest.fixture
def torch_settings():
    yield
    set_reproducibility(False)
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.benchmark = False


@pytest.mark.parametrize("reproducible", [True, False])
def test_reproducibility_sets_every_switch(reproducible, torch_settings):
    set_reproducibility(reproducible)
    assert torch.are_deterministic_algorithms_enabled() is reproducible
    assert torch.backends.cudnn.deterministic is reproducible
    assert torch.backends.cudnn.benchmark is not reproducible
    assert torch.backends.cudnn.allow_tf32 is not reproducible
    precision = "highest" if reproducible else "high"
    assert torch.get_float32_matmul_precision() == precision


@pytest.mark.parametrize("precision", ["highest", "high", "medium"])
def test_the_precision_of_products_may_be_chosen(precision, torch_settings):
    set_reproducibility(True, precision)
    assert torch.get_float32_matmul_precision() == precision
    assert torch.backends.cudnn.allow_tf32 is (precision != "highest")
    assert torch.are_deterministic_algorithms_enabled()


@pytest.mark.slow
def test_reproducibility_does_not_import_the_compiler():
    program = (
        "import sys; from autrainer.runs.random.seeding import *\n"
        "set_seed(1); set_reproducibility(True)\n"
        "sys.exit('torch._dynamo' in sys.modules or 'torch._inductor' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
