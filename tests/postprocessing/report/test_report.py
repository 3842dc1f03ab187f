"""`report`: what stands in the file, without a browser."""

import html
import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from autrainer.cli import report
from autrainer.cli.errors import CommandLineError
from autrainer.cli.main import run as command
from autrainer.metrics import Accuracy
from autrainer.postprocessing.report.page import SCRIPT
from autrainer.statistics import bootstrap_interval
from tests.postprocessing.report.conftest import CLIPS, SPEAKERS, read_csv
from tests.run_folders import config_with, curves_of, write_csv, write_run, write_yaml

HOSTILE = "</script><b>&\"'x"


class Elements(HTMLParser):
    """Names of elements, texts and addresses of a page; elements have to be closed in order."""

    VOID = frozenset({"meta", "input", "br"})

    def __init__(self, page):
        super().__init__()
        self.names, self.texts, self.addresses, self._open = [], [], [], []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.names.append(tag)
        self.addresses += [v for k, v in attributes if k in ("src", "href")]
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def page_of(made):
    return made.path.read_text(encoding="utf-8")


def headings(page):
    return re.findall(r"<h2>(.*?)</h2>", page)


def test_one_run_of_one_configuration_is_counted_in_the_singular(write):
    write(0.9, seed=1)
    page = page_of(report("default"))
    assert "1 run (1 finished), 1 configuration beside the seed." in page


def test_a_sweep_with_speakers_has_all_sections(write, tmp_path):
    for seed in (1, 2, 3):
        write(0.9, seed=seed, model__id="Good")
        write(0.6, seed=seed, model__id="Weak")
    write_run(tmp_path / "results" / "default" / "training", "gone", finished=False, seed=9)
    page = page_of(report("default"))
    assert headings(page) == [
        *("Runs", "Over seeds", "Curves", "Best runs compared", "Predictions on the test set"),
        *("Strata", "Hardest samples", "Where the time went", "Runs that have not finished"),
        "What the configurations differ in",
    ]
    assert "Good, seed 1" in page
    assert "(all samples of one speaker belong together)" in page
    assert "m has 20 samples, fewer than 30" in page
    Elements(page)


def test_intervals_are_those_of_the_speakers(write):
    folder = write(0.8, seed=1)
    made = report("default")
    (interval,) = made.results.intervals.values()
    said = np.array([r["predictions"] for r in read_csv(folder / "_test" / "test_results.csv")])
    speakers = [n % SPEAKERS for n in range(CLIPS)]
    truth = np.full(CLIPS, "yes")
    assert interval == bootstrap_interval(Accuracy().fn, truth, said, speakers)
    assert interval.num_groups == SPEAKERS


def test_a_column_can_be_named_whose_samples_belong_together(write):
    write(0.8)
    (interval,) = report("default", group_column="sex").results.intervals.values()
    assert interval.num_groups == 2


def test_outputs_that_do_not_give_the_saved_score_are_left_out_and_told(write):
    write_yaml(write(0.8) / "_test" / "test_holistic.yaml", {"accuracy": {"all": 0.123}})
    made = report("default")
    assert made.results.intervals == {}
    page = page_of(made)
    assert "the run has saved 0.123" in page
    assert "Best runs compared" not in headings(page)


def test_damaged_outputs_are_told(write):
    (write(0.8) / "_test" / "test_results.csv").write_text("index,predictions\n1\n")
    assert "its outputs cannot be read: " in page_of(report("default"))


def test_metrics_that_are_not_ours_are_not_imported(write, tmp_path):
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')\n")
    metrics = ["evil.Metric", "autrainer.metrics.MSE"]
    write(0.8, dataset__metrics=metrics, dataset__tracking_metric="evil.Metric")
    assert "accuracy is no metric of autrainer" in page_of(report("default"))


def test_hardest_samples_link_to_their_files_and_can_be_played(write, tmp_path):
    write(0.5)
    made = report("default", output=tmp_path / "out" / "a.html")
    addresses = Elements(page_of(made)).addresses
    assert len(addresses) == 24
    assert addresses[0] == addresses[1]
    assert addresses[0].startswith("./../data/clip%20")
    name = addresses[0].removeprefix("./../data/").replace("%20", " ")
    assert (tmp_path / "data" / name).is_file()


@pytest.mark.parametrize("place", ["model__id", "dataset__name", "experiment"])
def test_names_of_all_kinds_are_only_shown(write, place):
    name = HOSTILE.replace("/", "_") if place == "experiment" else HOSTILE
    write(0.8, **{place: name})
    write(0.8, seed=2, model__id="other", experiment="plain")
    made = report([name if place == "experiment" else "default", "plain"])
    page = page_of(made)
    elements = Elements(page)
    assert elements.names.count("script") == 2
    assert "b" not in elements.names
    assert html.escape(name) in page
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page)[1]
    assert set(data).isdisjoint("<>&")
    assert json.loads(data)["charts"].keys() == {"accuracy", "train_loss", "dev_loss"}


def test_labels_of_classes_and_lines_of_errors_are_only_shown(write, tmp_path):
    folder = write(0.8)
    path = folder / "_test" / "test_results.csv"
    path.write_text(path.read_text().replace("no", "<b>no"))
    failed = write_run(tmp_path / "results" / "default" / "training", "failed", finished=False)
    (failed / "error.txt").write_text(f"first\nValueError: {HOSTILE}\n")
    page = page_of(report("default"))
    assert "b" not in Elements(page).names
    assert html.escape(f"first\nValueError: {HOSTILE}") in page


def test_the_file_asks_for_nothing_from_elsewhere(write):
    write(0.8)
    page = page_of(report("default"))
    assert "default-src 'none'" in page
    assert [a for a in Elements(page).addresses if not a.startswith("./")] == []
    assert "url(" not in page
    assert "://" not in page


def test_the_script_is_small():
    assert SCRIPT.stat().st_size <= 15_000


@pytest.mark.slow
def test_two_hundred_runs_fit_into_300_kilobytes(write):
    for number in range(200):
        about = {"model__hidden_size": number // 2, "seed": number % 2}
        folder = write(0.5 + number / 500, iterations=3, **about)
        write_csv(folder / "metrics.csv", curves_of(config_with(iterations=80, **about)))
    made = report("default")
    assert len(made.runs.records) == 200
    assert made.path.stat().st_size < 300_000


def test_runs_of_0_10_without_targets_are_reported_too(tmp_path):
    for seed in (1, 2):
        folder = write_run(tmp_path / "results" / "default" / "training", seed=seed)
        table = folder / "_test" / "test_results.csv"
        table.write_text(table.read_text().replace("target", "label"))
    page = page_of(report())
    assert headings(page)[:3] == ["Runs", "Over seeds", "Curves"]
    assert "seed 2" in page


def test_a_folder_without_anything_readable_is_reported(tmp_path):
    folder = tmp_path / "results" / "default" / "training" / "broken"
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "config.yaml").write_text("a: [")
    page = page_of(report())
    assert "broken" in page
    assert "unfinished" in page


def test_values_have_a_scatter_plot_and_errors_are_better_when_small(write):
    folder = write(0.8, dataset__tracking_metric={"autrainer.metrics.MSE": None})
    truth = np.linspace(0, 1, CLIPS)
    outputs = truth[:, None] + np.random.default_rng(0).normal(0, 0.1, (CLIPS, 1))
    np.save(folder / "_test" / "test_targets.npy", truth)
    np.save(folder / "_test" / "test_outputs.npy", outputs)
    rows = [{"index": n, "probability_label": value} for n, value in enumerate(outputs[:, 0])]
    write_csv(folder / "_test" / "test_results.csv", rows)
    mse = float(np.square(truth - outputs[:, 0]).mean())
    write_yaml(folder / "_test" / "test_holistic.yaml", {"mse": {"all": mse}})
    made = report("default")
    assert made.runs.direction == "min"
    page = page_of(made)
    assert page.count("<circle") > CLIPS
    assert "less is better" in page


def test_tables_of_results_are_written_too(write, tmp_path, capsys):
    for seed in (1, 2, 3, 4, 5):
        write(0.9, seed=seed, model__id="A_1")
    write(0.5, model__id="B")
    arguments = ["report", "default", "-o", "r.html", "--csv", "t.csv", "--latex", "t.tex"]
    assert command(arguments) == 0
    out = capsys.readouterr().out
    assert re.match(r"Report: r.html \(6 runs, [\d.]+ kB\)\nTable:  t.csv\nTable:  t.tex\n", out)
    rows = report("default").summary.rows
    good, weak = rows if rows[0]["configuration"] == "A_1" else rows[::-1]
    assert good["seeds"] == 5
    assert good["best_low"] < good["best_score"] < good["best_high"]
    assert good["test_accuracy_iqm"] is not None
    assert (weak["seeds"], weak["test_accuracy_sd"], weak["test_accuracy_iqm"]) == (1, None, None)
    text = (tmp_path / "t.tex").read_text()
    assert r"A\_1 & 5 & 0." in text
    assert "B & 1 & 0." in text
    written = [row["configuration"] for row in read_csv(tmp_path / "t.csv")]
    assert written == [row["configuration"] for row in rows]


def test_what_is_not_there_is_told_with_near_matches(write):
    write(0.8)
    with pytest.raises(CommandLineError, match="no experiment 'defualt'; did you mean 'default'"):
        report("defualt")
    with pytest.raises(CommandLineError, match="level is 95"):
        report("default", level=95)


def test_a_report_imports_neither_torch_nor_pandas(write, tmp_path):
    write(0.8)
    code = (
        "import sys\n"
        "from autrainer.cli import report\n"
        "report('default')\n"
        "print(sorted({'torch', 'pandas', 'matplotlib', 'scipy', 'sklearn'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_run_that_tracks_another_metric_is_told_by_that_of_the_report(tmp_path):
    training = tmp_path / "results" / "default" / "training"
    for seed in (1, 2):
        write_run(training, f"first{seed}", seed=seed)
    mse = {"autrainer.metrics.MSE": None}
    changes = {"dataset__metrics": [mse], "dataset__tracking_metric": mse}
    other = write_run(training, "other", **changes)
    write_yaml(other / "_best" / "dev.yaml", {"mse": {"all": 123.0}})
    write_yaml(other / "_test" / "test_holistic.yaml", {"mse": {"all": 456.0}})
    made = report("default")
    page = page_of(made)
    assert "123" not in page
    assert "456" not in page
    assert "1 of them track another one (mse): their accuracy is shown." in page
    assert set(made.results.unused.values()) >= {"it has no accuracy"}
    assert made.runs.groups[-1].records[0].name == "other"


def test_a_byte_order_mark_hides_no_column_of_speakers(write, dataset):
    write(0.9)
    path = dataset / "test.csv"
    rows = [{"speaker": row["speaker"], **row} for row in read_csv(path)]
    write_csv(path, rows)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    [interval] = report("default").results.intervals.values()
    assert interval.num_groups == SPEAKERS


def test_runs_that_differ_in_their_seed_only_are_named_by_it_in_natural_order(tmp_path):
    training = tmp_path / "results" / "default" / "training"
    for seed in (11, 109, 9):
        write_run(training, seed=seed)
    made = report("default", output=tmp_path / "report.html")
    runs = made.runs
    assert [runs.label(record) for record in runs.records] == ["seed 9", "seed 11", "seed 109"]
    assert made.summary.rows[0]["configuration"] == "FFNN, Toy-C"


def test_runs_that_differ_in_nothing_are_named_by_where_they_lie(tmp_path):
    for experiment in ("first", "second"):
        for seed in (1, 2) if experiment == "first" else (2,):
            write_run(tmp_path / "results" / experiment / "training", seed=seed)
    runs = report(["first", "second"], output=tmp_path / "report.html").runs
    labels = sorted(runs.label(record) for record in runs.records)
    assert labels == ["seed 1", "seed 2 (first)", "seed 2 (second)"]

    again = tmp_path / "other" / "second" / "training"
    write_run(again, seed=2)
    runs = report(["second", str(again)], output=tmp_path / "report.html").runs
    assert len({runs.label(record) for record in runs.records}) == 2
    assert any(str(again) in runs.label(record) for record in runs.records)


def test_a_configuration_without_what_others_have_is_named_by_that(tmp_path):
    training = tmp_path / "results" / "default" / "training"
    for id in ("None", "StepLR"):
        write_run(training, scheduler={"id": id})
    made = report("default", output=tmp_path / "report.html")
    assert [group.label for group in made.runs.groups] == ["no scheduler", "StepLR"]


def test_many_keys_are_several_tables_that_fit_on_paper(tmp_path):
    training = tmp_path / "results" / "default" / "training"
    for n in range(2):
        keys = {f"model__key_{k}": n * (k + 1) for k in range(12)}
        write_run(training, f"run-{n}", **keys)
    page = page_of(report("default", output=tmp_path / "report.html"))
    section = page.partition("What the configurations differ in")[2].partition("</section>")[0]
    tables = section.split("<table")[1:]
    assert max(table.count("<th") - table.count("<thead") for table in tables) <= 1 + 5 + 2
    assert all(section.count(f"model.key_{k}<") == 1 for k in range(12))
