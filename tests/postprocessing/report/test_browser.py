"""The report in a real browser without network: sorted, filtered, toggled, on a narrow screen."""

import html
import json
import re
import shutil
import subprocess

import pytest

from autrainer.cli import report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
LIMIT_S = 150
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
  var out = document.createElement("pre");
  out.id = "told";
  out.textContent = JSON.stringify(told);
  document.body.appendChild(out);
});
</script>
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
]


def browsed(path, folder, width):
    """What the page tells after it was used, in a browser that reaches no host."""
    page = folder / "probe.html"
    page.write_text(path.read_text(encoding="utf-8").replace("</body>", f"{PROBE}</body>"))
    command = [
        *(CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *("--no-first-run", "--disable-extensions", "--disable-background-networking"),
        *("--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={folder / 'profile'}"),
        *(f"--window-size={width},900", "--dump-dom", page.as_uri()),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=LIMIT_S, cwd=folder
    )
    return json.loads(html.unescape(re.search(r'<pre id="told">(.*?)</pre>', done.stdout)[1]))


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_sorted_filtered_and_toggled_and_fits(write, tmp_path, width):
    for seed in (1, 2, 3):
        write(0.9, seed=seed, model__id="Good")
        write(0.6, seed=seed, model__id="Weak</script><b>")
    told = browsed(report("default", output=tmp_path / "r.html").path, tmp_path, width)
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
    assert told["scrolls"] <= told["width"]
