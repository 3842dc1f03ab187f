"""Pieces of HTML. Whatever comes from runs passes `text` or `embedded`: it is only shown."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple


class Shown(NamedTuple):
    """A number in a cell with a text of its own, by whose value rows are sorted."""

    value: float
    text: str


class Html(str):
    """A text that is HTML already."""

    __slots__ = ()


def text(value: Any) -> Html:
    """A value as text, harmless between tags and in quoted attributes.

    >>> text("</script><b>")
    '&lt;/script&gt;&lt;b&gt;'
    """
    return value if isinstance(value, Html) else Html(html.escape(str(value), quote=True))


def tag(name: str, *inside: Any, **attributes: Any) -> Html:
    """An element; `class_` and `data_x` are `class` and `data-x`, None leaves an attribute out.

    >>> tag("p", "a < b", class_="note")
    '<p class="note">a &lt; b</p>'
    """
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{told}>{''.join(map(text, inside))}</{name}>")


def joined(parts: Iterable[Any]) -> Html:
    """Pieces one after the other."""
    return Html("".join(map(text, parts)))


def one_line(*inside: Any) -> Html:
    """What is not broken into lines."""
    return tag("span", *inside, class_="one-line")


def table(heading: Sequence[Any], rows: Iterable[Sequence[Any]], **attributes: Any) -> Html:
    """A table in a frame that scrolls sideways; the first cell of a row is its heading.

    Numbers are aligned at their right and sorted by their value.
    """
    head = tag("tr", *(tag("th", each, scope="col") for each in heading))
    body = joined(
        tag("tr", tag("th", first, scope="row"), *map(_cell, rest)) for first, *rest in rows
    )
    whole = tag("table", tag("thead", head), tag("tbody", body), **attributes)
    return tag("div", whole, class_="scroll", tabindex="0")


def _cell(value: Any) -> Html:
    if value is None:
        return Html("<td></td>")
    if isinstance(value, Shown):
        return tag("td", value.text, class_="n", data_v=f"{value.value:.6g}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return tag("td", value)
    return Html(f'<td class="n" data-v="{value:.6g}">{number(value)}</td>')


def number(value: float | None) -> str:
    """A number as people read it.

    >>> number(0.98765), number(12), number(1234.5), number(1.5e-7), number(None)
    ('0.988', '12', '1234', '1.5e-07', '')
    """
    if value is None or math.isnan(value):
        return ""
    if isinstance(value, int):
        return str(value)
    if abs(value) >= 1000 and abs(value) < 1e6:
        return f"{value:.0f}"
    return f"{value:.3f}" if 1e-3 <= abs(value) < 1000 or value == 0 else f"{value:.3g}"


def embedded(data: Any) -> Html:
    r"""Data as JSON that can stand in a script element: nothing in it ends the element.

    >>> embedded("</script>")
    '"\\u003c/script\\u003e"'
    """
    plain = json.dumps(data, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    for sign in "<>&":
        plain = plain.replace(sign, f"\\u{ord(sign):04x}")
    return Html(plain)
