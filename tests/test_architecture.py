"""The walls of the house: who imports whom, and what is not imported at all."""

import ast
import inspect
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from autrainer.runs import layout
from tests.conftest import AUTRAINER, REPOSITORY

PACKAGE = REPOSITORY / "python" / "autrainer"

LAYERS = [
    {"errors", "_core", "__init__", "fast"},
    {"runs"},
    {"config", "features"},
    {"transforms", "metrics", "data"},
    {"datasets", "models", "criterions", "optimizers", "augmentations", "statistics"},
    {"callbacks"},
    {"loggers", "plotting"},
    {"engine"},
    {"training", "serving", "preprocessing", "postprocessing"},
    {"checking", "launching", "export", "searching"},
    {"cli"},
    {"__main__"},
]
RANK = {room: rank for rank, rooms in enumerate(LAYERS) for room in rooms}

DOORS = {
    "data/native/audio.py": {"audio_info", "decode_audio", "foreign_audio"},
    "data/native/collate.py": {"stack", "gather"},
    "data/native/decode.py": {"can_decode", "decode_file", "first_nonfinite"},
    "data/native/shuffle.py": {"permutation", "position_of"},
    "data/native/file_reader.py": {"FileReader", "Outcome"},
    "data/paths/workers.py": {"leave_signals_to_parent"},
    "features/native.py": {"MelSpectrogram", "Resampler", "cepstra", "cosine_matrix", "deltas"},
    "plotting/png.py": {"encode_png"},
    "runs/writing/files.py": {
        "copy_file",
        "find_numpy",
        "make_folder",
        "rename",
        "write_by_name",
        "write_bytes",
        "write_npy",
    },
    "runs/writing/results_csv.py": {"write_results"},
    "runs/state/sealed.py": {"seal", "write_sealed"},
}
"""The only modules that import from the extension, and what."""


def modules(*, addresses=True):
    """Modules of the package; without those that only re-export from every room."""
    found = [path for path in PACKAGE.rglob("*.py") if "conf" not in path.parts]
    only_addresses = (PACKAGE / "core", PACKAGE / "__init__.py")
    return [path for path in found if addresses or not {path, *path.parents} & set(only_addresses)]


def room_of(path):
    parts = path.relative_to(PACKAGE).parts
    return parts[0].removesuffix(".py")


@cache
def tree_of(path):
    return ast.parse(path.read_text())


def imports_of(path):
    """Every `autrainer` module that a module imports, wherever in the file."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("autrainer"):
            yield node.module, {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("autrainer"):
                    yield alias.name, set()


def points_down(path, module):
    room, other = room_of(path), [*module.split("."), "__init__"][1]
    return other == room or RANK[other] < RANK[room]


def test_imports_point_down():
    found = [(path, module) for path in modules(addresses=False) for module, _ in imports_of(path)]
    assert len(found) > 1000
    up = [f"{path} imports {module}" for path, module in found if not points_down(path, module)]
    assert up == []


def test_every_room_of_the_table_exists_and_every_room_is_in_it():
    shown = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}
    rooms = shown - {"__pycache__", "conf", "core", "py", "_core"}
    assert rooms == set(RANK) - {"_core"}


def test_the_table_in_the_documentation_is_this_one():
    text = (REPOSITORY / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^ ?(\d+)  (.+?)(?: {8,}.*)?$", text, re.MULTILINE)
    told = {int(rank): set(names.split()) for rank, names in rows}
    private = {"__init__", "__main__"}
    assert told == {rank: rooms - private for rank, rooms in enumerate(LAYERS) if rooms - private}
    assert [door for door in DOORS if f"`{door}`" not in text] == []


def taken_of_the_extension(path):
    imported = [names for module, names in imports_of(path) if module == "autrainer._core"]
    return set().union(*imported) | {
        node.attr
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "_core"
    }


def test_the_extension_has_few_doors():
    taken = {str(path.relative_to(PACKAGE)): taken_of_the_extension(path) for path in modules()}
    assert {name: names for name, names in taken.items() if names} == DOORS


def is_private(name):
    return name.startswith("_") and not name.endswith("__")


@cache
def names_that_torch_keeps_to_itself():
    """Private attributes of what this package holds of torch: loaders, modules, optimizers."""
    import torch

    kept = (
        torch.utils.data.dataloader,
        torch.nn.Module,
        torch.optim.Optimizer,
        torch.optim.lr_scheduler.LRScheduler,
        torch.amp.GradScaler,
    )
    trees = [ast.parse(inspect.cleandoc("\n" + inspect.getsource(part))) for part in kept]
    found = [node.attr for tree in trees for node in ast.walk(tree) if is_own_attribute(node)]
    return {name for name in found if is_private(name)}


def is_own_attribute(node):
    return isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("self", "cls")


def private_names_of_torch(path, kept):
    """What a module takes of torch that torch does not offer, as it is written there."""
    nodes = list(ast.walk(tree_of(path)))
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    of_torch = [node for node in imports if (node.module or "").split(".")[0] == "torch"]
    aliases = {"torch", *(a.asname or a.name for node in of_torch for a in node.names)}
    names = [f"{node.module}.{alias.name}" for node in of_torch for alias in node.names]
    names += [a.name for node in nodes if isinstance(node, ast.Import) for a in node.names]
    names += [
        ast.unparse(node)
        for node in nodes
        if isinstance(node, ast.Attribute) and re.fullmatch(r"[\w.]+", ast.unparse(node))
    ]
    found = [n for n in names if n.split(".")[0] in aliases and any(map(is_private, n.split(".")))]
    others = [n for n in nodes if isinstance(n, ast.Attribute) and not is_own_attribute(n)]
    found += [ast.unparse(node) for node in others if node.attr in kept]
    found = [name for name in found if name not in OF_OTHERS]
    asked = [n for n in nodes if isinstance(n, ast.Call) and ast.unparse(n.func) in ASKING]
    texts = [n.value for call in asked for n in call.args if isinstance(n, ast.Constant)]
    return found + [text for text in texts if text in kept]


OF_OTHERS = {"threading._shutdown", "instance._reset"}
"""Names that torch happens to use too."""
ASKING = {"getattr", "hasattr", "setattr", "delattr"}


def test_only_fast_uses_private_names_of_torch():
    kept = names_that_torch_keeps_to_itself()
    assert kept >= {"_iterator", "_workers", "_forward_hooks", "_step_count"}
    found = {
        str(path.relative_to(PACKAGE.parent)): private_names_of_torch(path, kept)
        for folder in (PACKAGE, PACKAGE.parent / "hydra_plugins")
        for path in folder.rglob("*.py")
        if "fast" not in path.parts
    }
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("line", "private"),
    [
        ("from torch.nn.modules.loss import _Loss", "torch.nn.modules.loss._Loss"),
        ("import torch._dynamo", "torch._dynamo"),
        ("import torch\ntorch._C.set()", "torch._C"),
        ("from torch.optim import optimizer as o\no._hooks", "o._hooks"),
        ("def end(loader):\n    loader._iterator = None", "loader._iterator"),
        ("iterator = getattr(loader, '_iterator', None)", "_iterator"),
    ],
)
def test_a_private_name_of_torch_is_seen_however_it_is_written(tmp_path, line, private):
    (tmp_path / "module.py").write_text(line)
    kept = names_that_torch_keeps_to_itself()
    assert private in private_names_of_torch(tmp_path / "module.py", kept)


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["list", "model"], ["show", "model", "ToyFFNN"]]
)
def test_what_trains_nothing_imports_nothing_heavy(arguments, tmp_path):
    heavy = {"torch", "pandas", "matplotlib", "sklearn", "numpy", "hydra", "audobject", "scipy"}
    code = (
        "import sys\n"
        f"sys.argv = ['autrainer', *{arguments!r}]\n"
        "import atexit\n"
        f"atexit.register(lambda: print('LOADED', sorted({heavy!r} & set(sys.modules))))\n"
        "from autrainer.cli.main import main\n"
        "main()\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    assert "LOADED []" in process.stdout


@pytest.mark.slow
def test_a_toy_run_imports_only_what_it_uses(tmp_path):
    unused = {"pandas", "sklearn", "scipy", "mlflow", "tensorboard", "torch._dynamo", "PIL"}
    (tmp_path / "spy.py").write_text(
        "import sys\n\n\n"
        "class Spy:\n"
        "    def cb_on_train_end(self, trainer):\n"
        f"        print('LOADED', sorted({unused!r} & set(sys.modules)))\n"
    )
    command = [str(AUTRAINER), "train", "device=cpu", "dataset.size=100", "+callbacks=[spy.Spy]"]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout + process.stderr
    assert "LOADED []" in process.stdout


ADDRESSES = ("Address of", "Where existing projects", "Where stored runs")
"""How modules that only re-export begin."""


def is_address(path):
    about = ast.get_docstring(tree_of(path)) or ""
    return path.is_relative_to(PACKAGE / "core") or about.startswith(ADDRESSES)


def logic_of(path):
    """What a module does besides importing and naming what it exports."""
    _docstring, *statements = tree_of(path).body
    others = [ast.unparse(node) for node in statements if not isinstance(node, ast.ImportFrom)]
    return [text for text in others if not text.startswith("__all__ = ")]


def test_addresses_of_existing_projects_hold_no_logic():
    addresses = [*filter(is_address, modules())]
    assert len(addresses) > 30
    assert {path: logic for path in addresses if (logic := logic_of(path))} == {}


def test_no_file_is_a_drawer_for_anything():
    drawers = {"utils.py", "common.py", "misc.py", "helpers.py"}
    named_by_the_spec = {"core/utils.py", "models/utils.py"}
    found = {str(path.relative_to(PACKAGE)) for path in modules() if path.name in drawers}
    assert found - named_by_the_spec == set()


def test_the_version_is_one(tmp_path):
    import autrainer

    cargo = (REPOSITORY / "Cargo.toml").read_text()
    assert f'version = "{autrainer.__version__}"' in cargo
    shown = subprocess.run(
        [str(AUTRAINER), "--version"], capture_output=True, text=True, check=True, cwd=tmp_path
    ).stdout
    assert shown.strip() == f"autrainer {autrainer.__version__}"
    assert Path(autrainer.__file__).parent == PACKAGE


HYDRA = "config/hydra/internals.py"
PROMISED = {"hydra.core.hydra_config"}
"""What Hydra's documentation shows of a package that is else its own."""


def private_parts_of_hydra(path):
    """Modules of Hydra itself that a module imports, and attributes that only Hydra uses."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.Attribute) and node.attr in {"_return_value", "_get_header_dict"}:
            names = [f"hydra.core.{node.attr}"]
        else:
            continue
        own = ("hydra._internal", "hydra.core")
        yield from (name for name in names if name.startswith(own) and name not in PROMISED)


def test_only_one_module_uses_private_parts_of_hydra():
    plugins = PACKAGE.parent.glob("hydra_plugins/**/*.py")
    users = {path for path in [*modules(), *plugins] if set(private_parts_of_hydra(path))}
    assert users == {PACKAGE / HYDRA}


def names_of_run_folders():
    """Texts that name a file or folder of a run, as `runs/layout.py` has them."""
    found = {value for value in vars(layout).values() if isinstance(value, str)}
    return {name for name in found if re.fullmatch(r"_\w+|[\w.]+\.(yaml|csv|txt|log)|\.lock", name)}


def test_one_module_names_the_files_and_folders_of_a_run():
    # The last one has a default in a signature, and is imported with every command.
    owners = {
        PACKAGE / f"{name}.py" for name in ("runs/layout", "config/constants", "cli/__init__")
    }
    names = names_of_run_folders()
    assert {"metrics.csv", "_best", "status.yaml", ".lock"} <= names
    told = [
        f"{path.relative_to(PACKAGE)}: {node.value}"
        for path in modules()
        if path not in owners
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Constant) and node.value in names
    ]
    assert told == []
