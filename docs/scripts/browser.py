"""A headless Chromium that reaches no host, spoken to by the DevTools protocol over two pipes."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--no-first-run", "--disable-extensions", "--disable-background-networking"),
    *("--hide-scrollbars", "--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-pipe"),
)
_READS, _WRITES = 3, 4
"""Descriptors by which the browser gets commands and answers them."""

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


def find_chromium() -> str | None:
    """Path of the browser; None if there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@dataclass(frozen=True)
class Page:
    """A page that is open in the browser.

    Args:
        commands: What the browser reads.
        answers: What it writes.
        session: Its name of the page.
    """

    commands: IO[bytes]
    answers: Iterator[dict[str, Any]]
    session: str | None = None

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Answer of the browser to a command of the protocol.

        Raises:
            RuntimeError: if the browser refuses the command, or has ended.
        """
        message = {"id": 1, "method": method, "params": parameters}
        if self.session is not None:
            message["sessionId"] = self.session
        self.commands.write(json.dumps(message).encode() + b"\0")
        answer = self.wait(lambda each: each.get("id") == 1)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def wait(self, fits: Any) -> dict[str, Any]:
        """The next message that fits."""
        for answer in self.answers:
            if fits(answer):
                return answer
        raise RuntimeError("Chromium has ended")

    def show(self, path: Path, *, width: int, scheme: Scheme = "light", height: int = 900) -> None:
        """Load a file at some width, in pixels of the style sheet, and wait until it is there."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 500,
        )  # fmt: skip
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=features)
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.wait(lambda each: each.get("method") == "Page.loadEventFired")

    def value(self, expression: str) -> Any:
        """Value of a JavaScript expression on the page, if JSON can hold it."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"]))
        return found["result"].get("value")

    def picture(self, height: int | None = None) -> bytes:
        """The page as PNG: its first pixels downwards, or all of it."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": height or size["height"]}
        found = self.call(
            "Page.captureScreenshot", format="png", captureBeyondViewport=True,
            clip={**clip, "scale": 1},
        )  # fmt: skip
        return base64.b64decode(found["data"])


@contextmanager
def opened(program: str) -> Iterator[Page]:
    """A browser with an empty page, as long as the block lasts.

    Args:
        program: Path of Chromium.
    """
    with ExitStack() as stack:
        profile = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        (theirs, ours), (answers, theirs_too) = os.pipe(), os.pipe()
        commands = stack.enter_context(os.fdopen(ours, "wb", buffering=0))
        replies = stack.enter_context(os.fdopen(answers, "rb"))
        command = [program, *OPTIONS, f"--user-data-dir={profile}", "about:blank"]
        with subprocess.Popen(
            [*_with_pipes(theirs, theirs_too), *command],
            pass_fds=(theirs, theirs_too), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            os.close(theirs)
            os.close(theirs_too)
            browser = Page(commands, _messages(replies))
            (target,) = (
                each for each in browser.call("Target.getTargets")["targetInfos"]
                if each["type"] == "page"
            )  # fmt: skip
            attached = browser.call(
                "Target.attachToTarget", targetId=target["targetId"], flatten=True
            )
            page = Page(commands, browser.answers, attached["sessionId"])
            page.call("Page.enable")
            try:
                yield page
            finally:
                browser.call("Browser.close")
                process.wait()


def _with_pipes(reads: int, writes: int) -> list[str]:
    """A shell that gives a program both pipes by the numbers that it knows."""
    return ["bash", "-c", f'exec "$@" {_READS}<&{reads} {_WRITES}>&{writes}', "bash"]


def _messages(stream: IO[bytes]) -> Iterator[dict[str, Any]]:
    """Messages of the browser, each ended by a zero byte."""
    rest = b""
    while chunk := os.read(stream.fileno(), 1 << 16):
        *whole, rest = (rest + chunk).split(b"\0")
        yield from map(json.loads, whole)
