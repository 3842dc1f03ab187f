"""Which classes the files of a model may name."""

import importlib
import sys
import types

import pytest

from autrainer.data.file_handlers import AbstractFileHandler, NumpyFileHandler
from autrainer.errors import CorruptFileError, UntrustedCodeError
from autrainer.runs.objects import save_object
from autrainer.serving.trust import Trust
from autrainer.transforms import SmartCompose
from tests.conftest import REPOSITORY

HANDLER = "file_handler.yaml"


@pytest.fixture
def described(tmp_path):
    def write(text):
        path = tmp_path / HANDLER
        path.write_text(text)
        return path

    return write


def test_classes_of_autrainer_are_built(tmp_path):
    save_object(NumpyFileHandler(), tmp_path / HANDLER)
    loaded = Trust().load(tmp_path / HANDLER, AbstractFileHandler)
    assert type(loaded) is NumpyFileHandler


@pytest.mark.parametrize(
    "text",
    [
        "$os.system: {command: touch ran}",
        "$subprocess.Popen==1: {args: [touch, ran]}",
        "$py:subprocess.Popen==1: {args: [touch, ran]}",
        "$numpy.load: {file: ran}",
        "$autrainer.os.system: {command: touch ran}",
        "$autrainer.runs.writing.files.write_text: {path: ran, text: ''}",
        "$autrainer.datasets.fetching.downloads.ZipDownloadManager: {files: {}, path: ran}",
        "$autrainer.errors.ConfigError: {}",
        "$autrainer.nothing.Here: {}",
        "$autrainer: {}",
        "$: {}",
        "$no_such_module.Class: {}",
        "$../evil.Class: {}",
        "$autrainer.transforms.SmartCompose: {transforms: [{$os.system: {command: touch ran}}]}",
        "$autrainer.transforms.SmartCompose: {transforms: [{a: {$os.system: {}}}]}",
        "$autrainer.transforms.SmartCompose: {transforms: [{auglib.core.os.system: {}}]}",
        "$autrainer.augmentations.Choice: {choices: [{os.system: {command: touch ran}}]}",
        "$autrainer.augmentations.Choice: {choices: [numpy.zeros, numpy.ones]}",
    ],
)
def test_nothing_else_is_built(described, text, tmp_path):
    with pytest.raises(UntrustedCodeError, match=rf"^{tmp_path}/{HANDLER}: "):
        Trust().load(described(text), object)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "text", ["!!python/object/apply:os.system [touch ran]", "a: 1", "[]", "$a.B: {}\n$a.C: {}", ""]
)
def test_what_is_no_object_is_damage(described, text, tmp_path):
    with pytest.raises(CorruptFileError, match=HANDLER):
        Trust().load(described(text), object)
    assert not (tmp_path / "ran").exists()


def test_an_object_of_another_kind_is_damage(tmp_path):
    save_object(SmartCompose([]), tmp_path / HANDLER)
    with pytest.raises(CorruptFileError, match="expected a AbstractFileHandler, found a Smart"):
        Trust().load(tmp_path / HANDLER, AbstractFileHandler)


def test_arguments_that_a_class_does_not_take_are_damage(described):
    text = "$autrainer.models.FFNN: {output_dim: 2}"
    with pytest.raises(CorruptFileError, match="cannot be built: Missing mandatory"):
        Trust().load(described(text), object)


@pytest.fixture
def beside(tmp_path, monkeypatch):
    """A folder with a module, a package and a package without `__init__.py`."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("mine_alone.py", "mine_package/__init__.py", "mine_spread/part.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("class Part:\n    pass\n")
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if name.startswith("mine_"):
            del sys.modules[name]


@pytest.mark.parametrize("module", ["mine_alone", "mine_package", "mine_spread.part"])
def test_modules_of_a_trusted_folder_are_imported(beside, described, module):
    trust = Trust((beside,))
    trust.open_imports()
    for _ in range(2):
        loaded = trust.load(described(f"${module}.Part: {{}}"), object)
        assert type(loaded).__module__ == module
    with pytest.raises(UntrustedCodeError, match="nobody has allowed its code to run"):
        Trust().load(described(f"${module}.Part: {{}}"), object)


def test_a_module_that_is_imported_is_known_by_its_file_alone(beside, monkeypatch):
    trust = Trust((beside,))
    trust.open_imports()
    importlib.import_module("mine_spread.part")
    # Under `--import-mode=importlib`, pytest may put such a module in the place of a package.
    monkeypatch.setitem(sys.modules, "mine_spread", types.ModuleType("mine_spread"))
    trust.check("mine_spread.part.Part")
    with pytest.raises(UntrustedCodeError):
        Trust((beside / "mine_package",)).check("mine_spread.part.Part")


@pytest.mark.parametrize("address", ["numpy.ndarray", "os.system", "torch.nn.Linear", "wave.Error"])
def test_a_trusted_folder_allows_nothing_that_lies_elsewhere(beside, address):
    # Libraries of a virtual environment lie below the folder of a project, but not directly in it.
    with pytest.raises(UntrustedCodeError):
        Trust((beside, REPOSITORY)).check(address)


def test_a_module_that_hides_one_of_the_folder_is_not_taken_for_it(beside, monkeypatch):
    (beside / "yaml.py").write_text("")
    with pytest.raises(UntrustedCodeError):
        Trust((beside,)).check("yaml.Part")
