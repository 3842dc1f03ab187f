"""Label sets in a report."""

import html

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from autrainer.cli import report
from autrainer.metrics import MLF1Macro
from autrainer.postprocessing.report.labels import label_counts
from tests.run_folders import write_csv, write_yaml

LABELS = ["dog", "cat & <b>", "never"]


@pytest.fixture
def made(write):
    """The report of a run with label sets, of which one label is neither true nor predicted."""
    rng = np.random.default_rng(0)
    truth = (rng.random((60, 3)) < [0.5, 0.2, 0]).astype(float)
    outputs = np.where(truth == 1, 1.0, -1.0) + rng.normal(0, 1, (60, 3)) * [1, 1, 0]
    metrics = {"dataset__metrics": ["autrainer.metrics.MLF1Macro"]}
    folder = write(0.8, **metrics, dataset__tracking_metric="autrainer.metrics.MLF1Macro")
    rows = [
        {"index": n, "predictions": "[]", "target": "[]"}
        | {f"probability_{label}": 0.5 for label in LABELS}
        for n in range(60)
    ]
    write_csv(folder / "_test" / "test_results.csv", rows)
    np.save(folder / "_test" / "test_targets.npy", truth)
    np.save(folder / "_test" / "test_outputs.npy", outputs)
    np.save(folder / "_test" / "test_losses.npy", np.arange(60.0))
    score = MLF1Macro().fn(truth, outputs > 0)
    scores = {"ml-f1-macro": {"all": score, "dog": score}}
    for path in (folder / "_test" / "test_holistic.yaml", folder / "_best" / "dev.yaml"):
        write_yaml(path, scores)
    write_csv(folder / "metrics.csv", [{"ml-f1-macro": score, "iteration": 1}])
    return report("default")


def test_labels_are_counted_one_by_one(made):
    (best,) = made.results.best
    counts = label_counts(best.outputs)
    assert [each.label for each in counts] == LABELS
    assert [c.hits + c.missed + c.false_alarms + c.neither for c in counts] == [60] * 3
    expected = precision_recall_fscore_support(
        best.outputs.truth, best.outputs.prediction, zero_division=np.nan
    )
    for place, name in enumerate(("precision", "recall", "f1", "true")):
        ours = [getattr(each, name) for each in counts]
        assert [np.nan if v is None else v for v in ours] == pytest.approx(
            expected[place].tolist(), nan_ok=True
        )
    assert (counts[2].precision, counts[2].recall, counts[2].f1) == (None, None, None)


def test_the_page_has_a_row_for_each_label_in_place_of_a_matrix(made):
    page = made.path.read_text(encoding="utf-8")
    assert 'class="matrix"' not in page
    assert "each label by itself" in page
    assert "False alarms" in page
    assert "cat &amp; &lt;b&gt;" in page


def test_the_hardest_samples_have_their_labels(made):
    page = made.path.read_text(encoding="utf-8")
    truth = made.results.best[0].outputs.truth
    hardest = [html.escape(label) for label, there in zip(LABELS, truth[59], strict=True) if there]
    row = page[page.index("<h2>Hardest samples") :].split("<tr>")[2]
    assert f"<td>{', '.join(hardest)}</td>" in row
