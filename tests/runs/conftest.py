import pytest

from autrainer.runs.folder import Bookkeeping


@pytest.fixture
def bookkeeping(tmp_path):
    bookkeeping = Bookkeeping(tmp_path / "run")
    yield bookkeeping
    bookkeeping.close()
