"""Files of weights like those that are published, and a server that has them."""

import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch

from autrainer.models import Cnn10


class Handler(SimpleHTTPRequestHandler):
    """Sends what lies in a folder, and remembers what it was asked for."""

    def do_GET(self):
        self.server.asked.append(self.path)
        super().do_GET()

    def log_message(self, *args):
        """Stay silent."""


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(Handler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as made:
        made.asked, made.folder = [], folder
        made.url = f"http://127.0.0.1:{made.server_port}"
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Torch's hub folder, an empty one."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub"


def published(state):
    """What the file of a published network holds: its head, its spectrogram, and its sampler."""
    return {
        "iteration": 600_000,
        "model": {
            "spectrogram_extractor.stft.conv_real.weight": torch.zeros(3, 1, 4),
            "logmel_extractor.melW": torch.zeros(3, 4),
            **{name: value for name, value in state.items() if not name.startswith("out.")},
            "fc_audioset.weight": torch.zeros(527, 512),
            "fc_audioset.bias": torch.zeros(527),
        },
        "sampler": {
            "indexes": np.arange(5),
            "random_state": ("MT19937", np.arange(3, dtype=np.uint32), 3, 0, 0.0),
            "best": np.float64(0.38),
        },
    }


@pytest.fixture(scope="session")
def cnn10():
    torch.manual_seed(3)
    return Cnn10(2)
