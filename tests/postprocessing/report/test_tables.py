"""The tables of a report, as CSV and LaTeX."""

import re

import pytest

from autrainer.cli import report
from autrainer.cli.main import run as command
from autrainer.postprocessing.latex import as_latex
from autrainer.postprocessing.tables import Table
from tests.postprocessing.report.conftest import CLIPS, SPEAKERS, read_csv

NAMES = ["configurations", "strata", "gaps", "tests", "datasets", "dataset_tests", "labels"]


@pytest.fixture
def made(write):
    for seed in (1, 2):
        write(0.9, seed=seed, model__id="Good_1")
        write(0.5, seed=seed, model__id="Weak")
    return report("default")


def test_strata_have_counts_intervals_and_a_warning(made):
    rows = made.tables["strata"].rows
    assert [(r["stratum"], r["samples"], r["warning"]) for r in rows] == 2 * [
        ("f", 40, None),
        ("m", 20, "fewer than 30 samples"),
    ]
    assert {row["configuration"] for row in rows} == {"Good_1", "Weak"}
    assert all(row["low"] < row["score"] <= row["high"] for row in rows)
    assert all(row["groups"] == SPEAKERS for row in rows)


def test_gaps_are_those_of_the_strata(made):
    scores = {
        (row["configuration"], row["stratum"]): row["score"] for row in made.tables["strata"].rows
    }
    gaps = made.tables["gaps"].rows
    assert len(gaps) == 2
    for row in gaps:
        best, worst = (scores[row["configuration"], row[name]] for name in ("best", "worst"))
        assert row["gap"] == pytest.approx(best - worst)
        assert row["gap"] >= 0
        assert row["low"] <= row["gap"] <= row["high"]


def test_runs_on_one_test_set_are_tested(made):
    (row,) = made.tables["tests"].rows
    assert {row["first"], row["second"]} == {"Good_1", "Weak"}
    assert (row["samples"], row["groups"], row["exact"]) == (CLIPS, SPEAKERS, "no")
    assert row["p"] == row["p_holm"] < 0.05
    score = {r["configuration"]: r["best_score"] for r in made.tables["configurations"].rows}
    assert row["difference"] == pytest.approx(score[row["first"]] - score[row["second"]])


def test_every_table_is_written_with_its_columns(made, tmp_path, capsys):
    assert list(made.tables) == NAMES
    assert command(["report", "default", "--tables", "tables"]) == 0
    assert f"Tables: tables/<{', '.join(NAMES)}>.csv and .tex" in capsys.readouterr().out
    folder = tmp_path / "tables"
    assert {path.name for path in folder.iterdir()} == {
        f"{name}{suffix}" for name in NAMES for suffix in (".csv", ".tex")
    }
    assert len(read_csv(folder / "strata.csv")) == 4
    assert (folder / "labels.csv").read_text().startswith("configuration,label,true,")
    strata = (folder / "strata.tex").read_text()
    assert re.search(r"Good\\_1 & m & [\d.]+ & [\d.]+ & [\d.]+ & 20 & 12 & fewer than 30", strata)
    assert "& 40 & 12 & -- " in strata


def test_a_small_p_value_is_not_written_as_zero():
    table = Table.of([{"first": "a", "p": 0.0001, "p_holm": 0.02, "gap": 0.0001}])
    assert r"a & $<$0.001 & 0.020 & 0.000 \\" in as_latex(table)
