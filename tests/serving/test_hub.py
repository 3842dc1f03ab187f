"""Models of a hub; the hub is a server of this machine here."""

import hashlib
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from autrainer.errors import ConfigError, DownloadError
from autrainer.serving import Inference, get_model_path
from autrainer.serving.model_paths import OBJECT_FILES, HubReference
from tests.conftest import REPOSITORY
from tests.serving.conftest import write_model, write_wav

ONE, TWO = "1" * 40, "2" * 40


class Hub(BaseHTTPRequestHandler):
    """As much of a hub as a download asks for."""

    def do_GET(self):
        path = unquote(urlsplit(self.path).path)
        self.server.asked.append(path)
        if path.startswith("/api/models/me/model/revision/"):
            commit = self.server.revisions.get(path.rpartition("/revision/")[2])
            self.answer(commit and json.dumps(self.listing(commit)).encode())
            return
        if path.startswith("/me/model/resolve/"):
            commit, _, name = path.removeprefix("/me/model/resolve/").partition("/")
            if name.endswith("model.pt"):
                self.answer(b"", 302, Location=f"/cdn/{commit}/{name}")
                return
            self.answer(self.content(commit, name))
        elif path.startswith("/cdn/"):
            self.answer(self.content(*path.removeprefix("/cdn/").split("/", 1)))
        else:
            self.answer(None)

    def listing(self, commit):
        files = self.server.commits[commit]
        return {"sha": commit, "siblings": [self.sibling(n, c) for n, c in files.items()]}

    def sibling(self, name, content):
        blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        entry = {"rfilename": name, "size": len(content), "blobId": blob}
        if name.endswith("model.pt"):
            sha256 = hashlib.sha256(content).hexdigest()
            entry["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 130}
        return entry

    def content(self, commit, name):
        return self.server.lies.get(name, self.server.commits[commit].get(name))

    def answer(self, content, code=200, **headers):
        self.send_response(404 if content is None else code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *args):
        """Stay silent."""


def files_of(folder, below=""):
    return {
        f"{below}{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def hub(monkeypatch, tmp_path):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    content = files_of(write_model(tmp_path / "made"))
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        server.asked, server.lies = [], {}
        server.commits = {ONE: {**content, "epoch_1/model.pt": b"another", "README.md": b"hello"}}
        server.revisions = {"main": ONE, ONE: ONE}
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}/")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_branch_is_pinned_to_its_commit_and_said_so(hub, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        folder = Path(get_model_path("hf:me/model"))
    assert folder == tmp_path / "torch" / "hub" / "autrainer" / f"me--model--{ONE}"
    assert f"hf:me/model@main is at commit {ONE} now" in caplog.text
    assert all(ONE in path for path in hub.asked[1:])
    wav = write_wav(tmp_path / "a.wav", 800)
    assert Inference(folder, trusted=[REPOSITORY]).predict_file(wav)[0] in "ab"


def test_only_what_is_needed_is_downloaded(hub):
    folder = Path(get_model_path("hf:me/model"))
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names == {*OBJECT_FILES, "_best/model.pt", ".autrainer-hub.json"}
    other = Path(get_model_path("hf:me/model", checkpoint="epoch_1"))
    assert (other / "epoch_1" / "model.pt").read_bytes() == b"another"


def test_a_commit_that_is_there_needs_no_network(hub):
    get_model_path(f"hf:me/model@{ONE}")
    hub.asked.clear()
    get_model_path(f"hf:me/model@{ONE}")
    assert hub.asked == []


def test_a_branch_that_has_moved_is_another_model(hub):
    before = get_model_path("hf:me/model")
    hub.commits[TWO] = {**hub.commits[ONE], "_best/model.pt": b"moved"}
    hub.revisions["main"] = TWO
    after = get_model_path("hf:me/model")
    assert before != after
    assert (Path(after) / "_best" / "model.pt").read_bytes() == b"moved"


def test_a_file_that_was_damaged_is_downloaded_again(hub):
    folder = Path(get_model_path("hf:me/model"))
    state = folder / "_best" / "model.pt"
    content = state.read_bytes()
    state.write_bytes(content[:-1] + b"!")
    hub.asked.clear()
    get_model_path("hf:me/model")
    assert state.read_bytes() == content
    assert [path for path in hub.asked if "/resolve/" in path] == [
        f"/me/model/resolve/{ONE}/_best/model.pt"
    ]


@pytest.mark.parametrize("name", ["model.yaml", "_best/model.pt"])
def test_a_file_that_is_not_what_the_hub_says_is_not_taken(hub, name):
    content = hub.commits[ONE][name]
    hub.lies[name] = content[:-1] + b"!"
    with pytest.raises(DownloadError, match=r"its (git|sha256) is \w+ instead of"):
        get_model_path("hf:me/model")


def test_code_of_a_model_is_only_downloaded_if_it_is_trusted(hub, tmp_path):
    hub.commits[ONE]["hub_model.py"] = b"raise SystemExit('ran')\n"
    with pytest.raises(ConfigError, match=r"comes with code, hub_model\.py, .*-t/--trust-remote"):
        get_model_path("hf:me/model")
    folder = Path(get_model_path("hf:me/model", trust_remote=True))
    assert (folder / "hub_model.py").is_file()


def test_a_folder_of_the_repository_is_taken_by_its_whole_name(hub, tmp_path):
    content = files_of(tmp_path / "made")
    hub.commits[ONE] = {
        f"{folder}/{name}": data for folder in ("model", "model2") for name, data in content.items()
    }
    hub.commits[ONE]["model2/code.py"] = b""
    folder = get_model_path(f"hf:me/model:model#{tmp_path / 'mine'}")
    assert folder == str(tmp_path / "mine" / "model")
    with pytest.raises(ConfigError, match=r"expected one model\.yaml, found model, model2"):
        get_model_path("hf:me/model")
    with pytest.raises(ConfigError, match=r"there is no mod/model\.yaml"):
        get_model_path("hf:me/model:mod")


@pytest.mark.parametrize("name", ["../model.yaml", "/etc/model.yaml", "a/../../b", "a\\b", "c:d"])
def test_a_repository_with_names_that_lead_out_of_the_folder_is_refused(hub, name):
    hub.commits[ONE][name] = b"x"
    with pytest.raises(ConfigError, match="the repository has a file called"):
        get_model_path("hf:me/model")


@pytest.mark.parametrize("model", ["hf:me/other", "hf:me/model@v1"])
def test_what_the_hub_does_not_have_is_told(hub, model):
    with pytest.raises(ConfigError, match=r"cannot be found: .*HTTP Error 404"):
        get_model_path(model)


def test_files_that_a_model_lacks_are_told(hub):
    del hub.commits[ONE]["target_transform.yaml"]
    with pytest.raises(ConfigError, match=r"lacks target_transform\.yaml, _last/model\.pt"):
        get_model_path("hf:me/model", checkpoint="_last")


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("hf:a/b", ("a/b", None, None, None)),
        ("hf:b@main", ("b", "main", None, None)),
        ("hf:a/b@refs/pr/1:c/d#e:f@g", ("a/b", "refs/pr/1", "c/d", "e:f@g")),
        ("hf:a/b#/tmp/x", ("a/b", None, None, "/tmp/x")),
    ],
)
def test_references_are_read(model, expected):
    assert HubReference.read(model) == HubReference(*expected)


@pytest.mark.parametrize(
    "model",
    ["hf:", "hf:a/b@", "hf:a/b:", "hf:a/b#", "hf:@main", "hf:a/b/c", "hf:a b", "hf:a/b:../c"],
)
def test_references_with_an_empty_part_are_refused(model):
    with pytest.raises(ConfigError, match="names"):
        get_model_path(model)


def test_a_local_folder_is_itself_if_it_is_one(model, tmp_path):
    assert get_model_path(str(model)) == str(model)
    with pytest.raises(ConfigError, match="is no folder; name the folder of a run"):
        get_model_path(str(tmp_path / "nothing"))
    (model / "model.yaml").unlink()
    with pytest.raises(ConfigError, match=r"it lacks model\.yaml"):
        get_model_path(str(model))
