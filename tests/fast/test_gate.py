"""Without torch's private parts everything ends with the same bits."""

import ast
import os

import pytest
import torch

from autrainer.fast import families, gate, gradients, optimizers, workers
from autrainer.fast.determinism import use_deterministic_algorithms
from autrainer.fast.gate import SWITCH, private
from tests import forked
from tests.conftest import REPOSITORY
from tests.torture.kills import contents


def forget_what_was_found():
    private.cache_clear()
    gradients._engine.cache_clear()


@pytest.fixture
def closed(monkeypatch):
    """The gate is closed."""
    monkeypatch.setenv(SWITCH, "0")
    forget_what_was_found()
    yield
    forget_what_was_found()


PARTS = (
    ("torch", "_disable_dynamo"),
    ("torch._C", "_set_deterministic_algorithms"),
    ("torch.autograd", "Variable._execution_engine.run_backward"),
    ("torch.autograd", "_profiler_enabled"),
    ("torch.optim.optimizer", "_global_optimizer_post_hooks"),
    ("torch.optim.optimizer", "_global_optimizer_pre_hooks"),
    ("torch.optim.optimizer", "_use_grad_for_differentiable"),
    ("torch.utils.data._utils.signal_handling", "_remove_worker_pids"),
    ("torch.utils.data.dataloader", "_MultiProcessingDataLoaderIter"),
)


def test_these_are_the_private_parts_that_are_used():
    folder = REPOSITORY / "python" / "autrainer" / "fast"
    calls = [
        node
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "private"
    ]
    used = {tuple(ast.literal_eval(argument) for argument in call.args) for call in calls}
    assert sorted(used) == sorted(PARTS)


@pytest.mark.parametrize(("module", "path"), PARTS)
def test_torch_has_every_private_part_that_is_used(module, path):
    assert private(module, path) is not None


@pytest.mark.parametrize(("module", "path"), PARTS)
def test_a_closed_gate_gives_nothing(closed, module, path):
    assert private(module, path) is None


def test_parts_that_torch_has_not_are_none():
    assert private("torch.autograd", "Variable._gone.run_backward") is None
    assert private("torch._gone", "anything") is None


@pytest.mark.usefixtures("closed")
def test_a_closed_gate_leaves_classes_of_optimizers_alone():
    class Own(torch.optim.SGD): ...

    members = dict(vars(Own)), dict(vars(torch.optim.SGD))
    optimizers.keep_dynamo_out(Own)
    assert (dict(vars(Own)), dict(vars(torch.optim.SGD))) == members


@pytest.mark.usefixtures("closed")
def test_a_closed_gate_takes_every_process_for_one_that_is_profiled():
    assert gate.is_profiled()


TRAIN = """
import sys
from pathlib import Path
from tests.training.conftest import trained

PARTS = "tests.training.parts"
model = {"id": "N", "_target_": f"{PARTS}.NormedModel", "transform": {"type": "tabular"}}
workers = (f"dataset._target_={PARTS}.OwnCollateDataset", "train_loader_kwargs.num_workers=1")
trained(Path(sys.argv[1]), "optimizer=SAM-SGD", *workers, model=model)
trained(Path(sys.argv[2]), "optimizer=Adam", "+model.dropout=0.5", "micro_batch_size=5")
"""


@pytest.mark.slow
def test_a_run_without_private_parts_ends_with_the_same_bytes(tmp_path):
    for name in ("open", "closed"):
        environment = {**os.environ, SWITCH: "0" if name == "closed" else "1"}
        folders = [tmp_path / name / "sam", tmp_path / name / "adam"]
        forked.run(TRAIN, *folders, path=REPOSITORY, env=environment, check=True)
    assert contents(tmp_path / "open") == contents(tmp_path / "closed")
    assert list(tmp_path.glob("*/*/experiment/training/run/metrics.csv"))


DETERMINISTIC = """
import sys
import torch
from autrainer.fast.determinism import use_deterministic_algorithms

for wanted, warn_only in ((True, False), (True, True), (False, False)):
    use_deterministic_algorithms(wanted, warn_only=warn_only)
    mode = torch.get_deterministic_debug_mode()
    print(torch.are_deterministic_algorithms_enabled(), mode)
print("torch._inductor.config" in sys.modules)
"""


@pytest.mark.slow
def test_deterministic_algorithms_are_set_with_and_without_private_parts():
    told = [
        forked.run(DETERMINISTIC, env={**os.environ, SWITCH: switch}, check=True).stdout.split()
        for switch in ("1", "0")
    ]
    assert told[0][:-1] == told[1][:-1] == ["True", "2", "True", "1", "False", "0"]
    assert told[0][-1] == "False"


class Changed:
    """A part of torch that has another signature by now."""

    def __call__(self, mode):
        raise AssertionError("not to be called like this")


def test_a_private_part_of_another_signature_gives_way_to_the_public_one(monkeypatch):
    before = torch.get_deterministic_debug_mode()
    monkeypatch.setattr(torch._C, "_set_deterministic_algorithms", Changed())
    forget_what_was_found()
    asked = []
    monkeypatch.setattr(
        torch, "use_deterministic_algorithms", lambda wanted, **options: asked.append(options)
    )
    use_deterministic_algorithms(True, warn_only=True)
    forget_what_was_found()
    assert asked == [{"warn_only": True}]
    assert torch.get_deterministic_debug_mode() == before


def loader():
    return torch.utils.data.DataLoader(range(4), num_workers=1, persistent_workers=True)


def workers_of_this_process():
    return torch.multiprocessing.active_children()


@pytest.mark.slow
def test_workers_end_at_once_although_somebody_holds_the_pass():
    held = loader()
    batches = iter(held)
    next(batches)
    (worker,) = workers_of_this_process()
    assert workers.exit_codes(held) == []
    workers.end_workers(held)
    assert not worker.is_alive()
    assert workers.exit_codes(held) == []


@pytest.mark.slow
@pytest.mark.usefixtures("closed")
def test_with_a_closed_gate_workers_end_with_their_loader():
    held = loader()
    next(iter(held))
    (worker,) = workers_of_this_process()
    workers.end_workers(held)
    assert workers.exit_codes(held) == []
    assert worker.is_alive()
    del held
    worker.join()


def test_families_of_modules_are_what_torch_itself_asks_for():
    assert families.LOSS is torch.nn.modules.loss._Loss
    assert (torch.nn.modules.batchnorm._BatchNorm,) == families.BATCH_NORMS
    assert (torch.nn.modules.batchnorm._NormBase,) == families.RUNNING_NORMS


def test_a_family_without_a_base_of_its_own_is_its_members():
    members = (torch.nn.Linear, torch.nn.Conv1d)
    assert families.family(*members) == members
