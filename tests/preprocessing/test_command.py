"""`autrainer preprocess`, from a configuration to features."""

import shutil
import subprocess
import sys

import pytest

from autrainer import cli
from autrainer.cli.errors import CommandLineError
from autrainer.core.scripts.preprocess_script import preprocess_main
from autrainer.errors import ConfigError, DataError
from tests.preprocessing.conftest import (
    DATASET,
    FEATURES,
    contents,
    features_in,
    write_preprocessing,
)


def test_features_of_all_datasets_of_a_sweep_are_made_once(project, autrainer):
    told = autrainer("preprocess", "dataset=Mine,ToyTabular-C", "seed=1,2", "-u", "0").stdout
    assert told == (
        " - Mine: 5 made in data/short, 0 as they should be\n"
        " - ToyTabular-C: skipping, it has no features_subdir\n"
    )
    assert features_in(project) == FEATURES
    before = contents(project)
    told = autrainer("preprocess", "dataset=Mine", "-n", "1").stdout
    assert told == " - Mine: 0 made in data/short, 5 as they should be\n"
    assert contents(project) == before
    assert not (project / "results").exists()


def test_every_path_of_a_sweep_over_one_dataset_has_its_features(project, autrainer):
    shutil.copytree(project / "data", project / "more")
    told = autrainer("preprocess", "dataset=Mine", "dataset.path=data,more", "-u", "0").stdout
    assert told == (
        " - Mine: 5 made in data/short, 0 as they should be\n"
        " - Mine: 5 made in more/short, 0 as they should be\n"
    )
    told = autrainer("preprocess", "dataset=Mine", "+dataset.transform.base=[],null").stdout
    assert told == " - Mine: 0 made in data/short, 5 as they should be\n"


def test_what_would_be_made_is_told(project, capsys):
    cli.preprocess({"dataset": "Mine"}, check=True)
    assert "Mine: 5 to make in data/short" in capsys.readouterr().out
    cli.preprocess({"dataset": "Mine"}, update_frequency=0)
    write_preprocessing(project, 1500)
    cli.preprocess(["dataset=Mine"], check=True)
    assert "Mine: 5 to make in data/short" in capsys.readouterr().out


def test_recordings_that_cannot_be_read_are_told_together_at_the_end(project, autrainer):
    for name in ("a.wav", "e.wav"):
        (project / "data/default" / name).write_text("no sound")
    done = autrainer("preprocess", "dataset=Mine", check=False)
    assert done.returncode == 1
    assert done.stdout == (
        " - Mine: 3 made in data/short, 0 as they should be, 2 that cannot be made\n"
    )
    assert "2 recordings have no features:\n  data/default/a.wav: " in done.stderr
    assert "\n  data/default/e.wav: " in done.stderr


def test_a_second_call_imports_neither_torch_nor_pandas(project):
    cli.preprocess({"dataset": "Mine"}, update_frequency=0)
    code = (
        "import sys\n"
        "sys.argv = ['autrainer', 'preprocess', 'dataset=Mine']\n"
        "import atexit\n"
        "heavy = {'torch', 'pandas', 'matplotlib', 'audobject', 'scipy'}\n"
        "atexit.register(lambda: print('LOADED', sorted(heavy & set(sys.modules))))\n"
        "from autrainer.cli.main import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "5 as they should be" in done.stdout
    assert "LOADED []" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["dataset=Mine", "-n", "-1"], 2, "-n/--num-workers is -1; use 0 for all cores"),
        (["dataset=Mine", "-n", "many"], 2, "invalid int value: 'many'"),
        (["dataset=Nothing"], 1, "Nothing"),
        (["dataset=Mine", "dataset.path=nothing"], 1, r"nothing/train\.csv"),
        (["dataset=Mine", "--nothing"], 2, "there is no flag '--nothing'"),
    ],
)
def test_what_cannot_be_done_is_told(project, arguments, code, message):
    with pytest.raises(CommandLineError, match=message) as caught:
        cli.preprocess(arguments)
    assert caught.value.code == code


def test_a_preprocessing_without_a_pipeline_is_refused(project):
    (project / "conf/preprocessing/short.yaml").write_text("pipeline: []\n")
    with pytest.raises(CommandLineError, match="preprocessing/short lacks file_handler"):
        cli.preprocess({"dataset": "Mine"})


def test_one_dataset_is_preprocessed_by_the_function_of_0_10(project):
    import yaml

    dataset = yaml.safe_load(DATASET)
    preprocess = yaml.safe_load((project / "conf/preprocessing/short.yaml").read_text())
    preprocess_main("Mine", dataset, preprocess, 1, 0)
    assert features_in(project) == FEATURES
    with pytest.raises(ConfigError, match="num_workers is -1"):
        preprocess_main("Mine", dataset, preprocess, -1, 0)
    (project / "data/default/a.wav").write_text("no sound")
    with pytest.raises(DataError, match=r"1 recordings have no features:\n  data/default/a\.wav"):
        preprocess_main("Mine", dataset, preprocess, 0, 0)
