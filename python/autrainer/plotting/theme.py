"""How plots look: sizes, colours and lines, as matplotlib settings for the time of a drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autrainer.errors import ConfigError, did_you_mean

CONTEXTS: Mapping[str, float] = {"paper": 0.8, "notebook": 1.0, "talk": 1.5, "poster": 2.0}
"""How large texts and lines are."""

PALETTES: Mapping[str, str] = {
    "colorblind": "#0173b2 #de8f05 #029e73 #d55e00 #cc78bc #ca9161 #fbafe4 #949494 #ece133 #56b4e9",
    "deep": "#4c72b0 #dd8452 #55a868 #c44e52 #8172b3 #937860 #da8bc3 #8c8c8c #ccb974 #64b5cd",
    "muted": "#4878d0 #ee854a #6acc64 #d65f5f #956cb4 #8c613c #dc7ec0 #797979 #d5bb67 #82c6e2",
    "bright": "#023eff #ff7c00 #1ac938 #e8000b #8b2be2 #9f4800 #f14cc1 #a3a3a3 #ffc400 #00d7ff",
}
"""Colours of lines, in their order; the name of a matplotlib colour map works as well."""

TEXT = "#262626"
LINES = "#cccccc"

_SIZES = {
    "font.size": 12,
    "axes.labelsize": 12,
    "axes.titlesize": 12,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
    "legend.fontsize": 11,
    "legend.title_fontsize": 11,
    "axes.linewidth": 1.0,
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "patch.linewidth": 1.0,
}

_WHITEGRID = {
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "axes.facecolor": "white",
    "axes.edgecolor": LINES,
    "axes.labelcolor": TEXT,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": LINES,
    "grid.linestyle": "-",
    "text.color": TEXT,
    "xtick.color": TEXT,
    "ytick.color": TEXT,
    "xtick.bottom": False,
    "ytick.left": False,
    "legend.frameon": True,
    "legend.framealpha": 0.9,
    "legend.edgecolor": LINES,
    "lines.solid_capstyle": "round",
    "font.family": ["sans-serif"],
    "svg.hashsalt": "autrainer",
    # Moving the outlines of letters to whole pixels is for coarse screens.
    "text.hinting": "none",
}


def settings(context: str, palette: str, rc_params: Mapping[str, Any]) -> dict[str, Any]:
    """The matplotlib settings of a drawing.

    Args:
        context: One of `CONTEXTS`.
        palette: One of `PALETTES`, or a colour map of matplotlib.
        rc_params: Settings that win over all others.

    Raises:
        ConfigError: if there is no such palette.
    """
    from cycler import cycler

    scale = CONTEXTS[context]
    return {
        **_WHITEGRID,
        **{name: size * scale for name, size in _SIZES.items()},
        "axes.prop_cycle": cycler(color=_colours(palette)),
        **rc_params,
    }


COMMON_FILETYPES = frozenset({"png", "pdf", "svg", "eps", "jpg"})
PLAIN_RC = frozenset({"legend.fontsize"})


def check_settings(
    figsize: Any, filetypes: Sequence[str], context: str, palette: str, rc_params: Mapping[str, Any]
) -> None:
    """Refuse settings that no plot can be drawn with; matplotlib is asked only about rare ones.

    Raises:
        ConfigError: if one of them means nothing.
    """
    sizes = list(figsize) if isinstance(figsize, Sequence) else []
    if len(sizes) != 2 or not all(isinstance(size, int | float) and size > 0 for size in sizes):
        raise ConfigError(f"plotting.figsize is {figsize!r}; use width and height in inches")
    _known("plotting.context", context, CONTEXTS)
    if not COMMON_FILETYPES.issuperset(filetypes):
        from matplotlib.backend_bases import FigureCanvasBase

        for filetype in filetypes:
            _known("plotting.filetypes", filetype, FigureCanvasBase.get_supported_filetypes())
    if palette not in PALETTES:
        _colours(palette)
    if not PLAIN_RC.issuperset(rc_params):
        _check_rc(rc_params)


def _check_rc(rc_params: Mapping[str, Any]) -> None:
    import matplotlib

    for name, value in rc_params.items():
        _known("plotting.rcParams", name, matplotlib.rcParams)
        try:
            matplotlib.RcParams({name: value})
        except ValueError as error:
            raise ConfigError(f"plotting.rcParams.{name} is {value!r}: {error}") from error


def _colours(palette: str) -> list[Any]:
    import matplotlib

    if palette in PALETTES:
        return PALETTES[palette].split()
    _known("plotting.palette", palette, [*PALETTES, *matplotlib.colormaps])
    colours = matplotlib.colormaps[palette]
    if hasattr(colours, "colors") and len(colours.colors) <= 20:
        return list(colours.colors)
    return [colours((position + 0.5) / 8) for position in range(8)]


def _known(key: str, name: str, options: Any) -> str:
    if name not in options:
        hint = did_you_mean(name, options) or f"use one of {', '.join(list(options)[:20])}"
        raise ConfigError(f"{key} is {name!r}; {hint}")
    return name
