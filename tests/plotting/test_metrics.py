import io
import pickle
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from autrainer.errors import ConfigError, DataError, OutputError
from autrainer.plotting import PlotMetrics
from autrainer.plotting.png import encode_png

SETTINGS = {
    "figsize": [4, 2],
    "latex": False,
    "filetypes": ["png"],
    "pickle": False,
    "context": "notebook",
    "palette": "colorblind",
    "replace_none": False,
    "add_titles": True,
    "add_xlabels": True,
    "add_ylabels": True,
    "rcParams": {"legend.fontsize": 9},
}
UAR, MSE = SimpleNamespace(name="uar", suffix="max"), SimpleNamespace(name="mse", suffix="min")
NAN, INF = float("nan"), float("inf")


def make_plots(folder, **changes):
    return PlotMetrics(folder, "epoch", **(SETTINGS | changes), metric_fns=[UAR, MSE])


def make_run(**changes):
    run = {"uar": [0.1, 0.5, 0.4], "mse": [3.0, 2.0, 1.0], "train_loss": [3.0, 2.0, 1.0]}
    return run | {"dev_loss": [3.0, 2.5, 2.75]} | changes


@pytest.mark.parametrize("make", [dict, lambda run: pd.DataFrame(run, index=[2, 4, 6])])
def test_a_run_has_a_plot_of_its_losses_and_one_per_metric(tmp_path, make):
    make_plots(tmp_path).plot_run(make(make_run()))
    files = sorted((tmp_path / "_plots").iterdir())
    assert [file.name for file in files] == ["loss.png", "mse.png", "uar.png"]
    for file in files:
        with Image.open(file) as image:
            assert image.size == (1200, 600)
            assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
            assert len(image.getcolors(1 << 20)) > 10


def test_scores_in_units_of_the_targets_have_plots_of_their_own(tmp_path):
    run = make_run(**{"mse_unscaled.age": [9.0, 4.0, 1.0], "mse_unscaled.height": [1e6, 2e6, NAN]})
    make_plots(tmp_path).plot_run(run)
    files = {file.name: file for file in (tmp_path / "_plots").iterdir()}
    assert sorted(files) == ["loss.png", "mse.png", "mse_unscaled.png", "uar.png"]
    with Image.open(files["mse_unscaled.png"]) as image:
        assert image.size == (1200, 900)
    make_plots(tmp_path / "other").plot_run(make_run(mse_unscaled=[9.0, 4.0, 1.0]))
    with Image.open(tmp_path / "other" / "_plots" / "mse_unscaled.png") as image:
        assert image.size == (1200, 600)


def test_the_scaled_score_says_so_beside_the_other(tmp_path):
    plots = make_plots(tmp_path, pickle=True)
    plots.plot_run(make_run(**{f"mse_unscaled.{n}": [4.0, 2.0, 3.0] for n in ("age", "height")}))

    def figure(name):
        return pickle.loads((tmp_path / "_plots" / f"{name}.pkl").read_bytes())

    (scaled,) = figure("mse").axes
    assert scaled.get_ylabel() == "mse (scaled)"
    apart = figure("mse_unscaled").axes
    assert [axes.get_ylabel() for axes in apart] == ["mse_unscaled"] * 2
    assert [axes.get_xlabel() for axes in apart] == ["", "epoch"]
    assert [axes.get_legend().get_texts()[0].get_text() for axes in apart] == [
        "age (best 2 at epoch 2)",
        "height (best 2 at epoch 2)",
    ]
    assert figure("uar").axes[0].get_ylabel() == "uar"


def test_very_many_targets_share_one_pair_of_axes(tmp_path):
    plots = make_plots(tmp_path, pickle=True)
    plots.plot_run(make_run(**{f"mse_unscaled.{n}": [4.0, 2.0, 3.0] for n in range(13)}))
    (axes,) = pickle.loads((tmp_path / "_plots" / "mse_unscaled.pkl").read_bytes()).axes
    assert len(axes.get_legend().get_texts()) == 13


@pytest.mark.parametrize(
    "values", [[0.5], [NAN], [NAN, NAN, NAN], [0.5, NAN, 0.6], [INF, 0.5, -INF]]
)
def test_values_that_are_no_numbers_and_single_evaluations_are_plotted(tmp_path, values):
    run = dict.fromkeys(("uar", "mse", "train_loss", "dev_loss"), values)
    make_plots(tmp_path).plot_run(run)
    assert len(list((tmp_path / "_plots").iterdir())) == 3


def test_runs_are_listed_best_first_and_no_more_than_asked_for(tmp_path):
    runs = {"bad_None": [0.1, 0.2], "good_None": [0.5, 0.9], "nan": [NAN, NAN], "mid": [0.3, 0.4]}
    deviations = {run: [0.1, 0.1] for run in runs}
    plots = make_plots(tmp_path, pickle=True, filetypes=[], replace_none=True)
    plots.save_plot = keep_open(plots.save_plot)
    plots.plot_metric(runs, "uar", deviations, max_runs=3)
    figure = pickle.loads((tmp_path / "uar.pkl").read_bytes())
    legend = figure.axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["good~", "mid", "bad~"]
    assert "0.1 standard deviations" in legend.get_title().get_text()


def keep_open(save_plot):
    return lambda figure, name, path="": save_plot(figure, name, path, close=False)


def test_the_best_evaluation_is_named_in_the_legend(tmp_path):
    plots = make_plots(tmp_path, pickle=True, filetypes=[])
    plots.plot_run(make_run())
    figure = pickle.loads((tmp_path / "_plots" / "loss.pkl").read_bytes())
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert texts == ["train (best 1 at epoch 3)", "dev (best 2.5 at epoch 2)"]
    assert figure.axes[0].get_xlabel() == "epoch"
    assert figure.axes[0].get_ylabel() == "loss"


@pytest.mark.slow
@pytest.mark.parametrize("adds_titles", [True, False])
def test_a_plot_does_not_depend_on_those_before_it(tmp_path, adds_titles):
    plots = make_plots("replaced", add_titles=adds_titles)
    for number, values in enumerate([[0.5, 1e6, NAN], [1e-7, 2e-7], [3.0], [5.0, 6.0, 7.0, -1.0]]):
        run = {"uar": values, "uar.std": [0.1] * len(values), "mse_unscaled": values[::-1]}
        run |= {"dev_loss": values} if number % 2 else {}
        plots.output_directory = tmp_path / "again" / f"run{number}"
        plots.plot_run(run)
        new = make_plots(tmp_path / "new" / f"run{number}", add_titles=adds_titles)
        new.plot_run(run)
        for name in ("loss.png", "mse_unscaled.png", "uar.png"):
            again, drawn = (each.output_directory / "_plots" / name for each in (plots, new))
            assert again.read_bytes() == drawn.read_bytes()


def test_what_a_class_of_the_user_adds_to_a_figure_stays_on_that_one(tmp_path):
    class Stamped(PlotMetrics):
        def save_plot(self, fig, name, path="", close=True, tight_layout=True):
            fig.text(0, 0, f"stamp of {name}")
            super().save_plot(fig, name, path, close, tight_layout)

    plots = Stamped(tmp_path, "epoch", **SETTINGS | {"filetypes": ["svg"]}, metric_fns=[UAR])
    plots.plot_run(make_run())
    assert "stamp of loss" in (tmp_path / "_plots" / "loss.svg").read_text()
    assert "stamp of loss" not in (tmp_path / "_plots" / "uar.svg").read_text()


def test_a_title_stands_above_the_power_of_ten(tmp_path):
    plots, figures = make_plots(tmp_path), {}
    plots.save_plot = lambda figure, name, path="": figures.update({name: figure})
    plots.plot_run({"uar": [1e-7, 2e-7]})
    (axes,) = figures["uar"].axes
    axes.figure.canvas.draw()
    power, title = axes.yaxis.get_offset_text(), axes._left_title
    assert power.get_text() == "1e\N{MINUS SIGN}7"
    assert title.get_window_extent().y0 > power.get_window_extent().y1


def test_labels_and_titles_can_be_left_out(tmp_path):
    off = dict.fromkeys(("add_titles", "add_xlabels", "add_ylabels"), False)
    make_plots(tmp_path, pickle=True, filetypes=[], **off).plot_run(make_run())
    axes = pickle.loads((tmp_path / "_plots" / "uar.pkl").read_bytes()).axes[0]
    assert (axes.get_title(loc="left"), axes.get_xlabel(), axes.get_ylabel()) == ("", "", "")


def test_every_file_type_is_written_and_the_same_twice(tmp_path):
    kinds = ["png", "svg", "pdf"]
    for name in ("one", "two"):
        make_plots(tmp_path / name / "run", filetypes=kinds).plot_run(make_run())
    for kind in kinds:
        first, second = (tmp_path / n / "run" / "_plots" / f"loss.{kind}" for n in ("one", "two"))
        assert first.read_bytes() == second.read_bytes()


def test_plotting_changes_nothing_of_matplotlib(tmp_path):
    import matplotlib

    before = dict(matplotlib.rcParams)
    make_plots(tmp_path).plot_run(make_run())
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"context": "notebok"}, "plotting.context is 'notebok'; did you mean 'notebook'"),
        ({"palette": "colourblind"}, "did you mean 'colorblind'"),
        ({"rcParams": {"legend.fontsiz": 9}}, r"did you mean 'legend\.fontsize'"),
        ({"filetypes": ["png, pdf"]}, "plotting.filetypes is 'png, pdf'; use one of"),
        ({"filetypes": "pgn"}, "plotting.filetypes is 'pgn'; did you mean 'png'"),
        ({"rcParams": {"font.size": "big"}}, r"plotting.rcParams.font.size is 'big'"),
        ({"figsize": [10]}, r"plotting.figsize is \[10\]; use width and height"),
    ],
)
def test_settings_that_mean_nothing_are_refused(tmp_path, changes, message):
    with pytest.raises(ConfigError, match=message):
        make_plots(tmp_path, **changes)


def test_a_plot_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "_plots").write_text("in the way")
    with pytest.raises(OutputError, match="_plots"):
        make_plots(tmp_path).plot_run(make_run())


def test_latex_without_an_executable_is_off_after_a_warning(tmp_path, caplog):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        plots = make_plots(tmp_path, latex=True)
    assert not plots.latex
    assert "no latex executable" in caplog.text


def test_importing_the_plots_does_not_import_matplotlib():
    program = (
        "import sys, autrainer.plotting\n"
        "sys.exit(bool({'matplotlib', 'torch', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@settings(max_examples=30)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(3, 4), st.integers(0, 2**32 - 1))
def test_pixels_read_back_as_they_were(height, width, channels, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    image = Image.open(io.BytesIO(encode_png(pixels, 300)))
    assert image.mode == "RGB"
    assert np.array_equal(np.asarray(image), pixels[:, :, :3])


@pytest.mark.parametrize("shape", [(0, 4, 3), (4, 0, 3), (2, 2, 2)])
def test_what_is_no_picture_is_refused(shape):
    with pytest.raises(DataError, match="no picture of"):
        encode_png(np.zeros(shape, np.uint8), 300)
