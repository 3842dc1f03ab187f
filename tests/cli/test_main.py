"""The command as a user meets it: exit codes, messages, and what is not imported."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tomllib

import autrainer
from autrainer.cli.main import run
from autrainer.cli.parser import COMMANDS, command_names, terminal_columns
from tests.conftest import CONF, REPOSITORY

HEAVY = ("torch", "numpy", "pandas", "matplotlib", "sklearn", "scipy", "hydra", "omegaconf", "yaml")


def modules_after(code):
    """Modules that are imported after this code ran in a process of its own."""
    script = f"import sys\n{code}\nprint('MODULES', *sys.modules)"
    process = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(process.stdout.split("MODULES ")[1].split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["--help"],
        ["train", "--help"],
        ["list", "model"],
        ["show", "optimizer", "Adam"],
        ["list", "classes"],
        ["show", "Standardizer"],
        ["create", "-a"],
        ["trian"],
    ],
)
def test_what_trains_nothing_imports_nothing_heavy(arguments):
    modules = modules_after(f"from autrainer.cli.main import run\nrun({arguments!r})")
    assert modules.isdisjoint(HEAVY)


def test_importing_the_package_costs_nothing():
    before = modules_after("")
    after = modules_after("import autrainer, autrainer.cli, autrainer.errors")
    ours = {name for name in after - before if name.startswith("autrainer")}
    assert ours == {"autrainer", "autrainer.cli", "autrainer.errors"}


def test_hardly_anything_is_imported_before_signals_are_handled():
    before = modules_after("import autrainer.cli")
    after = modules_after("import autrainer.cli.main")
    rooms = {"autrainer.runs", "autrainer.runs.process", "autrainer.runs.process.forking"}
    assert after - before == {"autrainer.cli.main", "autrainer.cli.signal_exit"} | rooms
    assert not {"enum", "re", "signal", "collections", "typing"} & after - modules_after("")


def test_public_names_are_found_when_they_are_asked_for():
    assert callable(autrainer.main)
    assert callable(autrainer.instantiate)
    assert callable(autrainer.instantiate_shorthand)
    assert autrainer.HydraConvertEnum.ALL == "all"
    assert {"main", "instantiate"} <= set(dir(autrainer))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = autrainer.nothing


def test_composing_imports_no_torch():
    code = (
        "from autrainer.cli.main import run\n"
        "run(['train', 'iterations=0', 'dataset.id=x'])\n"
        "run(['train', '--cfg', 'job'])"
    )
    assert modules_after(code).isdisjoint({"torch", "numpy", "pandas", "matplotlib"})


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib is new in 3.11")
def test_the_version_is_that_of_the_workspace():
    manifest = tomllib.loads((REPOSITORY / "Cargo.toml").read_text())
    assert manifest["workspace"]["package"]["version"] == autrainer.__version__


@pytest.mark.parametrize("flag", ["-v", "--version"])
def test_the_version_is_printed(flag, capsys):
    assert run([flag]) == 0
    assert capsys.readouterr().out == f"autrainer {autrainer.__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [["-h"], ["--help"], ["train", "-h"], ["list", "--help"], *([c, "-h"] for c in COMMANDS)],
)
def test_help_ends_with_an_example(arguments, capsys):
    assert run(arguments) == 0
    captured = capsys.readouterr()
    assert captured.out.rstrip().splitlines()[-1].startswith("example: autrainer ")
    assert captured.err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a command"),
        (["trian"], "unknown command 'trian'; did you mean 'train'?"),
        (["xyzzy"], "unknown command 'xyzzy'; use one of create, list, show, "),
        (["--verison"], "unknown option '--verison'"),
        (["list"], "the following arguments are required: directory"),
        (["list", "model", "--nonsense"], "unrecognized arguments: --nonsense"),
        (["list", "models"], "unknown directory 'models'; did you mean 'model'?"),
        (["show", "Dataset", "x"], "unknown directory 'Dataset'; did you mean 'dataset'?"),
        (["create"], "nothing to create"),
        (["create", "modle"], "unknown directory 'modle'; did you mean 'model'?"),
        (["create", "-e", "-a"], "exclude each other"),
        (["create", "model", "-a"], "not both"),
        (["train", "-cp", "conf"], "-cp is not supported"),
    ],
)
def test_misuse_exits_with_2_and_shows_help_and_message_on_stderr(arguments, message, capsys):
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("usage: autrainer")
    assert captured.err.rstrip().splitlines()[-1].startswith("autrainer: ")
    assert message in captured.err


@pytest.mark.parametrize("columns", ["", "40", "0", "-3", "wide"])
def test_help_is_as_wide_as_the_terminal(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    assert terminal_columns() == shutil.get_terminal_size().columns


def test_a_misspelt_command_is_answered_with_all_of_them(capsys):
    assert run(["trian"]) == 2
    listed = {line.strip().split(" ")[0] for line in capsys.readouterr().err.splitlines()}
    assert set(command_names()) - listed == set()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "optimizer", "adam"], "no optimizer configuration 'adam'; did you mean 'Adam'"),
        (["list", "model", "-l"], "'conf/model' does not exist; autrainer create model"),
        (["train", "-cd", "nowhere"], "'nowhere' does not exist"),
    ],
)
def test_what_cannot_be_done_exits_with_1_and_a_message(arguments, message, capsys):
    assert run(arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("autrainer: ")
    assert message in captured.err


def test_create_makes_a_project(capsys):
    assert run(["create", "model", "dataset"]) == 0
    assert capsys.readouterr().out == ""
    assert Path("conf/config.yaml").read_bytes() == (CONF / "config.yaml").read_bytes()
    assert sorted(path.name for path in Path("conf").iterdir()) == [
        "config.yaml",
        "dataset",
        "model",
    ]


def test_create_makes_all_or_no_folders():
    assert run(["create", "-e"]) == 0
    assert [path.name for path in Path("conf").iterdir()] == ["config.yaml"]
    assert run(["create", "-e"]) == 1
    Path("conf/config.yaml").write_text("mine")
    assert run(["create", "-a", "-f"]) == 0
    assert Path("conf/config.yaml").read_bytes() == (CONF / "config.yaml").read_bytes()
    assert len([path for path in Path("conf").iterdir() if path.is_dir()]) == 7


def test_create_adds_folders_to_a_project_and_leaves_its_configurations():
    Path("conf/dataset").mkdir(parents=True)
    Path("conf/dataset/Mine.yaml").write_text("id: Mine\n")
    Path("conf/main.yaml").write_text("mine")
    assert run(["create", "model", "dataset"]) == 0
    assert sorted(str(path) for path in Path("conf").rglob("*")) == [
        *("conf/dataset", "conf/dataset/Mine.yaml", "conf/main.yaml", "conf/model")
    ]
    assert Path("conf/main.yaml").read_text() == "mine"


@pytest.fixture
def local():
    folder = Path("conf/optimizer")
    folder.mkdir(parents=True)
    (folder / "Mine.yaml").write_text("id: Mine # a comment\n")
    (folder / "Adam.yaml").write_text("id: Adam\nlocal: true\n")
    (folder / "notes.txt").write_text("no configuration")


@pytest.mark.parametrize(
    ("flags", "headings"),
    [
        ([], ["Global", "Local"]),
        (["-g"], ["Global"]),
        (["-l"], ["Local"]),
        (["-l", "-g"], ["Global", "Local"]),
    ],
)
def test_list_shows_packaged_and_local_configurations(local, flags, headings, capsys):
    assert run(["list", "optimizer", *flags]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if not line.startswith(" - ")] == headings
    assert (" - Mine" in lines) == ("Local" in headings)
    assert (" - SGD" in lines) == ("Global" in headings)


def test_list_sorts_without_regard_to_case_and_takes_a_pattern(capsys):
    assert run(["list", "optimizer", "-p", "A*"]) == 0
    names = [line[3:] for line in capsys.readouterr().out.splitlines()[1:]]
    assert names == ["Adadelta", "Adagrad", "Adam", "Adamax", "AdamW", "ASGD"]
    assert run(["list", "optimizer", "-p", "Z*"]) == 0
    assert capsys.readouterr().out == "No global 'optimizer' configurations match 'Z*'.\n"


def test_list_and_show_know_another_folder(local, capsys):
    Path("conf").rename("other")
    assert run(["list", "optimizer", "-l", "-cd", "other"]) == 0
    assert " - Mine" in capsys.readouterr().out
    assert run(["show", "optimizer", "Mine.yaml", "-cd", "other"]) == 0
    assert capsys.readouterr().out == "id: Mine # a comment\n"


def test_show_prints_what_a_run_would_use(local, capsys):
    assert run(["show", "optimizer", "Adam"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "id: Adam\nlocal: true\n"
    assert "stands in front of the packaged one" in captured.err
    assert run(["show", "optimizer", "Adam", "-g"]) == 0
    assert capsys.readouterr().out == (CONF / "optimizer" / "Adam.yaml").read_text()


def test_show_saves_a_copy_with_its_comments(capsys):
    target = Path("conf/scheduler/StepLR.yaml")
    assert run(["show", "scheduler", "StepLR", "-s"]) == 0
    assert target.read_bytes() == (CONF / "scheduler" / "StepLR.yaml").read_bytes()
    target.write_text("mine")
    assert run(["show", "scheduler", "StepLR", "-s"]) == 1
    assert target.read_text() == "mine"
    assert run(["show", "scheduler", "StepLR", "-s", "-f"]) == 0
    assert target.read_text() != "mine"
    assert [path.name for path in target.parent.iterdir()] == ["StepLR.yaml"]


ENDING = """
import atexit, sys, threading, time
from autrainer.cli import main as module

def later():
    threading.main_thread().join(0)
    event.wait(10)
    print("thread", flush=True)

event = threading.Event()
threading.Thread(target=later).start()
atexit.register(lambda: print("exit function"))
sys.argv = ["autrainer", {arguments}]
print("unflushed", end=" ")
threading.Timer(0.05, event.set).start()
module.main()
"""


@pytest.mark.parametrize(("arguments", "code"), [("'--version'", 0), ("'trian'", 2)])
def test_the_process_ends_early_but_loses_nothing(arguments, code):
    script = ENDING.format(arguments=arguments)
    process = subprocess.run(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.returncode == code
    assert process.stdout.startswith("unflushed")
    assert process.stdout.endswith("thread\nexit function\n")


def test_an_interrupt_ends_with_130(monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("autrainer.cli.main._call_with_hydra", interrupt)
    assert run(["train"]) == 130
    assert "Interrupted" in capsys.readouterr().err


def test_the_module_can_be_run():
    process = subprocess.run(
        [sys.executable, "-m", "autrainer", "-v"], capture_output=True, text=True, check=True
    )
    assert process.stdout == f"autrainer {autrainer.__version__}\n"
