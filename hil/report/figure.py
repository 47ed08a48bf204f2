"""A `Figure` as SVG: axes, curves, bands and labelled limits.

Title, key and caption are the page's: there they wrap, and are read aloud. Colours come as CSS
variables (`--ink`, `--c0`, …), so that the page's scheme, dark or light, is the picture's, too.
"""

import io
import math
import warnings
from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator, ScalarFormatter

from hil.record import Figure, Series
from hil.report.svg import inline

SIZE_INCHES: Final = (9.0, 4.2)
MAX_POINTS: Final = 4_000
"""Of one curve as drawn; the picture is 900 pixels wide."""
LARGEST: Final = 1e300
"""Beyond it the room around a curve is no number any more."""
MAX_LABEL: Final = 60
MAX_LIMIT_LABEL: Final = 24
ROOM: Final = 0.08
"""Free space above and below all that is drawn, as part of its height."""
TICK_SLACK: Final = 1.01
POWERS: Final = (-6, 10)
"""Of ten, between which an axis writes its numbers out."""
LABEL_GAP: Final = 0.055
"""Least distance of two limits' labels, as part of the axes' height."""

INK, GRID, LIMIT = "#1f2328", "#d8dee4", "#b42318"
COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#a3568f", "#8a6d00", "#4b5563")
"""After Okabe and Ito: told apart with any colour vision; dashes tell them apart on paper."""
DASHES: Final = ((), (), (6, 2), (2, 2), (6, 2, 1, 2), (1, 1))
"""Of each curve, in its line's widths; the first two are whole."""
WIDTH: Final = 1.8
VARIABLES: Final = {INK: "ink", GRID: "grid", LIMIT: "limit"} | {
    colour: f"c{index}" for index, colour in enumerate(COLOURS)
}
SETTINGS: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",  # text stays text: selectable, searchable, in the page's fonts
    "svg.hashsalt": "hil",  # the same figure gives the same bytes
    "text.parse_math": False,  # a device may be called "$x"
    "font.size": 11.0,
    "axes.unicode_minus": True,
}


class Key(NamedTuple):
    """One entry of a figure's key: what is drawn, and how."""

    label: str
    style: str
    colour: str  # the name of its CSS variable
    dashes: str  # as SVG has them, for a line as wide as `WIDTH`
    band: bool


def keys(figure: Figure) -> list[Key]:
    """The key of a figure, for the page to set."""
    return [
        Key(
            one.label,
            one.style,
            VARIABLES[_colour(index)],
            " ".join(f"{WIDTH * part:g}" for part in _dashes(index)),
            bool(one.low and one.high),
        )
        for index, one in enumerate(figure.series)
    ]


def draw(figure: Figure, name: str) -> str:
    """An `<svg>` element for a page; `name` begins all its ids. ValueError: cannot be drawn."""
    _check(figure)
    with rc_context(SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # page has its own
        canvas = Canvas(figsize=SIZE_INCHES, layout="constrained")
        FigureCanvasSVG(canvas)
        axes = canvas.subplots()
        _dress(axes, figure)
        for index, series in enumerate(figure.series):
            _curve(axes, series, index)
        _scale(axes, figure)
        _limits(axes, figure.lines)
        out = io.StringIO()
        canvas.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    return inline(out.getvalue(), name, VARIABLES)


def _check(figure: Figure) -> None:
    for series in figure.series:
        sizes = {len(series.x), len(series.y), *(len(b) for b in (series.low, series.high) if b)}
        if len(sizes) > 1:
            raise ValueError(f"the curve {series.label!r} has not as many x as y")
    places = [place for series in figure.series for place in zip(series.x, series.y, strict=True)]
    if not any(math.isfinite(x) and math.isfinite(y) for x, y in places):
        raise ValueError("there is nothing to draw")
    if any(LARGEST < abs(number) < math.inf for place in places for number in place):
        raise ValueError("a number is too large to draw")


# ---- what is drawn


def _curve(axes: Axes, series: Series, index: int) -> None:
    colour, chosen = _colour(index), _thinned(series)
    x, y = [series.x[i] for i in chosen], [series.y[i] for i in chosen]
    step: Literal["post"] | None = "post" if series.style == "steps" else None
    if series.low and series.high:
        low, high = [series.low[i] for i in chosen], [series.high[i] for i in chosen]
        if series.style == "points":
            axes.vlines(x, low, high, color=colour, lw=WIDTH)
        else:
            axes.fill_between(x, low, high, step=step, color=colour, alpha=0.16, lw=0)
    if series.style == "points":
        axes.plot(x, y, "o", color=colour, ms=4.5, mew=0)
    else:
        drawstyle = "steps-post" if step else "default"
        dashes = (0, _dashes(index)) if _dashes(index) else "-"
        axes.plot(x, y, color=colour, lw=WIDTH, ls=dashes, drawstyle=drawstyle)


def _limits(axes: Axes, lines: Sequence[tuple[str, float]]) -> None:
    """Each limit with its name to the right of the axes, names kept off each other."""
    bottom, top = axes.get_ylim()
    if bottom < 0 < top:
        axes.axhline(0, color=INK, lw=0.9, zorder=1)
    known = sorted((y, name) for name, y in lines if math.isfinite(y))
    places = _apart([(y - bottom) / (top - bottom) for y, _ in known])
    for (y, name), place in zip(known, places, strict=True):
        axes.axhline(y, color=LIMIT, lw=1.1, ls=(0, (5, 3)), zorder=1.5)
        axes.text(
            1.012, place, _short(name, MAX_LIMIT_LABEL),
            transform=axes.transAxes, color=LIMIT, va="center", ha="left",
        )  # fmt: skip


def _apart(places: Sequence[float]) -> list[float]:
    """Rising places, each at least `LABEL_GAP` above the one before."""
    spread: list[float] = []
    for place in places:
        spread.append(max(place, spread[-1] + LABEL_GAP) if spread else place)
    return spread


# ---- axes


def _dress(axes: Axes, figure: Figure) -> None:
    axes.set_xlabel(_short(figure.x_label, MAX_LABEL), color=INK)
    axes.set_ylabel(_short(figure.y_label, MAX_LABEL), color=INK)
    axes.grid(visible=True, color=GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", color=GRID, labelcolor=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)


def _scale(axes: Axes, figure: Figure) -> None:
    xs = [x for series in figure.series for x in series.x if math.isfinite(x)]
    if figure.x_log and any(x > 0 for x in xs):
        axes.set_xscale("log", nonpositive="mask")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        _plain(axes.xaxis.get_major_formatter())
    _plain(axes.yaxis.get_major_formatter())
    low, high = min(xs) / TICK_SLACK, max(xs) * TICK_SLACK
    shown = [
        (at, _short(name, MAX_LIMIT_LABEL)) for at, name in figure.x_ticks if low <= at <= high
    ]
    if shown:
        axes.set_xticks([at for at, _ in shown], [name for _, name in shown])
    axes.set_ylim(*_room(figure))


def _plain(formatter: object) -> None:
    """Say 1.302 on an axis, never 1.3 and "+2e-3" in a corner, nor 2.8 and "1e7"."""
    if isinstance(formatter, ScalarFormatter):
        formatter.set_useOffset(False)
        formatter.set_powerlimits(POWERS)


def _room(figure: Figure) -> tuple[float, float]:
    """Everything is in sight, limits too, with some room around it."""
    values = [y for series in figure.series for y in (*series.y, *series.low, *series.high)]
    finite = [y for y in (*values, *(y for _, y in figure.lines)) if math.isfinite(y)]
    low, high = min(finite), max(finite)
    room = ROOM * (high - low) or abs(high) * ROOM or 1.0
    return low - room, high + room


# ---- parts


def _colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]


def _dashes(index: int) -> tuple[int, ...]:
    return DASHES[index % len(DASHES)]


def _short(text: str, longest: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _thinned(series: Series) -> Sequence[int]:
    """Which points to draw: of too many, the least, the greatest and a gap of each stretch."""
    count = len(series.y)
    if count <= MAX_POINTS:
        return range(count)
    stretch = math.ceil(3 * count / MAX_POINTS)
    chosen: set[int] = {0, count - 1}
    for first in range(0, count, stretch):
        part = range(first, min(first + stretch, count))
        known = [i for i in part if math.isfinite(series.y[i])]
        gap = next((i for i in part if not math.isfinite(series.y[i])), None)
        ends = (min, max) if known else ()
        chosen.update(end(known, key=series.y.__getitem__) for end in ends)
        chosen.update(() if gap is None else (gap,))
    return sorted(chosen)
