"""One batch: the update, the losses, and what it costs when nobody listens."""

from dataclasses import dataclass

import pytest
import torch

from autrainer.callbacks.dispatch import CallbackManager
from autrainer.data.items import AbstractDataBatch, DataBatch
from autrainer.engine.runtime import Runtime
from autrainer.engine.step import (
    DeviceMover,
    Hooks,
    MeanLoss,
    TrainingStep,
)
from autrainer.engine.update import Update
from autrainer.models import FFNN
from autrainer.runs.model_summary import evaluation_mode

CPU = torch.device("cpu")


def a_batch(rows=8):
    generator = torch.Generator().manual_seed(0)
    return DataBatch(
        features=torch.rand(rows, 4, generator=generator),
        target=torch.arange(rows) % 3,
        index=torch.arange(rows),
    )


def a_model():
    torch.manual_seed(0)
    return FFNN(output_dim=3, input_size=4, hidden_size=5, dropout=0.0)


def a_step(model, optimizer, listeners=(), tracker=None):
    manager = CallbackManager()
    manager.register_multiple(listeners)
    losses = MeanLoss(Runtime(CPU))
    step = TrainingStep(
        Update(optimizer).step,
        model=model,
        criterion=torch.nn.CrossEntropyLoss(reduction="none"),
        probabilities_fn=lambda output: output,
        move=DeviceMover(CPU, non_blocking=False),
        hooks=Hooks(manager, "trainer"),
        losses=losses,
        tracker=tracker,
        after_update=None,
        check=lambda: None,
    )
    return step, losses


def test_a_step_does_what_a_hand_written_one_does():
    model, twin = a_model(), a_model()
    step, _ = a_step(model, torch.optim.SGD(model.parameters(), lr=0.1))
    step(1, 0, a_batch())
    batch = a_batch()
    loss = torch.nn.CrossEntropyLoss()(twin(batch.features), batch.target)
    loss.backward()
    torch.optim.SGD(twin.parameters(), lr=0.1).step()
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_the_mean_loss_weighs_samples_and_not_batches():
    losses = MeanLoss(Runtime(CPU))
    losses.add(torch.tensor([1.0, 1.0, 1.0]))
    losses.add(torch.tensor([5.0]))
    assert losses.mean() == 2.0


def test_listeners_get_the_mean_loss_of_the_batch():
    heard = []

    class Listener:
        def cb_on_step_end(self, trainer, iteration, batch_idx, loss):
            heard.append((trainer, iteration, batch_idx, loss))

    model = a_model()
    step, losses = a_step(model, torch.optim.SGD(model.parameters(), lr=0.1), [Listener()])
    step(3, 7, a_batch())
    assert heard == [("trainer", 3, 7, pytest.approx(losses.mean()))]


def test_an_optimizer_with_a_custom_step_does_the_update_itself():
    class Still(torch.optim.SGD):
        def custom_step(self, model, data, criterion, probabilities_fn):
            output = model(data.features)
            return criterion(probabilities_fn(output), data.target), output

    model = a_model()
    before = [parameter.clone() for parameter in model.parameters()]
    step, losses = a_step(model, Still(model.parameters(), lr=0.1))
    step(1, 0, a_batch())
    assert losses.mean() > 0
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_lbfgs_gets_the_closure_it_needs():
    model, twin = a_model(), a_model()
    step, losses = a_step(model, torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=3))
    step(1, 0, a_batch())
    optimizer = torch.optim.LBFGS(twin.parameters(), lr=0.5, max_iter=3)
    batch, calls = a_batch(), []

    def closure():
        optimizer.zero_grad()
        loss = torch.nn.CrossEntropyLoss()(twin(batch.features), batch.target)
        loss.backward()
        calls.append(loss.item())
        return loss

    optimizer.step(closure)
    assert len(calls) == 3
    assert losses.mean() == pytest.approx(calls[0])
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_batch_whose_to_takes_no_options_is_moved_all_the_same():
    @dataclass
    class Plain(AbstractDataBatch):
        def to(self, device):
            self.features = self.features.to(device)

    batch = Plain(torch.ones(1), torch.ones(1), torch.ones(1))
    assert DeviceMover(CPU, non_blocking=True)(batch) is batch


def test_evaluation_leaves_the_model_in_the_mode_it_found():
    model = a_model()
    model.train()
    with evaluation_mode(model):
        assert not model.training
        assert not torch.is_grad_enabled()
    assert model.training
