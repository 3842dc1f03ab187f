"use strict";
(function () {
  var all = function (query, root) {
    return Array.prototype.slice.call((root || document).querySelectorAll(query));
  };
  document.documentElement.classList.add("js");
  var data = JSON.parse(document.getElementById("data").textContent);

  // Sorting: a button in every heading of the table of runs.
  var table = document.getElementById("runs");
  var body = table.tBodies[0];
  var rows = all("tr", body);
  var valueOf = function (row, column) {
    var cell = row.cells[column];
    var number = cell.getAttribute("data-v");
    return number === null ? cell.textContent : Number(number);
  };
  var compare = function (a, b) {
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b), "en", { numeric: true });
  };
  var sortBy = function (heading, column) {
    var down = heading.getAttribute("aria-sort") === "ascending";
    all("th[aria-sort]", table).forEach(function (th) { th.removeAttribute("aria-sort"); });
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    rows.sort(function (x, y) {
      var a = valueOf(x, column), b = valueOf(y, column);
      // Empty cells come last, whichever way.
      if (a === "" || b === "") return (a === "") - (b === "");
      return down ? compare(b, a) : compare(a, b);
    });
    rows.forEach(function (row) { body.appendChild(row); });
  };
  all("thead th", table).forEach(function (heading, column) {
    var button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    heading.textContent = "";
    heading.appendChild(button);
    button.addEventListener("click", function () { sortBy(heading, column); });
  });

  // Filtering: every word has to occur in a row.
  var field = document.getElementById("filter");
  var shown = document.getElementById("shown");
  var filter = function () {
    var words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    var count = 0;
    rows.forEach(function (row) {
      var text = row.textContent.toLowerCase();
      var fits = words.every(function (word) { return text.indexOf(word) >= 0; });
      row.hidden = !fits;
      count += fits;
    });
    shown.textContent = count + " of " + rows.length + " runs";
  };
  field.addEventListener("input", filter);
  filter();

  // Curves: a box for each configuration shows or hides it in all charts.
  var hidden = {};
  all("input[data-series]").forEach(function (box) {
    var toggle = function () {
      var name = box.getAttribute("data-series");
      hidden[name] = !box.checked;
      all('.chart g[data-s="' + name + '"]').forEach(function (group) {
        group.classList.toggle("off", !box.checked);
      });
    };
    box.addEventListener("change", toggle);
    toggle();
  });

  // The numbers at the iteration under the pointer.
  all("svg[data-chart]").forEach(function (chart) {
    var series = data.charts[chart.getAttribute("data-chart")];
    var scale = chart.getAttribute("data-scale").split(" ").map(Number);
    var readout = chart.parentNode.querySelector(".readout");
    var width = chart.viewBox.baseVal.width;
    chart.addEventListener("pointermove", function (event) {
      var box = chart.getBoundingClientRect();
      var factor = Math.min(box.width / width, box.height / chart.viewBox.baseVal.height);
      var x = (event.clientX - box.left - (box.width - width * factor) / 2) / factor;
      var at = scale[0] + ((x - scale[2]) / (scale[3] - scale[2])) * (scale[1] - scale[0]);
      var visible = series.filter(function (each) { return !hidden[each[0]]; });
      var nearest = null;
      visible.forEach(function (each) {
        each[1].forEach(function (place) {
          if (nearest === null || Math.abs(place - at) < Math.abs(nearest - at)) nearest = place;
        });
      });
      var told = visible.slice(0, 4).map(function (each) {
        var place = each[1].indexOf(nearest);
        return place < 0 ? "" : data.labels[each[0]] + " " + each[2][place];
      }).filter(Boolean);
      readout.textContent = nearest === null ? "" : "at " + nearest + ": " + told.join("; ");
    });
    chart.addEventListener("pointerleave", function () { readout.textContent = ""; });
  });
})();
