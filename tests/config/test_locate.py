"""Import paths that name nothing, and what may be meant by them."""

from pathlib import Path

import pytest

from autrainer.config.locate import locate, public_path
from autrainer.criterions import CrossEntropyLoss
from autrainer.errors import ConfigError
from autrainer.models.base import AbstractModel


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("UAR", r"'UAR' is no import path; did you mean 'autrainer.metrics.UAR'\?"),
        ("standardizer", r"did you mean 'autrainer.transforms.Standardizer'\?"),
        ("Mine", r"'Mine' is no import path; did you mean 'my_callbacks.Mine'\?"),
        ("Nothing", r"'Nothing' is no import path; write package.module.Name"),
        ("my_callback.Mine", r"No module named 'my_callback'; did you mean 'my_callbacks'\?"),
        ("nowhere.X", r"No module named 'nowhere'; modules of yours are looked for in /"),
        ("autrainer.metrics.uar", r"autrainer.metrics has no 'uar'; did you mean 'UAR'"),
        ("autrainer.metrics.Standardizer", r"did you mean 'autrainer.transforms.Standardizer'\?"),
    ],
)
def test_what_may_be_meant_by_a_path_is_told(path, message):
    Path("my_callbacks.py").write_text("class Mine:\n    pass\n")
    with pytest.raises(ConfigError, match=message):
        locate(path)


def test_the_public_path_is_that_of_the_package_that_offers_a_class():
    assert public_path(AbstractModel) == "autrainer.models.AbstractModel"
    assert public_path(CrossEntropyLoss) == "autrainer.criterions.CrossEntropyLoss"
    assert public_path(Path) == "pathlib.Path"
    assert public_path(test_what_may_be_meant_by_a_path_is_told).startswith("tests.config.")
