"""Results on the strata of a dataset."""

from __future__ import annotations

from autrainer.postprocessing.report.markup import Html, joined, number, one_line, table, tag
from autrainer.postprocessing.report.results import MOST_COMPARED, Results
from autrainer.postprocessing.report.sections.comparisons import drawn, reach
from autrainer.postprocessing.report.sections.overview import ends
from autrainer.statistics.strata import SMALL, StratumReport


def strata_section(results: Results, metric: str | None) -> Html:
    """Strata with counts and intervals of the best run of all, and the gaps of all best runs."""
    found = [(b, r) for b in results.best[:MOST_COMPARED] if (r := results.strata(b)) is not None]
    if not found:
        return Html("")
    best, report = found[0]
    parts = [tag("p", f"Of {best.label}."), _table(report, metric)]
    parts += [tag("p", each, class_="warning") for each in report.warnings]
    gaps = [(b, r.gap) for b, r in found if r.gap is not None]
    heading = ["Best run of", "Worst stratum", "Best stratum", "Gap", "Interval"]
    rows = [[b.label, g.worst, g.best, g.interval.score, ends(g.interval)] for b, g in gaps]
    if rows:
        parts.append(table(heading, rows))
    return joined(parts)


def _table(report: StratumReport, metric: str | None) -> Html:
    low, high = reach(each.interval for each in report.strata)
    rows = [
        [
            each.name,
            each.interval.num_samples,
            each.interval.num_groups,
            each.interval.score,
            ends(each.interval),
            drawn(each.interval, (low, high)),
            f"fewer than {SMALL}" if each.is_small else "",
        ]
        for each in report.strata
    ]
    heading = ["Stratum", "Samples", "Groups", metric, "Interval"]
    return table([*heading, one_line(f"{number(low)} to {number(high)}"), "Warning"], rows)
