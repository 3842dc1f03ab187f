"""Files of weights come once, whole, and are read without running anything."""

import hashlib
import os
import pickle

import numpy as np
import pytest
import torch

from autrainer.errors import ConfigError, CorruptFileError, DownloadError
from autrainer.models.weights.files import read_weights, weights_file
from tests.models.weights.conftest import published


def test_a_file_comes_once_and_lies_where_torch_looks_for_it(server, hub):
    (server.folder / "a=1.pth").write_bytes(b"weights")
    places = {weights_file(f"{server.url}/a%3D1.pth?download=1") for _ in range(2)}
    assert places == {hub / "checkpoints" / "a=1.pth"}
    assert places.pop().read_bytes() == b"weights"
    assert len(server.asked) == 1


def test_a_file_of_another_digest_does_not_come(server, hub):
    (server.folder / "a.pth").write_bytes(b"other weights")
    digits = hashlib.sha256(b"weights").hexdigest()
    with pytest.raises(DownloadError, match=f"instead of {digits}"):
        weights_file(f"{server.url}/a.pth#sha256={digits}")
    assert [*(hub / "checkpoints").iterdir()] == []


def test_a_file_that_was_cut_off_by_others_is_found_by_its_digest(server, hub, caplog):
    (server.folder / "a.pth").write_bytes(b"weights")
    (hub / "checkpoints").mkdir(parents=True)
    (hub / "checkpoints" / "a.pth").write_bytes(b"wei")
    place = f"{server.url}/a.pth#md5={hashlib.md5(b'weights').hexdigest()}"
    assert weights_file(place).read_bytes() == b"weights"
    assert "a.pth is downloaded again: its md5 is" in caplog.text


def test_a_file_of_this_machine_is_taken_where_it_lies(tmp_path, hub):
    (tmp_path / "a.pth").write_bytes(b"weights")
    assert weights_file(str(tmp_path / "a.pth")) == tmp_path / "a.pth"
    assert not hub.exists()
    with pytest.raises(ConfigError, match=r"'b\.pth', which is no file and no address"):
        weights_file("b.pth")


@pytest.mark.parametrize("kind", ["?", "b", "i", "q", "B", "L", "e", "f", "d"])
def test_arrays_beside_tensors_are_read(tmp_path, kind):
    array = np.arange(6).reshape(2, 3).astype(kind)
    torch.save({"array": array, "number": array[1, 2], "x": torch.ones(2)}, tmp_path / "a.pth")
    found = read_weights(tmp_path / "a.pth")
    assert found["array"].dtype == array.dtype
    assert np.array_equal(found["array"], array)
    assert found["number"] == array[1, 2]
    assert torch.equal(found["x"], torch.ones(2))


@pytest.mark.parametrize("version", ["numpy.core.multiarray", "numpy._core.multiarray"])
def test_arrays_of_older_versions_of_numpy_are_read(tmp_path, version):
    path = tmp_path / "a.pth"
    torch.save({"array": np.arange(3)}, path, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    own = b"cnumpy._core.multiarray\n"
    assert own in content
    path.write_bytes(content.replace(own, f"c{version}\n".encode()))
    assert read_weights(path)["array"].tolist() == [0, 1, 2]


class Harmful:
    """Runs code where it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("harm",)


def test_nothing_in_a_file_is_executed(tmp_path):
    torch.save({"model": Harmful()}, tmp_path / "a.pth")
    with pytest.raises(CorruptFileError, match=r"a\.pth: expected weights, found"):
        read_weights(tmp_path / "a.pth")
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    "content", [b"", b"no weights", pickle.dumps([1, 2], protocol=2), b"PK\x03\x04" + bytes(40)]
)
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(CorruptFileError, match=r"a\.pth: expected"):
        read_weights(tmp_path / "a.pth")


def test_what_others_allow_torch_to_read_stays_allowed(tmp_path, cnn10):
    torch.save(published(cnn10.state_dict()), tmp_path / "a.pth")
    before = torch.serialization.get_safe_globals()
    torch.serialization.add_safe_globals([Harmful])
    try:
        assert read_weights(tmp_path / "a.pth")["iteration"] == 600_000
        assert {*torch.serialization.get_safe_globals()} == {*before, Harmful}
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(before)
