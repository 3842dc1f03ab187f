"""The weights of a model divided over the processes of a run, by torch's `fully_shard` (FSDP2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import nn

from autrainer.engine.interfaces import Batch
from autrainer.engine.precision import Precision
from autrainer.engine.runtime import Runtime
from autrainer.errors import ConfigError, ProcessLostError
from autrainer.fast.families import RUNNING_NORMS

UNIT_PARAMETERS = 1_000_000
"""A child of a list of modules with so many parameters is a unit of its own by default."""


class Sharding:
    """Divides a model: each process keeps its rows of every weight, gradient and moment.

    The model is divided into units. All weights of a unit are brought together while it computes,
    and forgotten afterwards, so that a process has its share and the largest unit. States are
    those of a model that is not divided: `state_dict` of model and optimizer, which all processes
    have to call, give whole tensors on the CPU of the main process (on the others they are on the
    device `meta`, without content), and `load_state_dict` takes whole tensors.

    Args:
        runtime: The device of this process, and the other processes. All of them make this object
            at the same time.
        units: Patterns of names or of classes of modules; None for the children of lists of
            modules with many parameters. What is in no unit is one more.

    Attributes:
        example: A sample, for passes in which this process has none of its own.

    Raises:
        ConfigError: if torch is too old.
    """

    def __init__(self, runtime: Runtime, units: Sequence[str] | None = None) -> None:
        self._runtime, self._units = runtime, units
        self._mesh = _mesh(runtime)
        self._model: Any = None
        self.example: Batch | None = None

    def divide(self, model: nn.Module) -> None:
        """Divide the model that is trained, and bring the share of this process to its device.

        Raises:
            ConfigError: if it cannot be divided.
        """
        self.divide_copy(model)
        self._model = model

    def divide_copy(self, model: nn.Module) -> None:
        """Divide a copy that was made of the model before that was divided, in the same way."""
        from torch.distributed.fsdp import fully_shard

        units = _find_units(model, self._units)
        _refuse_scalars(model)
        _refuse_tied(model, units)
        for name in sorted(units, key=_depth, reverse=True):
            # Sharded again after the forward pass, the root too: between passes all weights are
            # those that the optimizer has.
            fully_shard(units[name], mesh=self._mesh, reshard_after_forward=True)
            _keep_name(units[name])
        divided: Any = model.to(self._runtime.device)
        divided.register_state_dict_post_hook(self._gather_model())
        divided.register_load_state_dict_pre_hook(_divide_model_state)

    def follow(self, optimizer: torch.optim.Optimizer) -> None:
        """Let an optimizer of the divided model have whole states."""
        optimizer.register_state_dict_post_hook(self._gather_optimizer)
        optimizer.register_load_state_dict_pre_hook(_divide_optimizer_state)

    def join_pass(
        self, precision: Precision, copy: nn.Module | None = None, *, trains: bool = False
    ) -> None:
        """Take part in a pass of the others without a sample: all of them bring weights together.

        Args:
            precision: Passes the model its inputs.
            copy: The divided copy that they pass through; None for the model itself.
            trains: Take part in the backward pass too; gradients do not change by it.
        """
        assert self.example is not None
        model: Any = self._model if copy is None else copy
        with _norms_at_rest(model), self.losses_named():
            output = precision.forward(model, self.example)
            if trains:
                torch.autograd.backward(output, torch.zeros_like(output))

    @contextmanager
    def losses_named(self) -> Iterator[None]:
        """Name what it means if torch cannot exchange anything within the block.

        Raises:
            ProcessLostError: if a process has ended or does not answer.
        """
        try:
            yield
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
            is_of_network = isinstance(error, torch.distributed.DistError)
            if not is_of_network and "gloo/" not in reason:
                raise
            raise ProcessLostError(
                f"another process of the run has ended or does not answer ({reason})"
            ) from error

    def _gather_model(self) -> Any:
        # Torch marks the function, which it cannot do to a method.
        def gather(module: nn.Module, state: dict[str, Any], *_: Any) -> None:
            for name, value in state.items():
                state[name] = self._whole(value)

        return gather

    def _gather_optimizer(self, optimizer: Any, state: dict[str, Any]) -> dict[str, Any]:
        entries = {
            position: {name: self._whole(value) for name, value in entry.items()}
            for position, entry in state["state"].items()
        }
        return {**state, "state": entries}

    def _whole(self, value: Any) -> Any:
        """A value with all its rows on the CPU of the main process."""
        if not is_divided(value):
            return value
        with self.losses_named():
            whole = value.detach().full_tensor()
        return whole.cpu() if self._runtime.is_main else whole.to("meta")


def is_divided(value: Any) -> bool:
    """Whether a value is a tensor of which each process has a part."""
    return isinstance(value, torch.Tensor) and hasattr(value, "full_tensor")


def whole(value: torch.Tensor) -> torch.Tensor:
    """A tensor with all its rows, on all processes, which have to ask for it together."""
    found: Any = value
    return found.full_tensor() if is_divided(value) else value


def share_of(value: torch.Tensor) -> torch.Tensor:
    """The rows of a tensor that this process has; changing them changes the tensor."""
    found: Any = value
    return found.to_local() if is_divided(value) else value


def _mesh(runtime: Runtime) -> Any:
    try:
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"strategy is 'fsdp', which needs torch 2.6 or later, and this is {torch.__version__}; "
            "use ddp"
        ) from error
    return init_device_mesh(runtime.device.type, (runtime.world_size,))


def _find_units(model: nn.Module, patterns: Sequence[str] | None) -> dict[str, nn.Module]:
    """The modules whose weights are brought together at once, by name; the model itself is one.

    Raises:
        ConfigError: if a pattern fits no module, or one that is never called.
    """
    modules = dict(model.named_modules())
    if patterns is None:
        return {n: m for n, m in modules.items() if not n or _is_unit(modules, n, m)}
    found = {"": model}
    for pattern in patterns:
        fitting = {name: m for name, m in modules.items() if name and _fits(pattern, name, m)}
        if not fitting:
            some = ", ".join([*modules][1:6])
            raise ConfigError(
                f"fsdp.units has {pattern!r}, which is the name or class of no module of "
                f"{type(model).__name__}; its modules are {some}, ..."
            )
        for name, module in fitting.items():
            if not _is_called(module):
                raise ConfigError(
                    f"fsdp.units has {pattern!r}, and {name!r} is a {type(module).__name__}, which "
                    f"is never called itself; name its children: {name}.*"
                )
        found |= fitting
    return {name: m for name, m in found.items() if not name or any(True for _ in m.parameters())}


def _is_unit(modules: dict[str, nn.Module], name: str, module: nn.Module) -> bool:
    parent = modules[name.rpartition(".")[0]]
    is_listed = isinstance(parent, nn.ModuleList | nn.Sequential) and _is_called(module)
    return is_listed and sum(p.numel() for p in module.parameters()) >= UNIT_PARAMETERS


def _is_called(module: nn.Module) -> bool:
    return type(module).forward is not nn.Module.forward


def _fits(pattern: str, name: str, module: nn.Module) -> bool:
    """Whether a pattern is that of a module; its `*` stays between two dots."""
    parts, wanted = name.split("."), pattern.split(".")
    fits_name = len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))
    return fits_name or fnmatchcase(type(module).__name__, pattern)


def _depth(name: str) -> int:
    return name.count(".") + bool(name)


def _refuse_scalars(model: nn.Module) -> None:
    name = next((name for name, p in model.named_parameters() if not p.dim()), None)
    if name is not None:
        raise ConfigError(
            f"strategy is 'fsdp', which divides weights by rows, and {name!r} of "
            f"{type(model).__name__} is a single number; give it the shape (1,), or use ddp"
        )


def _refuse_tied(model: nn.Module, units: Iterable[str]) -> None:
    """Refuse weights that two units share: each would have its own."""
    owners: dict[int, tuple[str, str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        inside = [unit for unit in units if not unit or name.startswith(f"{unit}.")]
        owner = max(inside, key=len)
        first, other = owners.setdefault(id(parameter), (name, owner))
        if other != owner:
            raise ConfigError(
                f"strategy is 'fsdp', and {first!r} and {name!r} of {type(model).__name__} are one "
                "weight in two units; name other units by fsdp: {units: [...]} so that it is in "
                "one (an empty list makes the whole model one), or use ddp"
            )


def _keep_name(module: nn.Module) -> None:
    """Let the class that torch has put in place of a module's have the name of that.

    It is written into files, by which the model is built again.
    """
    kind = type(module)
    own = next(each for each in kind.__mro__[1:] if not each.__name__.startswith("FSDP"))
    kind.__name__, kind.__qualname__, kind.__module__ = (
        *(own.__name__, own.__qualname__),
        own.__module__,
    )


@contextmanager
def _norms_at_rest(model: nn.Module) -> Iterator[None]:
    """Within the block, layers with running statistics do not update them."""
    norms = [each for each in model.modules() if isinstance(each, RUNNING_NORMS) and each.training]
    for norm in norms:
        norm.training = False
    try:
        yield
    finally:
        for norm in norms:
            norm.training = True


def _divide_model_state(module: nn.Module, state: dict[str, Any], *_: Any) -> None:
    for name, own in module.named_parameters(remove_duplicate=False):
        if name in state:
            state[name] = _like(state[name], own)


def _divide_optimizer_state(optimizer: Any, state: dict[str, Any]) -> dict[str, Any]:
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    entries = {
        position: {name: _like(value, parameters[position]) for name, value in entry.items()}
        for position, entry in state["state"].items()
        if position < len(parameters)
    }
    return {**state, "state": entries}


def _like(value: Any, own: Any) -> Any:
    """The rows of a whole tensor that this process has of a weight; others as they are."""
    is_whole = isinstance(value, torch.Tensor) and not is_divided(value)
    if not is_divided(own) or not is_whole or value.shape != own.shape:
        return value
    from torch.distributed.tensor import distribute_tensor

    # Each process has the whole tensor: nothing has to be sent.
    moved = value.to(own.device)
    return distribute_tensor(moved, own.device_mesh, own.placements, src_data_rank=None)
