"""Optimizers without the compiler are the same optimizers, to the last bit.

In processes of their own, because only there has nobody imported the compiler yet.
"""

import subprocess
import sys

import pytest

from tests import forked

pytestmark = pytest.mark.slow

TRAIN = """
import hashlib, sys, warnings
warnings.simplefilter("error")
import torch
from torch import nn
from autrainer.fast.optimizers import keep_dynamo_out

NAMES = (
    "ASGD Adadelta Adafactor Adagrad Adam AdamW Adamax LBFGS Muon NAdam RAdam RMSprop Rprop SGD "
    "SparseAdam"
).split()
OPTIONS = [("SGD", {"momentum": 0.9, "nesterov": True}), ("Adam", {"fused": True}),
           ("Adam", {"foreach": True, "amsgrad": True}), ("AdamW", {"weight_decay": 0.3})]

def train(name, options):
    kind = getattr(torch.optim, name)
    if sys.argv[1] == "light":
        keep_dynamo_out(kind)
    torch.manual_seed(0)
    sparse = name == "SparseAdam"
    bias = name != "Muon"
    model = nn.Embedding(10, 3, sparse=True) if sparse else nn.Sequential(
        nn.Linear(8, 8, bias=bias), nn.ReLU(), nn.Linear(8, 1, bias=bias))
    x = torch.arange(10) if sparse else torch.rand(16, 8)
    optimizer = kind(model.parameters(), lr=0.01, **options)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=3)
    def closure():
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        return loss
    for step in range(20):
        if name == "LBFGS":
            loss = optimizer.step(closure)
        else:
            loss = closure()
            optimizer.step()
        scheduler.step()
        plateau.step(loss.item())
        if step == 10:
            optimizer.load_state_dict(optimizer.state_dict())
    assert torch.is_grad_enabled()
    weights = b"".join(p.detach().numpy().tobytes() for p in model.parameters())
    print(name, options, hashlib.sha256(weights).hexdigest())

for name, options in [*((name, {}) for name in NAMES), *OPTIONS]:
    if hasattr(torch.optim, name):
        train(name, options)
print("torch._dynamo" in sys.modules)
"""

AFTERWARDS = """
import sys, warnings
import torch
from torch import nn
from autrainer.fast.optimizers import keep_dynamo_out

keep_dynamo_out(torch.optim.SGD)
keep_dynamo_out(torch.optim.SGD)

def make():
    torch.manual_seed(0)
    model = nn.Linear(4, 1)
    return model, torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5)

x = torch.rand(8, 4)
def train(model, optimizer, forward):
    for _ in range(3):
        optimizer.zero_grad()
        forward(x).square().mean().backward()
        optimizer.step()

plain, optimizer = make()
train(plain, optimizer, plain)
assert "torch._dynamo" not in sys.modules
train(plain, optimizer, plain)

model, optimizer = make()
train(model, optimizer, model)
compiled = torch.compile(model, backend="eager")
train(model, optimizer, compiled)
assert "torch._dynamo" in sys.modules
assert all(torch.equal(a, b) for a, b in zip(model.parameters(), plain.parameters()))
# Torch's own wrapper is back in place.
held = getattr(torch.optim.Optimizer.zero_grad.__wrapped__, "__dynamo_disable")
assert "autrainer" not in held.__module__, held
step = vars(torch.optim.Adam)["step"]
keep_dynamo_out(torch.optim.Adam)
assert vars(torch.optim.Adam)["step"] is step
print("fine")
"""


def run(script, *arguments):
    done = forked.run(script, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_every_optimizer_trains_the_same_bits_without_the_compiler():
    light, plain = run(TRAIN, "light"), run(TRAIN, "plain")
    assert light[:-1] == plain[:-1]
    assert len(light) > 14
    assert (light[-1], plain[-1]) == ("False", "True")


def test_compiling_afterwards_still_works():
    assert run(AFTERWARDS)[-1] == "fine"


def test_packages_import_nothing_that_a_toy_run_does_not_need():
    packages = ["augmentations", "criterions", "metrics", "models", "optimizers", "transforms"]
    imports = "\n".join(f"import autrainer.{package}" for package in packages)
    heavy = ("pandas", "sklearn", "matplotlib", "torch._dynamo", "audmetric", "torchinfo", "PIL")
    loaded = f"print([name for name in {heavy} if name in sys.modules])"
    command = [sys.executable, "-c", f"import sys\n{imports}\n{loaded}"]
    assert subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout == b"[]\n"


HEARD = """
import torch
from torch.profiler import ProfilerActivity, profile
from autrainer.fast.optimizers import keep_dynamo_out

keep_dynamo_out(torch.optim.SGD)
weight = torch.ones(1, requires_grad=True)
optimizer = torch.optim.SGD([weight], lr=0.1)
other = torch.optim.SGD([weight], lr=0.1)
weight.grad = torch.ones(1)
heard = []
before = optimizer.register_step_pre_hook(lambda *given: heard.append("before"))
after = optimizer.register_step_post_hook(lambda *given: heard.append("after"))
optimizer.step()
other.step()
before.remove()
after.remove()
optimizer.step()
assert heard == ["before", "after"], heard
from torch.optim.optimizer import register_optimizer_step_post_hook
everywhere = register_optimizer_step_post_hook(
    lambda *given: heard.append("everywhere"))
other.step()
everywhere.remove()
optimizer.step()
assert heard == ["before", "after", "everywhere"], heard
with profile(activities=[ProfilerActivity.CPU]) as seen:
    optimizer.step()
assert "Optimizer.step#SGD.step" in [event.key for event in seen.key_averages()]
assert round(weight.item(), 4) == 0.4, weight
print("fine")
"""


def test_hooks_of_a_step_and_profilers_are_still_told():
    assert run(HEARD)[-1] == "fine"
