"""Methods over several datasets in a report."""

import numpy as np
import pytest

from autrainer.cli import report
from autrainer.postprocessing.report.datasets import compare_datasets
from autrainer.postprocessing.report.runs import runs_of_report
from autrainer.runs.record.run_record import RunRecord
from autrainer.statistics import wilcoxon_signed_rank
from tests.run_folders import write_run, write_yaml


@pytest.fixture
def write_scored(tmp_path):
    def write(score, **changes):
        training = tmp_path / "results" / "default" / "training"
        name = "_".join(map(str, changes.values()))
        folder = write_run(training, name, **changes)
        write_yaml(folder / "_test" / "test_holistic.yaml", {"accuracy": {"all": score}})
        return RunRecord(folder)

    return write


def compared(records):
    return compare_datasets(runs_of_report(records))


def sweep(write_scored, num_datasets, methods=("A", "B"), seeds=(1, 2)):
    rng = np.random.default_rng(0)
    return [
        write_scored(float(rng.random()), dataset__id=f"D{d}", model__id=model, seed=seed)
        for d in range(num_datasets)
        for model in methods
        for seed in seeds
    ]


def test_means_over_seeds_are_tested_over_the_datasets(write_scored):
    records = sweep(write_scored, 7)
    found = compared(records)
    assert sorted(found.names) == [f"D{d}" for d in range(7)]
    means = {
        model: [
            np.mean(
                [
                    r.test.total("accuracy")
                    for r in records
                    if (r.value("model.id"), r.value("dataset.id")) == (model, name)
                ]
            )
            for name in found.names
        ]
        for model in "AB"
    }
    assert {m: list(s) for m, s in found.scores.items()}.keys() == {"A", "B"}
    for model in "AB":
        scores = [found.scores[model][name] for name in found.names]
        assert scores == pytest.approx(means[model])
    (pair,) = found.pairs
    assert pair.num_datasets == 7
    assert pair.p_value == wilcoxon_signed_rank(means["A"], means["B"])


def test_what_configurations_of_one_dataset_differ_in_belongs_to_the_method(write_scored):
    records = [
        write_scored(0.5, dataset__id=name, dataset__path=f"data/{name}", dataset__features=kind)
        for name in ("D0", "D1")
        for kind in ("mel", "raw")
    ]
    found = compared(records)
    assert sorted(found.scores) == ["dataset.features=mel", "dataset.features=raw"]
    assert len(found.pairs) == 1


def test_a_method_that_lacks_a_dataset_is_left_out(write_scored):
    records = sweep(write_scored, 3, "ABC", seeds=(1,))
    without = [r for r in records if (r.value("model.id"), r.value("dataset.id")) != ("C", "D1")]
    found = compared(without)
    assert sorted(found.scores) == ["A", "B"]
    assert found.left_out == ["C"]


@pytest.mark.parametrize(("num_datasets", "methods"), [(1, "AB"), (2, "A")])
def test_one_dataset_or_one_method_has_nothing_to_compare(write_scored, num_datasets, methods):
    assert compared(sweep(write_scored, num_datasets, methods)).pairs == []


@pytest.mark.parametrize(
    ("num_datasets", "methods", "told"),
    [
        (3, "AB", "3 datasets are too few: of one pair no p can be below 0.250 by Holm"),
        (6, "AB", None),
        (6, "ABC", "From 7 datasets on it can be below 0.05."),
    ],
)
def test_too_few_datasets_for_a_small_p_are_told(write_scored, num_datasets, methods, told):
    sweep(write_scored, num_datasets, methods, seeds=(1,))
    page = report("default").path.read_text(encoding="utf-8")
    assert "<h2>Several datasets</h2>" in page
    assert ("too few" in page) == (told is not None)
    assert told is None or told in page
