"""Files come from the web whole or not at all; the web is a server of this machine here."""

import io
import logging
import os
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from autrainer.callbacks.progress import Progress
from autrainer.datasets.fetching.downloads import ZipDownloadManager
from autrainer.errors import ConfigError, CorruptFileError, DownloadError, OutputError
from autrainer.runs.locking import flocks
from autrainer.runs.web.fetching import fetch

CONTENT = bytes(range(256)) * 5000


class Handler(BaseHTTPRequestHandler):
    """Answers honestly, or in one of the ways in which servers fail."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append(self.path)
        kind = self.path.strip("/").partition("?")[0]
        getattr(self, f"send_{kind}", self.send_missing)()
        self.close_connection = True

    def answer(self, size, content=CONTENT, code=200, **headers):
        self.send_response(code)
        if size is not None:
            self.send_header("Content-Length", str(size))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def send_whole(self):
        self.answer(len(CONTENT))

    def send_of_unknown_length(self):
        self.answer(None)

    def send_elsewhere(self):
        self.answer(0, b"", 302, Location="/whole")

    def send_zip(self):
        self.answer(len(self.server.archive), self.server.archive)

    def send_cut(self):
        self.answer(len(CONTENT) + 1)

    def send_cut_chunk(self):
        self.answer(None, b"ffff\r\nnot so many", Transfer_Encoding="chunked")

    def send_huge(self):
        self.answer(10**18, b"")

    def send_nothing(self):
        self.answer(len(CONTENT), CONTENT[:1000])
        self.server.released.wait(30)

    def send_missing(self):
        self.answer(0, b"", 404)

    def log_message(self, *args):
        """Stay silent."""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        made.asked, made.released, made.archive = [], threading.Event(), b""
        made.url = f"http://127.0.0.1:{made.server_port}"
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.released.set()
        made.shutdown()
        thread.join()


@pytest.fixture
def manager(server, tmp_path):
    """A manager of files of the server: what it sends, by the name of the file."""

    def build(path=tmp_path / "data", **files):
        urls = {name.replace("__", "."): f"{server.url}/{kind}" for name, kind in files.items()}
        return ZipDownloadManager(urls, path, timeout_s=5, pause_s=0)

    return build


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("kind", ["whole", "of_unknown_length", "elsewhere"])
def test_a_file_comes_as_it_is(manager, kind):
    made = manager(a__bin=kind)
    made.download()
    assert (made.path / "a.bin").read_bytes() == CONTENT
    assert names(made.path) == ["a.bin"]


def test_files_are_asked_for_once(manager, server):
    made = manager(**{f"a{i}": "whole" for i in range(6)})
    made.download()
    assert names(made.path) == [f"a{i}" for i in range(6)]
    made.download()
    assert len(server.asked) == 6


def test_nothing_is_asked_for_if_what_it_leads_to_is_there(manager, server, caplog):
    made = manager(a__zip="whole")
    (made.path / "wav").mkdir()
    (made.path / "train.csv").touch()
    with caplog.at_level(logging.INFO):
        made.download(check_exist=["wav", "train.csv"])
        made.extract(check_exist=["wav", "train.csv"])
    assert server.asked == []
    assert "There already" in caplog.text
    made.download(check_exist=["wav", "dev.csv"])
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("missing", "HTTP Error 404"),
        ("cut", f"the connection ended after {len(CONTENT)} of {len(CONTENT) + 1} bytes"),
        ("cut_chunk", "IncompleteRead"),
        ("huge", f"it takes {10**18} bytes, and .* are free"),
    ],
)
def test_a_file_that_does_not_come_as_a_whole_is_not_there(manager, kind, reason):
    made = manager(a__bin=kind)
    with pytest.raises(
        DownloadError, match=rf"^a\.bin did not come from http:.*/{kind}: .*{reason}"
    ):
        made.download()
    assert names(made.path) == []


def test_a_server_that_says_nothing_is_given_up(server, tmp_path):
    with pytest.raises(DownloadError, match="the server says nothing"):
        fetch(f"{server.url}/nothing", tmp_path / "a.bin", timeout_s=0.2, pause_s=0)
    assert names(tmp_path) == []


def test_a_server_that_is_not_there_is_told(tmp_path, server):
    with pytest.raises(DownloadError, match=r"a\.bin did not come from .*refused"):
        fetch("http://127.0.0.1:1/a", tmp_path / "a.bin", pause_s=0)


def test_all_that_failed_is_told_and_all_that_came_is_kept(manager, server):
    made = manager(a="missing", b="whole", c="cut", d="whole")
    with pytest.raises(DownloadError, match=r"(?s)^a did not.*\nc did not.*are kept") as caught:
        made.download()
    assert len(str(caught.value).splitlines()) == 3
    assert names(made.path) == ["b", "d"]
    server.asked.clear()
    with pytest.raises(DownloadError):
        made.download()
    assert sorted(set(server.asked)) == ["/cut", "/missing"]
    assert server.asked.count("/missing") == 1


def test_a_download_that_is_given_up_leaves_nothing(server, tmp_path):
    stop = threading.Event()
    stop.set()
    with pytest.raises(DownloadError, match="it was given up"):
        fetch(f"{server.url}/whole", tmp_path / "a.bin", stop=stop)
    assert names(tmp_path) == []


def test_a_file_that_cannot_be_written_ends_all_downloads(manager):
    made = manager(**{"a": "whole", "a/b": "nothing"})
    (made.path / "a").touch()
    with pytest.raises(OutputError, match="data/a"):
        made.download()


def test_what_a_killed_process_left_is_removed(manager):
    made = manager(a="whole")
    (made.path / ".autrainer-1-2.tmp").write_bytes(b"half")
    made.download()
    assert names(made.path) == ["a"]


@pytest.mark.skipif(flocks.fcntl is None, reason="no locks on folders")
def test_another_process_is_waited_for_and_its_files_are_taken(manager, server):
    made = manager(a="whole")
    other = os.open(made.path, os.O_RDONLY)
    assert flocks.take(other, until=0)
    waits = threading.Event()
    handler = logging.Handler()
    handler.emit = lambda record: waits.set()
    logger = logging.getLogger("autrainer.runs.locking.folders")
    logger.addHandler(handler)
    before, logger.level = logger.level, logging.INFO
    thread = threading.Thread(target=made.download)
    try:
        thread.start()
        assert waits.wait(30)
        (made.path / "a").write_bytes(b"by the other one")
    finally:
        os.close(other)
        thread.join()
        logger.removeHandler(handler)
        logger.level = before
    assert (made.path / "a").read_bytes() == b"by the other one"
    assert server.asked == []


class Terminal(io.StringIO):
    """A stderr that somebody looks at."""

    def isatty(self):
        return True


def test_a_bar_shows_name_and_size_on_a_terminal(manager, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    manager(speech__zip="whole").download()
    assert "speech.zip" in terminal.getvalue()
    assert "1.28M" in terminal.getvalue()


def test_a_bar_that_cannot_be_shown_ends_no_download(manager, monkeypatch):
    class Gone(Terminal):
        def write(self, text):
            raise OSError("the terminal is gone")

    monkeypatch.setattr("sys.stderr", Gone())
    made = manager(a="whole")
    made.download()
    monkeypatch.setattr("sys.stderr", None)
    (made.path / "a").unlink()
    made.download()
    assert names(made.path) == ["a"]
    # A bar of a download is one of another thread, and all bars share a lock.
    monkeypatch.undo()
    with Progress("Train", 1, disabled=False) as bar:
        bar.advance()


@pytest.mark.parametrize("name", ["", "..", "../a", "a/../../b", "/tmp/a"])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path, name):
    with pytest.raises(ConfigError, match="is no name of a file in a folder"):
        ZipDownloadManager({name: "https://localhost/a"}, tmp_path)


@pytest.mark.parametrize(
    "url", ["", "a.zip", "file:///etc/passwd", "ftp://localhost/a", "http:///a"]
)
def test_an_address_that_is_none_of_the_web_is_refused(tmp_path, url):
    with pytest.raises(ConfigError, match="is no address to download from"):
        ZipDownloadManager({"a": url}, tmp_path)


def test_at_least_one_thread_downloads(tmp_path):
    with pytest.raises(ConfigError, match="max_threads is 0; use an integer of at least 1"):
        ZipDownloadManager({}, tmp_path, max_threads=0)


def test_archives_are_unpacked_and_other_files_are_left(manager, server, tmp_path):
    (tmp_path / "packed" / "wav").mkdir(parents=True)
    (tmp_path / "packed" / "wav" / "a.wav").write_bytes(b"sound")
    packed = shutil.make_archive(str(tmp_path / "p"), "zip", tmp_path / "packed")
    server.archive = Path(packed).read_bytes()
    made = manager(one__zip="zip", two__ZIP="zip", labels__csv="whole")
    made.download()
    made.extract()
    assert names(made.path) == ["labels.csv", "one.zip", "two.ZIP", "wav"]
    assert (made.path / "wav" / "a.wav").read_bytes() == b"sound"


def test_an_archive_that_is_none_is_named(manager):
    made = manager(a__zip="whole")
    made.download()
    with pytest.raises(CorruptFileError, match=r"a\.zip is no zip archive"):
        made.extract()


def test_an_archive_that_was_not_downloaded_is_named(manager):
    with pytest.raises(FileNotFoundError, match=r"a\.zip"):
        manager(a__zip="whole").extract()
