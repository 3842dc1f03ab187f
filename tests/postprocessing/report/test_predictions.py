"""What the best runs predict, in a report: what a matrix or one plot cannot show."""

import csv

import numpy as np
import pytest

from autrainer.cli import report
from autrainer.metrics import MSE
from tests.run_folders import write_csv, write_yaml


def test_many_labels_have_their_most_frequent_errors(write):
    folder = write(1.0)
    truth = [f"word {n % 30}" for n in range(60)]
    said = ["word 1" if n in (0, 30) else "word 2" if n == 3 else t for n, t in enumerate(truth)]
    rows = [
        {"index": n, "predictions": p, "target": t}
        for n, (t, p) in enumerate(zip(truth, said, strict=True))
    ]
    write_csv(folder / "_test" / "test_results.csv", rows)
    write_yaml(folder / "_test" / "test_holistic.yaml", {"accuracy": {"all": 57 / 60}})
    page = report("default").path.read_text(encoding="utf-8")
    assert "30 labels are too many for a matrix" in page
    assert 'class="matrix"' not in page
    first = page.index('<th scope="row">word 0</th><td>word 1</td><td class="n" data-v="2">2</td>')
    assert first < page.index('<th scope="row">word 3</th><td>word 2</td><td class="n" data-v="1">')


def test_every_target_has_a_plot(write):
    folder = write(0.8, dataset__tracking_metric={"autrainer.metrics.MSE": None})
    path = folder / "_test" / "test_results.csv"
    with path.open(newline="") as file:
        rows = [row | {"target_age": 1, "target_height": 2} for row in csv.DictReader(file)]
    write_csv(path, rows)
    truth = np.random.default_rng(0).random((60, 2))
    np.save(folder / "_test" / "test_targets.npy", truth)
    np.save(folder / "_test" / "test_outputs.npy", truth + 0.1)
    score = MSE().fn(truth, truth + 0.1)
    write_yaml(folder / "_test" / "test_holistic.yaml", {"mse": {"all": score}})
    page = report("default").path.read_text(encoding="utf-8")
    assert page.count('aria-label="predictions over truths"') == 2
    assert page.index(", age<span>") < page.index(", height<span>")


@pytest.mark.parametrize("names", [["age"], ["age", "height"]])
def test_values_that_went_through_a_sigmoid_have_intervals(write, names):
    folder = write(0.8, dataset__tracking_metric={"autrainer.metrics.MSE": None})
    rng = np.random.default_rng(0)
    truth, outputs = rng.random((60, len(names))), rng.normal(size=(60, len(names)))
    scaled = 1 / (1 + np.exp(-outputs))
    rows = [
        {"index": n, **{f"probability_{name}": v for name, v in zip(names, row, strict=True)}}
        for n, row in enumerate(scaled.tolist())
    ]
    write_csv(folder / "_test" / "test_results.csv", rows)
    np.save(folder / "_test" / "test_targets.npy", truth.squeeze())
    np.save(folder / "_test" / "test_outputs.npy", outputs)
    score = MSE().fn(truth, scaled)
    write_yaml(folder / "_test" / "test_holistic.yaml", {"mse": {"all": score}})
    made = report("default")
    assert made.results.unused == {}
    [interval] = made.results.intervals.values()
    assert interval.score == pytest.approx(score)
