"""Strategies: configurations that train in a moment, and ways to damage one."""

import copy
import math

from hypothesis import strategies as st

from tests.training.conftest import configured

OPTIMIZERS = (
    *("Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "ASGD", "LBFGS", "NAdam", "RAdam"),
    *("RMSprop", "Rprop", "SAM-SGD", "SGD"),
)
"""All that are shipped but SparseAdam, which wants sparse gradients."""

CRITERIONS = {
    "C": ("CrossEntropyLoss", "BalancedCrossEntropyLoss"),
    "MLC": ("BCEWithLogitsLoss", "BalancedBCEWithLogitsLoss"),
    "R": ("MSELoss",),
    "MTR": ("MSELoss",),
}
SAMPLERS = {
    "C": ("autrainer.data.sampler.BalancedSampler",),
    "R": ({"autrainer.data.sampler.WeightedSampler": {"weights": "target"}},),
}
"""Beside those of `ANY_SAMPLER`."""
ANY_SAMPLER = (
    *(None, {"autrainer.data.sampler.BlockSampler": {"block_size": 7, "window": 3}}),
    "autrainer.data.sampler.EpochSampler",
)
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def loader_options(draw):
    """Options of a loader that change nothing but how batches are made."""
    options = {
        "drop_last": st.booleans(),
        "resident_mb": st.sampled_from([0, 16]),
        "nonfinite": st.sampled_from(["error", "warn", "ignore", "allow"]),
    }
    workers = {"num_workers": st.integers(1, 2), "prefetch_factor": st.integers(1, 3)}
    return draw(st.fixed_dictionaries(draw(st.sampled_from([{}, workers])), optional=options))


@st.composite
def valid(draw):
    """A configuration over the schema, as plain containers; trains in a fraction of a second."""
    task = draw(st.sampled_from(sorted(CRITERIONS)))
    choices = {
        "dataset": f"ToyTabular-{task}",
        "optimizer": draw(st.sampled_from(OPTIMIZERS)),
        "scheduler": draw(st.sampled_from(["None", "StepLR", "ReduceLROnPlateau"])),
        "augmentation": draw(st.sampled_from(["None", "GaussianNoise"])),
    }
    iterations = draw(st.integers(1, 5))
    size = draw(st.integers(60, 90))
    criterion = draw(st.sampled_from(CRITERIONS[task]))
    changes = {
        "iterations": iterations,
        "training_type": draw(st.sampled_from(["epoch", "step"])),
        "eval_frequency": draw(st.integers(1, iterations)),
        "save_frequency": draw(st.integers(1, 6)),
        "batch_size": draw(st.integers(3, 36)),
        # With `drop_last`, dev and test have to have a full batch.
        "inference_batch_size": draw(st.integers(1, 12)),
        "learning_rate": draw(st.floats(1e-5, 1e-2)),
        "seed": draw(SEEDS | st.builds("{}-{}".format, SEEDS, SEEDS)),
        "keep_checkpoints": draw(st.none() | st.integers(1, 3)),
        "resume_every": draw(st.sampled_from([1, 2, "10 min", "0.5 s"])),
        "on_nonfinite": draw(st.sampled_from(["error", "skip", "ignore"])),
        "outputs_format": draw(st.sampled_from(["csv", "parquet", "arrow"])),
        "dataset__size": size,
        "dataset__num_targets": draw(st.integers(2, 3)) if task != "R" else 1,
        "dataset__feature_shape": 6,
        "dataset__criterion": f"autrainer.criterions.{criterion}",
        "model__input_size": 6,
        "model__num_layers": draw(st.integers(1, 3)),
    }
    for split in ("train", "dev", "test"):
        changes[f"save_{split}_outputs"] = draw(st.booleans())
        changes[f"{split}_loader_kwargs"] = draw(loader_options())
    sampler = draw(st.sampled_from([*ANY_SAMPLER, *SAMPLERS.get(task, ())]))
    changes["train_loader_kwargs"]["sampler"] = sampler
    if choices["scheduler"] != "None":
        changes["scheduler__step_frequency"] = draw(st.sampled_from(["evaluation", "batch"]))
    if choices["optimizer"] not in ("LBFGS", "Rprop"):
        changes["optimizer__weight_decay"] = draw(st.sampled_from([0.0, 0.01]))
    if draw(st.booleans()):
        changes["callbacks"] = ["tests.training.parts.StepCounter"]
    if draw(st.booleans()):
        changes["loggers"] = ["tests.training.parts.Ledger"]
    return plain(configured(*(f"{k}={v}" for k, v in choices.items()), **changes))


def plain(config):
    """A configuration as plain containers."""
    from omegaconf import OmegaConf

    return OmegaConf.to_container(config, resolve=True)


# Numbers that no memory holds; as one of these keys they ask for endless work instead.
HUGE = (2**40, 2**63, 10**30)
ENDLESS = ("iterations", "num_layers", "num_targets")
VALUES = (
    *(None, True, 0, -1, 1.5, 1e300, math.nan, math.inf, *HUGE, 10**400),
    *("", "größe 🎧", "a\x00b", "???", "nowhere.Nothing", "torch.nn.Linear"),
    *("autrainer.metrics.Accuracy", "${nowhere}", "${oc.env:NOWHERE_AT_ALL}", "${"),
    *([], [1], [[None]], {}, {"a": 1}, {1: 2}),
)


def paths(node, at=()):
    """Every place in nested containers."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if at else ()
    for key, value in items:
        yield (*at, key)
        if isinstance(value, dict | list):
            yield from paths(value, (*at, key))


@st.composite
def damaged(draw, config):
    """The configuration with one thing wrong, and the path to it."""
    config = copy.deepcopy(config)
    path = draw(st.sampled_from(list(paths(config))))
    holder = config
    for step in path[:-1]:
        holder = holder[step]
    *_, last = path
    kinds = ["value", "removed", "in a list", "nested"]
    kinds += ["misspelt"] if isinstance(last, str) else []
    kinds += ["one more"] if isinstance(holder[last], dict) else []
    match draw(st.sampled_from(kinds)):
        case "value":
            bearable = [value for value in VALUES if last not in ENDLESS or value not in HUGE]
            holder[last] = copy.deepcopy(draw(st.sampled_from(bearable)))
        case "removed":
            del holder[last]
        case "misspelt":
            position = draw(st.integers(0, len(last)))
            slip = draw(st.sampled_from("axz_"))
            holder[f"{last[:position]}{slip}{last[position:]}"] = holder.pop(last)
        case "in a list":
            holder[last] = [holder[last]]
        case "nested":
            holder[last] = {str(last): holder[last]}
        case "one more":
            holder[last]["nobody_knows_this"] = 1
    return config, path
