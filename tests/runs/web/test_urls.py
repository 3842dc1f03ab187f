"""What an address says of its file."""

import hashlib

import pytest

from autrainer.errors import ConfigError
from autrainer.runs.web.urls import file_name, split_checksum


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
def test_a_checksum_behind_an_address_fits_the_file_it_is_of_and_no_other(algorithm, tmp_path):
    digest = hashlib.new(algorithm, b"weights").hexdigest()
    address, expected = split_checksum(f"https://host/a.pth?x=1#{algorithm}={digest.upper()}")
    assert address == "https://host/a.pth?x=1"
    (tmp_path / "a").write_bytes(b"weights")
    (tmp_path / "b").write_bytes(b"Weights")
    assert expected.problem(tmp_path / "a") is None
    assert digest in expected.problem(tmp_path / "b")


def test_an_address_without_a_checksum_says_nothing():
    address, expected = split_checksum("https://host/a.pth")
    assert (address, expected.checksum) == ("https://host/a.pth", None)


@pytest.mark.parametrize("fragment", ["sha256=abc", "crc32=12345678", "md5", f"md5={'x' * 32}"])
def test_another_fragment_is_refused(fragment):
    with pytest.raises(ConfigError, match="is no checksum; use one of"):
        split_checksum(f"https://host/a.pth#{fragment}")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://host/files/Cnn10_mAP%3D0.380.pth", "Cnn10_mAP=0.380.pth"),
        ("https://host/a.pth?download=1", "a.pth"),
    ],
)
def test_a_file_has_the_name_that_people_write(url, name):
    assert file_name(url) == name


@pytest.mark.parametrize("url", ["https://host/", "https://host", "https://host/%2Fetc%2Fx"])
def test_an_address_without_a_name_is_refused(url):
    with pytest.raises(ConfigError, match="names no file"):
        file_name(url)
