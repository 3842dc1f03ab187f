"""Tables as LaTeX."""

from __future__ import annotations

import math
from typing import Any

from autrainer.postprocessing.tables import Table

LEAST_P = 0.001
"""A smaller p-value is written as smaller than it."""
_SIGNS = {
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def as_latex(table: Table) -> str:
    """The table as a `tabular` that needs no package; numbers with three decimals."""
    columns = "l" + "r" * (len(table.names) - 1)
    lines = [[_escaped(name) for name in table.names]]
    lines += [[_cell(name, row.get(name)) for name in table.names] for row in table.rows]
    body = [" & ".join(line) + r" \\" for line in lines]
    begin, end = rf"\begin{{tabular}}{{{columns}}}", r"\end{tabular}"
    return "\n".join([begin, r"\hline", body[0], r"\hline", *body[1:], r"\hline", end, ""])


def _cell(name: str, value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "--"
    if name in ("p", "p_holm") and value < LEAST_P:
        return f"$<${LEAST_P:g}"
    return f"{value:.3f}" if isinstance(value, float) else _escaped(str(value))


def _escaped(text: str) -> str:
    return "".join(_SIGNS.get(sign, sign) for sign in text)
