"""Takes the pictures of the documentation: `python -m docs.scripts.screenshots`.

Trains the digits with two models and three seeds, or finds these runs finished, makes their report
and takes pictures of it in Chromium, light and dark, wide and narrow. What is in them is what these
runs have given; nothing is drawn by hand.
"""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

from PIL import Image

from autrainer.postprocessing.report.report import make_report
from autrainer.runs.layout import PLOTS
from autrainer.runs.record.run_record import RunRecord
from docs.scripts import REPOSITORY
from docs.scripts.browser import SCHEMES, Page, find_chromium, opened

PICTURES = REPOSITORY / "docs" / "pictures"
RESULTS = REPOSITORY / "results" / "pictures"
SWEEP = ("model=SmallCNN,TinyCNN", "seed=1,2,3", "progress_bar=false")
WIDTHS = (1280, 390)
CUT_ABOVE = "Best runs compared"
"""Heading of the section at which the picture in the README ends."""
LARGEST_BYTES = 150_000
COLOURS = (128, 64, 32)


def train() -> None:
    """Train the sweep; runs that have finished are skipped."""
    command = [str(Path(sys.executable).with_name("autrainer")), "train", "-cn", "digits"]
    command += ["-cd", "docs/scripts/conf", f"results_dir={RESULTS.relative_to(REPOSITORY)}"]
    subprocess.run([*command, *SWEEP], cwd=REPOSITORY, check=True)


def take(page: Page, path: Path) -> dict[str, bytes]:
    """PNG files of a report by their names.

    Args:
        page: An open browser.
        path: The report.
    """
    taken = {}
    for scheme in SCHEMES:
        for width in WIDTHS:
            page.show(path, width=width, scheme=scheme)
            taken[f"report-{width}-{scheme}"] = page.picture()
            if width == WIDTHS[0]:
                taken[f"report-{scheme}"] = page.picture(_height(page))
    return taken


def _height(page: Page) -> int:
    tops = page.value(
        "Object.fromEntries(Array.from(document.querySelectorAll('h2'), "
        "h => [h.textContent, h.getBoundingClientRect().top]))"
    )
    return int(tops[CUT_ABOVE]) - 8


def small(png: bytes) -> bytes:
    """The same picture with a palette, of as many colours as the limit of bytes allows."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    for colours in COLOURS:
        file = io.BytesIO()
        # Nearest colours of all kinds: the median cut would lose the rare ones of small areas.
        method = Image.Quantize.MAXCOVERAGE
        found = picture.quantize(colours, method, kmeans=1, dither=Image.Dither.NONE)
        found.save(file, "PNG", optimize=True)
        if file.tell() <= LARGEST_BYTES:
            break
    return file.getvalue()


def main() -> None:
    """Make all pictures anew."""
    chromium = find_chromium()
    if chromium is None:
        sys.exit("Pictures need Chromium, which is not on the PATH (Debian: apt install chromium)")
    train()
    made = make_report(["digits"], results_dir=RESULTS)
    with opened(chromium) as page:
        taken = take(page, made.path)
    taken["run-accuracy"] = _plot(made.runs.records[0])
    PICTURES.mkdir(exist_ok=True)
    for name, png in taken.items():
        path = PICTURES / f"{name}.png"
        path.write_bytes(small(png))
        print(f"{path.relative_to(REPOSITORY)} ({path.stat().st_size / 1000:.0f} kB)")


def _plot(record: RunRecord) -> bytes:
    return (record.folder / PLOTS / "accuracy.png").read_bytes()


if __name__ == "__main__":
    main()
