"""What a run is built of: seeds, schedulers, optimizers, and parts of the user's own."""

import numpy as np
import pytest
import torch

from autrainer.errors import ConfigError, DataError
from autrainer.training import ModularTaskTrainer
from tests.training.conftest import built, configured, same_states, state, trained

PARTS = "tests.training.parts"
PLATEAU = {
    "id": "Plateau",
    "_target_": "torch.optim.lr_scheduler.ReduceLROnPlateau",
    "patience": 0,
    "factor": 0.5,
}


def scheduler(target, **options):
    name = f"torch.optim.lr_scheduler.{target}"
    return {"id": target, "_target_": name, **options}


def rates(trainer, *folders):
    states = [state(trainer.output_directory, folder, "optimizer.pt") for folder in folders]
    return [part["param_groups"][0]["lr"] for part in states]


def order(trainer, *epochs):
    folders = [trainer.output_directory / f"epoch_{epoch}" for epoch in epochs]
    return np.concatenate([np.load(folder / "train_indices.npy") for folder in folders])


def test_the_same_seed_gives_the_same_numbers_twice(tmp_path):
    options = ("+model.dropout=0.5", "dataset.size=60", "iterations=3")
    one, two = (trained(tmp_path, *options, name=name) for name in ("one", "two"))
    files = [path.relative_to(one.output_directory) for path in _results(one)]
    assert len(files) > 30
    different = [
        str(path)
        for path in files
        if (one.output_directory / path).read_bytes() != (two.output_directory / path).read_bytes()
    ]
    assert different == []


def _results(trainer):
    folder = trainer.output_directory
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".npy", ".csv", ".pt") or path.parent.name.startswith(("epoch", "_"))
    ]


def test_the_first_seed_is_of_the_training_and_the_second_of_the_data(tmp_path):
    runs = {}
    for seed in ("1-2", "1-3", "2-2"):
        runs[seed] = built(tmp_path, f"seed='{seed}'", "dataset.num_targets=3", name=seed)
        runs[seed].close()
    weights = {seed: trainer.model.state_dict() for seed, trainer in runs.items()}
    features = {seed: trainer.data.train_dataset[0].features for seed, trainer in runs.items()}
    assert same_states(weights["1-2"], weights["1-3"])
    assert not same_states(weights["1-2"], weights["2-2"])
    assert torch.equal(features["1-2"], features["2-2"])
    assert not torch.equal(features["1-2"], features["1-3"])


def test_one_seed_is_that_of_both(tmp_path):
    one, pair = built(tmp_path, "seed=4", name="4"), built(tmp_path, "seed='4-4'", name="4-4")
    one.close()
    pair.close()
    assert (one.config.seeds.training, one.data.seed) == (4, 4)
    assert same_states(one.model.state_dict(), pair.model.state_dict())


def test_the_first_weights_do_not_depend_on_the_data(tmp_path, csv_run):
    toy = built(
        tmp_path,
        "dataset.num_targets=3",
        "model.input_size=4",
        name="toy",
        dataset__feature_shape=4,
    )
    files = built(tmp_path, name="files", **csv_run("Classification"))
    toy.close()
    files.close()
    assert same_states(toy.model.state_dict(), files.model.state_dict())


def test_what_is_seen_when_and_dropped_does_not_depend_on_evaluations(tmp_path):
    options = ("+model.dropout=0.5", "iterations=4")
    often = trained(tmp_path, *options, name="often", callbacks=[f"{PARTS}.Evaluations"])
    seldom = trained(tmp_path, *options, "eval_frequency=4", name="seldom")
    assert np.array_equal(order(often, 1, 2, 3, 4), order(seldom, 4))
    one, two = (state(run.output_directory, "epoch_4") for run in (often, seldom))
    assert same_states(one, two)


def test_dropout_differs_from_epoch_to_epoch(tmp_path):
    options = ("+model.dropout=0.5", "learning_rate=1e-30", "batch_size=24")
    run = trained(tmp_path, *options).output_directory
    first, second = (
        np.load(run / f"epoch_{n}" / "train_outputs.npy")[
            np.argsort(np.load(run / f"epoch_{n}" / "train_indices.npy"))
        ]
        for n in (1, 2)
    )
    assert not np.allclose(first, second)


def test_every_pass_over_the_training_samples_has_an_order_of_its_own(tmp_path):
    trainer = trained(tmp_path)
    assert not np.array_equal(order(trainer, 1), order(trainer, 2))


@pytest.mark.parametrize(("frequency", "steps"), [("batch", 2), ("evaluation", 1)])
def test_a_scheduler_steps_as_often_as_asked(tmp_path, frequency, steps):
    decay = scheduler("StepLR", step_size=1, gamma=0.5, step_frequency=frequency)
    trainer = trained(tmp_path, scheduler=decay, learning_rate=1.0)
    assert rates(trainer, "_initial", "epoch_1", "epoch_2") == [1, 0.5**steps, 0.25**steps]
    assert trainer.scheduler_frequency == frequency


def test_a_scheduler_by_evaluation_does_not_step_between_them(tmp_path):
    decay = scheduler("StepLR", step_size=1, gamma=0.5)
    options = ("iterations=5", "eval_frequency=2")
    trainer = trained(tmp_path, *options, scheduler=decay, learning_rate=1.0)
    assert rates(trainer, "epoch_2", "epoch_4", "epoch_5") == [0.5, 0.25, 0.125]


@pytest.mark.parametrize(("task", "mode"), [("C", "max"), ("R", "max")])
def test_a_plateau_is_one_of_the_tracking_metric(tmp_path, task, mode):
    trainer = trained(tmp_path, f"dataset=ToyTabular-{task}", "iterations=4", scheduler=PLATEAU)
    values = trainer.metrics[trainer.data.tracking_metric.name].to_list()
    parameter = torch.nn.Parameter(torch.zeros(1))
    twin = torch.optim.SGD([parameter], lr=0.1)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(twin, mode, factor=0.5, patience=0)
    for value in values:
        plateau.step(value)
    assert trainer.scheduler.mode == mode
    assert rates(trainer, "epoch_4") == [twin.param_groups[0]["lr"]]
    assert rates(trainer, "epoch_4") != [0.1]


def test_a_plateau_of_an_error_is_where_it_stops_falling(tmp_path):
    metric = "dataset.tracking_metric=autrainer.metrics.MSE"
    trainer = built(tmp_path, "dataset=ToyTabular-R", metric, scheduler=PLATEAU)
    trainer.close()
    assert trainer.scheduler.mode == "min"


def test_a_mode_that_is_given_stands(tmp_path):
    trainer = built(tmp_path, scheduler={**PLATEAU, "mode": "min"})
    trainer.close()
    assert trainer.scheduler.mode == "min"


def test_a_plateau_by_batch_gets_the_loss_of_the_batch(tmp_path):
    # A loss that never falls by as much as this is always on a plateau.
    options = {**PLATEAU, "step_frequency": "batch", "threshold": 100.0, "threshold_mode": "abs"}
    trainer = trained(tmp_path, scheduler=options)
    assert trainer.scheduler.mode == "min"
    assert rates(trainer, "epoch_2") == [pytest.approx(0.1 * 0.5**3)]


def test_a_scheduler_may_come_from_a_function(tmp_path):
    made = {"id": "F", "_target_": f"{PARTS}.halving_schedule"}
    trainer = trained(tmp_path, scheduler=made, learning_rate=1.0)
    assert rates(trainer, "epoch_2") == [0.25]


@pytest.mark.parametrize("optimizer", ["LBFGS", "SAM-SGD"])
def test_optimizers_that_need_several_passes_train(tmp_path, optimizer):
    options = ("iterations=5", "batch_size=24", "learning_rate=0.05")
    trainer = trained(tmp_path, f"optimizer={optimizer}", *options)
    losses = trainer.metrics["train_loss"]
    assert losses[5] < losses[1]


def test_parameters_without_weight_decay_are_a_group_of_their_own(tmp_path):
    trainer = built(tmp_path, "+optimizer.weight_decay=0.1")
    trainer.close()
    groups = trainer.optimizer.param_groups
    assert [(group["weight_decay"], group["lr"]) for group in groups] == [(0.1, 0.1), (0.0, 0.1)]
    assert [[p.ndim for p in group["params"]] for group in groups] == [[2, 2], [1, 1]]


def test_a_batch_with_another_field_feeds_a_model_with_two_inputs(tmp_path):
    model = {"id": "M", "_target_": f"{PARTS}.PairedModel", "transform": {"type": "tabular"}}
    trainer = trained(tmp_path, dataset___target_=f"{PARTS}.PairedDataset", model=model)
    initial = state(trainer.output_directory, "_initial")
    final = state(trainer.output_directory, "epoch_2")
    assert not torch.equal(initial["two.weight"], final["two.weight"])
    assert (trainer.output_directory / "model_summary.txt").is_file()


def test_a_model_that_takes_lengths_has_a_summary_and_trains(tmp_path):
    model = {"id": "M", "_target_": f"{PARTS}.MaskingModel", "transform": {"type": "tabular"}}
    pad = {f"{subset}_loader_kwargs": {"pad": {"to": 80}} for subset in ("train", "dev", "test")}
    trainer = trained(tmp_path, "iterations=1", model=model, **pad)
    assert "[1, 80]" in (trainer.output_directory / "model_summary.txt").read_text()
    assert len(trainer.metrics) == 1


def test_a_model_that_calculates_in_float64_keeps_its_digits(tmp_path):
    criterion = "autrainer.criterions.CrossEntropyLoss"
    target = f"{PARTS}.WideModel"
    trainer = trained(tmp_path, model___target_=target, dataset__criterion=criterion)
    outputs = np.load(trainer.output_directory / "_test" / "test_outputs.npy")
    assert outputs.dtype == np.float64


@pytest.mark.parametrize("name", ["MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss"])
def test_losses_of_torch_compare_each_sample_with_its_own_target(tmp_path, name):
    options = ("dataset=ToyTabular-R", "batch_size=24", "iterations=1")
    run = trained(tmp_path, *options, dataset__criterion=f"torch.nn.{name}").output_directory
    raw = torch.from_numpy(np.load(run / "_test" / "test_outputs.npy"))
    targets = torch.from_numpy(np.load(run / "_test" / "test_targets.npy"))
    expected = getattr(torch.nn, name)(reduction="none")(raw.sigmoid().squeeze(1), targets)
    np.testing.assert_allclose(np.load(run / "_test" / "test_losses.npy"), expected, rtol=1e-5)


def test_workers_change_no_byte(tmp_path, csv_run):
    changes = csv_run("Classification")
    here = trained(tmp_path, "iterations=1", name="here", **changes)
    kwargs = {"num_workers": 1, "prefetch_factor": 1}
    options = {"train_loader_kwargs": kwargs, "dev_loader_kwargs": {"num_workers": 1}}
    workers = trained(tmp_path, "iterations=1", name="workers", **changes, **options)
    assert same_states(here.model.state_dict(), workers.model.state_dict())
    for path in ("metrics.csv", "epoch_1/train_outputs.npy", "epoch_1/dev_outputs.npy"):
        one, two = (run.output_directory / path for run in (here, workers))
        assert one.read_bytes() == two.read_bytes(), path


def test_options_of_the_dataset_take_the_place_of_those_of_the_run(tmp_path):
    changes = {
        "train_loader_kwargs": {"drop_last": False, "prefetch_factor": 3},
        "dataset__train_loader_kwargs": {"drop_last": True},
    }
    trainer = built(tmp_path, **changes)
    trainer.close()
    assert len(trainer.train_loader) == 1
    assert len(trainer.dev_loader) == 1


def test_a_dataset_may_make_loaders_in_the_way_of_earlier_versions(tmp_path):
    dataset = {"dataset___target_": f"{PARTS}.OldLoadersDataset"}
    kwargs = {"drop_last": True, "num_workers": 1}

    trained(tmp_path, train_loader_kwargs=kwargs, name="old", **dataset)

    message = "train_loader_kwargs has resident_mb, which create_train_loader of OldLoadersDataset"
    with pytest.raises(ConfigError, match=message):
        built(tmp_path, train_loader_kwargs={"resident_mb": 1}, **dataset)


def test_a_split_that_yields_no_batch_is_refused(tmp_path):
    options = ("batch_size=100", "+train_loader_kwargs={drop_last: true}")
    with pytest.raises(ConfigError, match="train split yields no batch of 100 samples"):
        built(tmp_path, *options)


def test_missing_files_are_told_before_training(tmp_path, csv_data, csv_run):
    (csv_data / "features" / "3.npy").unlink()
    with pytest.raises(FileNotFoundError, match=r"3\.npy"):
        built(tmp_path, **csv_run("Classification"))
    assert not list(tmp_path.rglob("*.pt"))


def test_a_missing_table_is_told_before_training(tmp_path, csv_data, csv_run):
    (csv_data / "dev.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"dev\.csv"):
        built(tmp_path, **csv_run("Classification"))


def test_a_missing_folder_is_told_before_training(tmp_path, csv_run):
    with pytest.raises(ValueError, match="features_subdir"):
        built(tmp_path, **csv_run("Classification", features_subdir="nowhere"))


def test_a_column_that_is_not_there_is_told_with_the_near_match(tmp_path, csv_run):
    with pytest.raises(DataError, match="label"):
        built(tmp_path, **csv_run("Classification", target_column="lable"))


def test_everything_that_is_wrong_is_told_at_once_and_nothing_is_written(tmp_path):
    cfg = configured(iterations=0, model__hiden_size=3, optimizer___target_="torch.optim.SDG")
    with pytest.raises(ConfigError, match="iterations"):
        ModularTaskTrainer(cfg, tmp_path / "run")
    cfg.iterations = 1
    with pytest.raises(ConfigError, match=r"(?s)hiden_size.*SDG"):
        ModularTaskTrainer(cfg, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_settings_of_plots_are_checked_before_anything_is_built(tmp_path):
    cfg = configured(plotting={"figsize": [4, 3], "latexx": True})
    with pytest.raises(
        ConfigError, match=r"(?s)plotting\.latexx.*latex.*plotting\.palette.*missing"
    ):
        ModularTaskTrainer(cfg, tmp_path / "run")
    assert not (tmp_path / "run").exists()
