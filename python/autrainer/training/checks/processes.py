"""Whether the processes of a run still train one and the same model."""

from __future__ import annotations

import torch

from autrainer.engine.runtime import Runtime
from autrainer.errors import AutrainerError


def refuse_divergence(runtime: Runtime, model: torch.nn.Module) -> None:
    """Refuse to go on with weights that are not the same in all processes.

    Sums of the weights are compared, which costs less than a step.

    Raises:
        AutrainerError: naming a parameter.
    """
    if runtime.process.is_alone:
        return
    names = [name for name, _ in model.named_parameters()]
    sums = [parameter.detach().double().sum() for parameter in model.parameters()]
    # As texts: NaN is the same in all processes, and not equal to itself.
    own = [repr(value) for value in torch.stack(sums).tolist()] if sums else []
    main, *others = runtime.gather((names, own))
    for rank, other in enumerate(others, 1):
        if other == main:
            continue
        named = zip(*main, strict=True), zip(*other, strict=True)
        different = next((a[0] for a, b in zip(*named, strict=False) if a != b), "a parameter")
        raise AutrainerError(
            f"the processes of this run no longer train the same model: {different} of rank {rank} "
            "differs from that of rank 0; a callback that changes the model or the step has to be "
            "there in all processes: give its class the attribute on_all_ranks = True"
        )


def refuse_mixed(runtime: Runtime) -> None:
    """Refuse processes of which some compute on other kinds of devices than the others.

    Raises:
        AutrainerError: if so.
    """
    kinds = runtime.gather(runtime.device.type)
    if len(set(kinds)) > 1:
        raise AutrainerError(
            f"the processes of this run compute on {', '.join(kinds)}, by rank; all of them need "
            "devices of the same kind"
        )
