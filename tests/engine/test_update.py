"""Updates: the same for any micro batch size, limited, and left out where they must be."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autrainer.data.items import DataBatch
from autrainer.engine.precision import Precision
from autrainer.engine.update import Limits, SkippedBatch, Update
from autrainer.errors import ConfigError
from autrainer.models import FFNN
from autrainer.optimizers import SAM

ROWS = 13
OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "LBFGS": lambda p: torch.optim.LBFGS(p, lr=0.1, max_iter=3),
    "SAM": lambda p: SAM(p, "torch.optim.SGD", lr=0.1, momentum=0.9),
}
every_optimizer = pytest.mark.parametrize("name", OPTIMIZERS)
CROSS_ENTROPY = torch.nn.CrossEntropyLoss(reduction="none")


def a_batch(dtype=torch.float32, rows=ROWS):
    generator = torch.Generator().manual_seed(0)
    return DataBatch(
        torch.rand(rows, 4, generator=generator).to(dtype),
        torch.arange(rows) % 3,
        torch.arange(rows),
    )


def a_model(dtype=torch.float32):
    torch.manual_seed(0)
    return FFNN(3, 4, 5, dropout=0.0).to(dtype)


def train(name, *, steps=2, dtype=torch.float32, criterion=CROSS_ENTROPY, batch=None, **options):
    """A model after some updates, the last result, and what made them."""
    model = a_model(dtype)
    precision = Precision(options.pop("precision", "fp32"))
    update = Update(OPTIMIZERS[name](model.parameters()), precision, Limits(**options))
    for _ in range(steps):
        result = update.step(model, batch or a_batch(dtype), criterion, lambda output: output)
    return model, result, update


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@every_optimizer
@pytest.mark.parametrize("size", [1, 2, 5, 12, 13, 100])
def test_any_micro_batch_size_gives_the_same_update(name, size):
    whole, (loss, output), _ = train(name, dtype=torch.float64)
    parts, (loss_parts, output_parts), _ = train(name, dtype=torch.float64, micro_batch_size=size)
    torch.testing.assert_close(weights(parts), weights(whole), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(loss_parts, loss, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(output_parts, output, rtol=1e-10, atol=1e-10)


@given(rows=st.integers(1, 20), size=st.integers(1, 20), targets=st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_losses_of_several_targets_count_alike_in_every_part(rows, size, targets):
    def gradients(micro_batch_size):
        torch.manual_seed(0)
        model = FFNN(targets, 4, 5, dropout=0.0).double()
        batch = a_batch(torch.float64, rows)
        batch.target = torch.rand(rows, targets).double()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
        update = Update(optimizer, limits=Limits(micro_batch_size=micro_batch_size))
        update.step(model, batch, torch.nn.MSELoss(reduction="none"), lambda output: output)
        return torch.cat([p.grad.flatten() for p in model.parameters()])

    torch.testing.assert_close(gradients(size), gradients(None), rtol=1e-10, atol=1e-12)


def test_a_criterion_that_reduces_by_itself_is_weighted_by_samples():
    mean = torch.nn.CrossEntropyLoss()
    whole, (loss, _), _ = train("SGD", dtype=torch.float64, criterion=mean)
    parts, (loss_parts, _), _ = train(
        "SGD", dtype=torch.float64, criterion=mean, micro_batch_size=5
    )
    torch.testing.assert_close(weights(parts), weights(whole), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(loss_parts, loss, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ["SGD", "SAM", "LBFGS"])
def test_gradients_beyond_the_norm_are_scaled_down_before_the_step(name):
    limited, _, update = train(name, steps=1, max_grad_norm=1e-3)
    free, _, _ = train(name, steps=1)
    assert update.gradient_norm > 1e-3
    before = weights(a_model())
    assert (weights(limited) - before).norm() < (weights(free) - before).norm()


def test_clipping_by_norm_is_that_of_torch():
    model, _, update = train("SGD", steps=1, max_grad_norm=0.01)
    twin = a_model()
    optimizer = OPTIMIZERS["SGD"](twin.parameters())
    batch = a_batch()
    CROSS_ENTROPY(twin(batch.features), batch.target).mean().backward()
    norm = torch.nn.utils.clip_grad_norm_(twin.parameters(), 0.01)
    optimizer.step()
    assert torch.equal(weights(model), weights(twin))
    assert torch.equal(update.gradient_norm, norm)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_clipping_by_value_bounds_every_gradient_without_its_scale(precision):
    before = weights(a_model())
    model, _, _ = train("SGD", steps=1, max_grad_value=1e-3, precision=precision)
    change = (weights(model) - before).abs()
    assert change.max() <= 0.1 * 1e-3 * 1.01
    assert change.max() > 0.1 * 1e-3 * 0.9


@pytest.mark.parametrize("name", ["SGD", "Adam", "SAM"])
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_sixteen_bits_train_nearly_as_thirty_two_do(name, precision):
    model, (loss, output), update = train(name, precision=precision)
    expected, _, _ = train(name)
    assert update.was_made
    assert {p.dtype for p in model.parameters()} == {loss.dtype, output.dtype} == {torch.float32}
    torch.testing.assert_close(weights(model), weights(expected), atol=0.03, rtol=0.03)


@pytest.mark.parametrize("name", ["SGD", "SAM"])
def test_gradients_that_overflow_leave_the_model_and_lower_the_scale(name):
    model = a_model()
    precision = Precision("fp16")
    update = Update(OPTIMIZERS[name](model.parameters()), precision)
    batch = a_batch()
    scales, made = [], []
    for _ in range(40):
        before = weights(model)
        # A loss this large times 65,536 is beyond float16, until the scale has come down.
        update.step(model, batch, lambda o, t: CROSS_ENTROPY(o, t) * 3e3, lambda output: output)
        scales.append(precision.scaler.get_scale())
        made.append(update.was_made)
        assert update.was_made != torch.equal(weights(model), before)
        if update.was_made:
            break
    assert made[0] is False
    assert made[-1] is True
    assert scales[-1] < 2**16


def test_a_scale_goes_on_from_its_state():
    first, second = Precision("fp16"), Precision("fp16")
    state = {**first.scaler.state_dict(), "scale": 128.0, "_growth_tracker": 7}
    second.scaler.load_state_dict(copy.deepcopy(state))
    assert second.scaler.state_dict() == state


@pytest.mark.parametrize("name", ["SGD", "SAM"])
@pytest.mark.parametrize("size", [None, 4])
def test_a_batch_with_a_loss_that_is_no_number_can_be_left_out(name, size):
    model = a_model()
    before = weights(model)
    limits = Limits(micro_batch_size=size, skips_nonfinite=True)
    update = Update(OPTIMIZERS[name](model.parameters()), limits=limits)
    batch = a_batch()
    batch.features[6, 0] = float("nan")
    with pytest.raises(SkippedBatch) as skipped:
        update.step(model, batch, CROSS_ENTROPY, lambda output: output)
    assert torch.equal(weights(model), before)
    assert skipped.value.loss.isnan().nonzero().flatten().tolist() == [6]


def test_sam_comes_back_if_its_second_pass_fails():
    model = a_model()
    before = weights(model)
    calls = []

    def failing(output, target):
        calls.append(1)
        if len(calls) == 2:
            raise ValueError("no")
        return CROSS_ENTROPY(output, target)

    update = Update(OPTIMIZERS["SAM"](model.parameters()))
    with pytest.raises(ValueError, match="no"):
        update.step(model, a_batch(), failing, lambda output: output)
    assert torch.equal(weights(model), before)


@pytest.mark.parametrize(
    ("limits", "precision", "message"),
    [
        ({"micro_batch_size": 2}, "fp32", "micro_batch_size is 2"),
        ({"max_grad_norm": 1.0}, "fp32", r"max_grad_norm is 1\.0"),
        ({"max_grad_value": 1.0}, "bf16", r"max_grad_value is 1\.0 and precision is 'bf16'"),
    ],
)
def test_an_optimizer_with_a_step_of_its_own_takes_no_limits(limits, precision, message):
    class Own(torch.optim.SGD):
        def custom_step(self, model, data, criterion, probabilities_fn):
            raise NotImplementedError

    optimizer = Own(a_model().parameters(), lr=0.1)
    assert Update(optimizer).step.__func__ is Own.custom_step
    with pytest.raises(ConfigError, match=message):
        Update(optimizer, Precision(precision), Limits(**limits))


def test_a_subclass_of_sam_with_a_step_of_its_own_keeps_it():
    class Own(SAM):
        def custom_step(self, model, data, criterion, probabilities_fn):
            raise NotImplementedError

    optimizer = Own(a_model().parameters(), "torch.optim.SGD", lr=0.1)
    assert Update(optimizer).step.__func__ is Own.custom_step


def test_an_optimizer_that_searches_along_a_line_cannot_scale_losses():
    optimizer = OPTIMIZERS["LBFGS"](a_model().parameters())
    with pytest.raises(ConfigError, match="precision is 'fp16', which LBFGS cannot do"):
        Update(optimizer, Precision("fp16"))
