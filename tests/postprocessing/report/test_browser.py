"""The report in a real browser without network: sorted, filtered, toggled, on a narrow screen."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from autrainer.cli import report
from docs.scripts.browser import find_chromium, opened
from docs.scripts.screenshots import LARGEST_BYTES, WIDTHS, small, take

CHROMIUM = find_chromium()
PROBE = r"""
<script>
var told = {errors: []};
window.addEventListener("error", function (e) { told.errors.push(e.message); });
window.addEventListener("securitypolicyviolation", function (e) {
  told.errors.push(e.blockedURI);
});
window.addEventListener("load", function () {
  var rows = Array.from(document.querySelectorAll("#runs tbody tr"));
  var column = function (n) {
    return Array.from(document.querySelectorAll("#runs tbody tr")).filter(function (row) {
      return !row.hidden;
    }).map(function (row) { return row.cells[n].textContent; });
  };
  var heads = document.querySelectorAll("#runs th button");
  told.before = column(0);
  heads[4].click();
  told.ascending = column(4);
  heads[4].click();
  told.descending = column(4);
  told.sort = document.querySelectorAll("#runs thead th")[4].getAttribute("aria-sort");
  var field = document.getElementById("filter");
  field.value = "weak SEED";
  field.dispatchEvent(new Event("input"));
  told.filtered = column(0);
  told.shown = document.getElementById("shown").textContent;
  field.value = "";
  field.dispatchEvent(new Event("input"));
  told.unfiltered = column(0).length;
  var visible = function () {
    return Array.from(document.querySelectorAll(".chart g[data-s]")).filter(function (g) {
      return getComputedStyle(g).display !== "none";
    }).map(function (g) { return g.getAttribute("data-s"); });
  };
  told.all = visible();
  document.querySelector('input[data-series="0"]').click();
  told.toggled = visible();
  var chart = document.querySelector("svg[data-chart]");
  var box = chart.getBoundingClientRect();
  var at = {clientX: box.right - 12, clientY: box.top + 9};
  chart.dispatchEvent(new PointerEvent("pointermove", at));
  told.readout = document.querySelector(".readout").textContent;
  told.bold = document.querySelectorAll("b").length;
  told.requests = performance.getEntriesByType("resource").map(function (e) { return e.name; });
  told.width = innerWidth;
  told.scrolls = document.documentElement.scrollWidth;
});
</script>
"""

CONTRASTS = r"""
(function () {
  var numbers = function (colour) { return colour.match(/[\d.]+/g).map(Number); };
  var luminance = function (rgb) {
    var linear = rgb.map(function (v) {
      v /= 255;
      return v <= 0.03928 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4);
    });
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  var cells = Array.from(document.querySelectorAll(".h")).filter(function (cell) {
    return cell.textContent;
  });
  return cells.map(function (cell) {
    var style = getComputedStyle(cell);
    var under = numbers(getComputedStyle(cell.closest("figure")).backgroundColor);
    var over = numbers(style.backgroundColor);
    var alpha = over.length > 3 ? over[3] : 1;
    var mixed = [0, 1, 2].map(function (n) { return alpha * over[n] + (1 - alpha) * under[n]; });
    var both = [luminance(mixed), luminance(numbers(style.color).slice(0, 3))].sort();
    return (Math.max(both[0], both[1]) + 0.05) / (Math.min(both[0], both[1]) + 0.05);
  });
})()
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
]


@pytest.fixture(scope="module")
def browser():
    with opened(CHROMIUM) as page:
        yield page


def browsed(browser, path, folder, width, scheme="light"):
    """What the page tells after it was used."""
    page = folder / "probe.html"
    page.write_text(path.read_text(encoding="utf-8").replace("</body>", f"{PROBE}</body>"))
    browser.show(page, width=width, scheme=scheme)
    return browser.value("told")


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_is_sorted_filtered_and_toggled_and_fits(write, browser, tmp_path, width):
    for seed in (1, 2, 3):
        write(0.9, seed=seed, model__id="Good")
        write(0.6, seed=seed, model__id="Weak</script><b>")
    made = report("default", output=tmp_path / "r.html")
    told = browsed(browser, made.path, tmp_path, width)
    assert told["errors"] == []
    assert told["ascending"] == sorted(told["ascending"], key=float)
    assert told["descending"] == told["ascending"][::-1]
    assert told["ascending"][0] != told["ascending"][-1]
    assert told["sort"] == "descending"
    assert sorted(told["filtered"]) == [f"Weak</script><b>, seed {seed}" for seed in (1, 2, 3)]
    assert told["shown"] == "3 of 6 runs"
    assert told["unfiltered"] == 6
    assert told["all"] == ["0", "1"] * 3
    assert told["toggled"] == ["1"] * 3
    assert re.fullmatch(r"at 3: \S.* [\d.]+", told["readout"])
    assert told["bold"] == 0
    assert told["requests"] == []
    assert told["scrolls"] == told["width"] == width


def test_pictures_are_light_and_dark_and_of_both_widths_and_small(write, browser):
    write(0.9, model__id="Good")
    write(0.6, model__id="Weak")
    taken = take(browser, report("default").path)
    pictures = {name: Image.open(io.BytesIO(png)).convert("L") for name, png in taken.items()}
    widths = {name: picture.width for name, picture in pictures.items()}
    assert widths == {
        f"report-{part}{scheme}": 390 if part == "390-" else 1280
        for scheme in ("light", "dark")
        for part in ("1280-", "390-", "")
    }
    for name, picture in pictures.items():
        # Most of a page is its background.
        assert (np.median(np.asarray(picture)) > 128) == name.endswith("light")
    assert pictures["report-light"].height < pictures["report-1280-light"].height
    with_palette = small(taken["report-dark"])
    assert len(with_palette) < min(LARGEST_BYTES, len(taken["report-dark"]))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_counts_in_a_matrix_can_be_read_on_any_colour(write, browser, scheme):
    for rate in (0.95, 0.75, 0.65, 0.55):
        write(rate, model__id=f"Model {rate}")
    browser.show(report("default").path, width=1280, scheme=scheme)
    contrasts = browser.value(CONTRASTS)
    assert len(contrasts) == 8
    assert min(contrasts) > 3.8
