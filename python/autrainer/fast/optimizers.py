"""Keeps `torch._dynamo` out of processes that never compile anything.

Torch's optimizers import it when they are made and at every step, only to tell a compiler that
may be tracing them to look away. The import takes longer than many a training on toy data. What
is done here holds exactly as long as nobody else has imported it; from then on torch's own
functions run again. Results are the same to the last bit: nothing is calculated differently.

Only functions that look exactly as expected are touched. Where torch has changed them, everything
stays as it is and merely takes longer.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import CodeType, FunctionType
from typing import Any

import torch

from autrainer.fast.gate import is_compiler_loaded, is_profiled, private

_MARK = "__dynamo_disable"


def keep_dynamo_out(optimizer_class: type[torch.optim.Optimizer]) -> None:
    """Let a class of optimizers work without importing `torch._dynamo`.

    Changes the class and its bases, in this process. Nothing is done once the module is imported.

    Args:
        optimizer_class: The class, before the first optimizer of it is made.
    """
    if is_compiler_loaded():
        return
    wrapper_code, step_code = _code_of_disable_wrapper(), _code_of_step_wrapper()
    for cls in optimizer_class.__mro__:
        for name, member in list(vars(cls).items()):
            if not isinstance(member, FunctionType):
                continue
            if member.__code__ is wrapper_code:
                _defer_disable(member)
            elif name == "step" and member.__code__ is step_code:
                setattr(cls, name, _light_step(member))
    _hook_lightly(optimizer_class)


def _code_of_disable_wrapper() -> CodeType | None:
    """Code shared by all functions that `torch._disable_dynamo` has wrapped."""
    code = _code_of_wrapper(private("torch", "_disable_dynamo"))
    # They look for the compiler's own wrapper under this name, and import it if there is none.
    return code if code is not None and _MARK in code.co_consts else None


def _code_of_step_wrapper() -> CodeType | None:
    """Code shared by all `step` methods that set whether gradients are recorded."""
    code = _code_of_wrapper(private("torch.optim.optimizer", "_use_grad_for_differentiable"))
    expected = ("set_grad_enabled", "is_grad_enabled", "graph_break")
    known = code is not None and all(name in code.co_names for name in expected)
    return code if known and "differentiable" in _texts(code) else None


def _code_of_wrapper(decorator: Any) -> CodeType | None:
    if not isinstance(decorator, FunctionType):
        return None

    def probe() -> None:
        """Wrapped, never called."""

    wrapped = decorator(probe)
    if not isinstance(wrapped, FunctionType) or getattr(wrapped, "__wrapped__", None) is not probe:
        return None
    return wrapped.__code__


def _texts(code: CodeType | None) -> tuple[Any, ...]:
    return () if code is None else code.co_consts


def _defer_disable(wrapper: FunctionType) -> None:
    """Give a wrapper what it looks for: a function that runs the wrapped one as it is.

    Once the compiler is there, the wrapper is set back and does what it always did.
    """
    function: Callable[..., Any] = wrapper.__wrapped__  # type: ignore[attr-defined]
    if getattr(function, _MARK, None) is not None:
        return

    def deferred(*args: Any, **kwargs: Any) -> Any:
        if not is_compiler_loaded():
            return function(*args, **kwargs)
        if getattr(function, _MARK, None) is deferred:
            delattr(function, _MARK)
        return wrapper(*args, **kwargs)

    setattr(function, _MARK, deferred)


_HOOK_NAMES = {
    "_optimizer_step_pre_hooks",
    "_optimizer_step_post_hooks",
    "_global_optimizer_pre_hooks",
    "_global_optimizer_post_hooks",
    "_optimizer_step_code",
    "record_function",
}
"""What torch's hooked step looks at, besides calling the step itself."""


def _hook_lightly(optimizer_class: type[torch.optim.Optimizer]) -> None:
    """Give a class its hooked step before its first optimizer would.

    Torch's tells a profiler of every step, at the cost of a tenth of a small one, whether or not
    there is a profiler. This one calls it only if somebody listens: a hook, a profiler, a compiler.
    """
    wrap = getattr(torch.optim.Optimizer, "profile_hook_step", None)
    step = optimizer_class.step
    if not isinstance(wrap, FunctionType) or getattr(step, "hooked", None):
        return
    hooked: Any = wrap(step)
    global_pre = private("torch.optim.optimizer", "_global_optimizer_pre_hooks")
    global_post = private("torch.optim.optimizer", "_global_optimizer_post_hooks")
    is_known = set(hooked.__code__.co_names) >= _HOOK_NAMES
    if not is_known or global_pre is None or global_post is None:
        return

    @wraps(step)
    def light(self: torch.optim.Optimizer, *args: Any, **kwargs: Any) -> Any:
        if (
            self._optimizer_step_pre_hooks
            or self._optimizer_step_post_hooks
            or global_pre
            or global_post
            or is_profiled()
            or is_compiler_loaded()
        ):
            return hooked(self, *args, **kwargs)
        result = step(self, *args, **kwargs)
        self._optimizer_step_code()
        return result

    light.hooked = True  # type: ignore[attr-defined]
    optimizer_class.step = light  # type: ignore[method-assign]


def _light_step(original: FunctionType) -> Callable[..., Any]:
    """The same step, without the marks for the compiler as long as there is none."""
    function: Callable[..., Any] = original.__wrapped__  # type: ignore[attr-defined]

    @wraps(function)
    def step(self: torch.optim.Optimizer, *args: Any, **kwargs: Any) -> Any:
        if is_compiler_loaded():
            return original(self, *args, **kwargs)
        previous = torch.is_grad_enabled()
        try:
            torch.set_grad_enabled(self.defaults["differentiable"])
            return function(self, *args, **kwargs)
        finally:
            torch.set_grad_enabled(previous)

    return step
