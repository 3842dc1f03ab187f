"""Run folders as autrainer 0.10 leaves them, written by hand: what `RunRecord` reads is in them.

Numbers come from the seed, so that a test can tell what has to come out of several runs.
"""

import copy
import csv
from pathlib import Path

import yaml

CONFIG = {
    "seed": 1,
    "batch_size": 32,
    "learning_rate": 0.001,
    "training_type": "epoch",
    "eval_frequency": 1,
    "save_frequency": 1,
    "inference_batch_size": 32,
    "device": "cpu",
    "reproducible": True,
    "progress_bar": True,
    "continue_training": True,
    "remove_continued_runs": True,
    "save_train_outputs": True,
    "save_dev_outputs": True,
    "save_test_outputs": True,
    "dataset": {
        "id": "Toy-C",
        "_target_": "autrainer.datasets.ToyDataset",
        "criterion": "autrainer.criterions.CrossEntropyLoss",
        "metrics": ["autrainer.metrics.Accuracy", {"autrainer.metrics.MSE": None}],
        "tracking_metric": "autrainer.metrics.Accuracy",
    },
    "model": {"id": "FFNN", "_target_": "autrainer.models.FFNN", "hidden_size": 8},
    "optimizer": {"id": "Adam", "_target_": "torch.optim.Adam"},
    "scheduler": {"id": "None", "_target_": "None"},
    "augmentation": {
        "id": "None",
        "_target_": "autrainer.augmentations.AugmentationPipeline",
        "pipeline": [],
    },
    "plotting": {"figsize": [6, 4], "latex": False, "filetypes": ["png"], "pickle": False},
    "results_dir": "results",
    "experiment_id": "default",
    "iterations": 3,
}
PLOTTING = {
    **CONFIG["plotting"],
    **{"context": "notebook", "palette": "colorblind", "replace_none": False, "add_titles": True},
    **{"add_xlabels": True, "add_ylabels": True, "rcParams": {}},
}
NAMING = (
    *("dataset", "model", "optimizer", "learning_rate", "batch_size", "training_type"),
    *("iterations", "scheduler", "augmentation", "seed"),
)


def config_with(**changes):
    """A configuration; `model__hidden_size=4` changes a key of a group."""
    config = copy.deepcopy(CONFIG | {"plotting": PLOTTING})
    for key, value in changes.items():
        target = config
        *groups, last = key.split("__")
        for group in groups:
            target = target[group]
        target[last] = value
    return config


def name_of(config):
    parts = [config[key] for key in NAMING]
    return "_".join(str(part["id"] if isinstance(part, dict) else part) for part in parts)


def curves_of(config):
    """Rows of metrics: accuracy rises to iteration 2 and falls then; the seed shifts all of it."""
    shift = config["seed"] / 100
    return [
        {
            "accuracy": 0.5 + shift - abs(iteration - 2) / 10,
            "mse": 0.25 + shift + abs(iteration - 3) / 10,
            "train_loss": 1 / iteration,
            "dev_loss": 1.5 + shift + abs(iteration - 2) / 10,
            "iteration": iteration,
        }
        for iteration in range(1, config["iterations"] + 1)
    ]


def write_run(training, folder=None, *, finished=True, strata=("a", "b"), **changes):
    """Write the folder of a run below `training`, and return its path."""
    config = config_with(**changes)
    run = Path(training) / (folder or name_of(config))
    rows = curves_of(config)
    write_yaml(run / ".hydra" / "config.yaml", config)
    for row in rows if finished else rows[:2]:
        write_yaml(run / f"epoch_{row['iteration']}" / "dev.yaml", scores_of(row, strata))
    best = max(rows, key=lambda row: row["accuracy"])
    write_yaml(run / "_best" / "dev.yaml", scores_of(best, strata))
    if not finished:
        return run
    write_csv(run / "metrics.csv", rows)
    write_yaml(run / "_best" / "best_results.yaml", best_of(rows) | {"best_iteration": 2})
    test = {name: part for name, part in scores_of(best, strata).items() if name != "iteration"}
    test["loss"] = test.pop("dev_loss")
    write_yaml(run / "_test" / "test_holistic.yaml", test)
    write_outputs(run / "_test", "test", config["seed"])
    times = {"mean": "0:00:01", "mean_seconds": 1.0, "total": "0:00:03", "total_seconds": 3.0}
    write_yaml(run / "timer.yaml", dict.fromkeys(("train", "dev", "test"), times))
    for name in ("_best", "epoch_3"):
        (run / name).mkdir(exist_ok=True)
        (run / name / "model.pt").write_bytes(b"weights")
    return run


def scores_of(row, strata):
    parts = {
        name: {"all": row[name]} | {s: row[name] + n / 100 for n, s in enumerate(strata, 1)}
        for name in ("accuracy", "mse")
    }
    return {**parts, "dev_loss": {"all": row["dev_loss"]}, "iteration": row["iteration"]}


def best_of(rows):
    losses = {f"{n}_min": min(row[n] for row in rows) for n in ("train_loss", "dev_loss")}
    accuracy, mse = max(row["accuracy"] for row in rows), min(row["mse"] for row in rows)
    return {**losses, "accuracy": accuracy, "mse": mse}


def write_outputs(folder, subset, seed):
    """Four samples of which the seed decides about two."""
    right = 0.5 + seed / 10
    rows = [
        {"index": index, "predictions": name, "target": "yes", "probability_yes": value}
        for index, (name, value) in enumerate(
            [("yes", 0.9), ("no", 0.2), ("yes" if right > 0.65 else "no", right), ("yes", 0.8)]
        )
    ]
    write_csv(folder / f"{subset}_results.csv", rows)


def write_yaml(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content, sort_keys=False))


def write_csv(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
