"""What is known of a file is checked, and what has come of it is not asked for again."""

import hashlib
import io
import threading
import urllib.request
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autrainer.errors import ConfigError, DownloadError
from autrainer.runs.web import fetching
from autrainer.runs.web.fetching import fetch
from autrainer.runs.web.integrity import Expected

CONTENT = bytes(range(256)) * 400
OTHER = CONTENT[::-1]
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


class Handler(BaseHTTPRequestHandler):
    """A server that sends as much of its content as the test wants, at every request another."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        wanted = self.headers.get("Range")
        self.server.asked.append((wanted, self.headers.get("If-Range")))
        step = self.server.steps.pop(0) if self.server.steps else {}
        content, etag = step.get("content", CONTENT), step.get("etag", self.server.etag)
        start, code = 0, step.get("code", 200)
        fits = self.headers.get("If-Range") in (None, etag)
        if code == 200 and wanted and fits and step.get("ranges", True):
            start, code = int(wanted.removeprefix("bytes=").removesuffix("-")), 206
        if start > len(content):
            code = 416
        body = b"" if code not in (200, 206) else content[start:]
        self.send_response(code)
        if step.get("length", True):
            self.send_header("Content-Length", str(len(body)))
        if "location" in step:
            self.send_header("Location", step["location"])
        if etag:
            self.send_header("ETag", etag)
        if code == 206:
            first = step.get("first", start)
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        self.wfile.write(body[: step.get("bytes", len(body))])
        self.close_connection = True

    def log_message(self, *args):
        """Stay silent."""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        made.asked, made.steps, made.etag = [], [], '"one"'
        made.url = f"http://127.0.0.1:{made.server_port}/file"
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def get(server, tmp_path):
    def run(attempts=4, **options):
        fetch(server.url, tmp_path / "f", timeout_s=5, pause_s=0, attempts=attempts, **options)
        return (tmp_path / "f").read_bytes()

    return run


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_rest_is_asked_for_after_a_connection_that_ended(server, get, tmp_path):
    server.steps = [{"bytes": 1000}, {"bytes": 2000}]
    assert get() == CONTENT
    assert server.asked == [
        (None, None),
        ("bytes=1000-", '"one"'),
        ("bytes=3000-", '"one"'),
    ]
    assert names(tmp_path) == ["f"]


def test_another_call_goes_on_where_one_has_failed(server, get, tmp_path):
    server.steps = [{"bytes": 1000}]
    with pytest.raises(DownloadError, match=r"ended after 1000 of 102400 bytes"):
        get(attempts=1)
    assert names(tmp_path) == [".f.part", ".f.part.json"]
    assert get() == CONTENT
    assert server.asked[-1] == ("bytes=1000-", '"one"')
    assert names(tmp_path) == ["f"]


def test_parts_of_two_contents_are_never_put_together(server, get):
    server.steps = [{"bytes": 1000}, {"content": OTHER, "etag": '"two"'}]
    assert get() == OTHER


def test_a_server_that_names_no_content_is_asked_for_all_of_it(server, get, tmp_path):
    server.etag = None
    server.steps = [{"bytes": 1000}]
    with pytest.raises(DownloadError):
        get(attempts=1)
    assert names(tmp_path) == []
    assert get() == CONTENT
    assert server.asked == [(None, None), (None, None)]


def test_a_weak_name_of_a_content_does_not_do(server, get):
    server.etag = 'W/"one"'
    server.steps = [{"bytes": 1000}]
    assert get() == CONTENT
    assert server.asked == [(None, None), (None, None)]


def test_a_checksum_makes_up_for_the_name_of_the_content(server, get):
    server.etag = None
    server.steps = [{"bytes": 1000}]
    assert get(expected=Expected(checksum=SHA256)) == CONTENT
    assert server.asked == [(None, None), ("bytes=1000-", None)]


def test_a_mixture_that_a_checksum_shows_is_thrown_away(server, get):
    server.etag = None
    server.steps = [{"content": OTHER, "bytes": 1000}]
    assert get(expected=Expected(checksum=SHA256)) == CONTENT
    assert [wanted for wanted, _ in server.asked] == [None, "bytes=1000-", None]


def test_a_server_that_sends_another_part_is_asked_for_all_of_it(server, get):
    server.steps = [{"bytes": 1000}, {"first": 0}]
    assert get() == CONTENT
    assert [wanted for wanted, _ in server.asked] == [None, "bytes=1000-", None]


def test_a_content_that_has_become_shorter_comes_as_it_is_now(server, get):
    server.etag = None
    short = b"short"
    expected = Expected(checksum=f"sha256:{hashlib.sha256(short).hexdigest()}")
    server.steps = [{"bytes": 1000}, {"content": short}, {"content": short}]
    assert get(expected=expected) == short
    assert [wanted for wanted, _ in server.asked] == [None, "bytes=1000-", None]


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_busy_server_is_asked_again(server, get, code):
    server.steps = [{"code": code}, {"code": code}]
    assert get() == CONTENT
    assert len(server.asked) == 3


@pytest.mark.parametrize("code", [401, 403, 404])
def test_a_refusal_is_not_asked_again(server, get, code):
    server.steps = [{"code": code}]
    with pytest.raises(DownloadError, match=f"HTTP Error {code}"):
        get()
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("expected", "problem"),
    [
        (Expected(size=5), "the server sends 102400 bytes instead of 5"),
        (Expected(checksum=f"sha256:{'0' * 64}"), f"its sha256 is {SHA256[7:]} instead of 000"),
    ],
)
def test_a_server_that_lies_leaves_nothing(get, tmp_path, expected, problem):
    with pytest.raises(DownloadError, match=problem):
        get(expected=expected)
    assert names(tmp_path) == []


def test_a_server_that_sends_without_end_is_not_listened_to(server, get, tmp_path):
    server.steps = [{"length": False, "content": 3 * CONTENT}]
    with pytest.raises(DownloadError, match="the server sends more than 102400 bytes"):
        get(expected=Expected(size=len(CONTENT)))
    assert names(tmp_path) == []


def test_a_redirection_is_followed_within_the_web_only(server, get, tmp_path):
    server.steps = [{"code": 302, "location": server.url}]
    assert get() == CONTENT
    server.steps = [{"code": 302, "location": "ftp://127.0.0.1/file"}]
    with pytest.raises(DownloadError, match=r"sends to ftp://127\.0\.0\.1/file, which is no http"):
        get()


@pytest.mark.parametrize(
    ("old", "new", "is_followed"),
    [("http", "https", True), ("https", "https", True), ("https", "http", False)],
)
def test_no_redirection_leads_from_https_to_http(old, new, is_followed):
    request = urllib.request.Request(f"{old}://host/file")
    arguments = request, io.BytesIO(), 302, "Found", {}, f"{new}://other/file"
    with nullcontext() if is_followed else pytest.raises(Exception, match="no https address"):
        assert fetching._Redirects().redirect_request(*arguments).type == new


def test_a_file_that_does_not_come_leaves_the_one_that_is_there(get, tmp_path):
    (tmp_path / "f").write_bytes(b"before")
    with pytest.raises(DownloadError):
        get(expected=Expected(size=5))
    assert (tmp_path / "f").read_bytes() == b"before"


@given(st.binary(max_size=300))
def test_the_checksum_of_a_content_fits_it_and_no_other(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("files") / "file"
    path.write_bytes(content)
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    for checksum in (
        f"git:{blob}",
        *(f"{name}:{hashlib.new(name, content).hexdigest()}" for name in ("sha256", "sha1", "md5")),
    ):
        expected = Expected(len(content), checksum)
        assert expected.problem(path) is None
        path.write_bytes(content[::-1] + b"!")
        assert Expected(checksum=checksum).problem(path)
        assert "bytes instead of" in expected.problem(path)
        path.write_bytes(content)


@pytest.mark.parametrize("checksum", ["", "sha256", "crc32:00", f"sha256:{'A' * 64}", "md5:12"])
def test_a_checksum_that_is_none_is_refused(checksum):
    with pytest.raises(ConfigError, match="is no checksum; use one of sha256"):
        Expected(checksum=checksum)
