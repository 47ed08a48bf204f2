"""One page to cite: the table, and a plot of every detection time against its bound.

It stands alone: style and picture are inside, and nothing is fetched.
"""

import base64
import html
import io
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from pumpsim.performance.table import count, how_far, render
from pumpsim.performance.trial import LATE_FACTOR

WIDTH_INCHES: Final = 11.0
LANE_INCHES: Final = 0.19
MARGIN_INCHES: Final = 1.6
DPI: Final = 150
EARLIEST_S: Final = 1.0
"""The left edge: what is detected at the very instant stands on it."""
LATEST_S: Final = 12 * 86_400.0
TICKS: Final = (
    (1, "at once"),
    (10, "10 s"),
    (60, "1 min"),
    (600, "10 min"),
    (3_600, "1 h"),
    (6 * 3_600, "6 h"),
    (86_400, "1 d"),
    (5 * 86_400, "5 d"),
)
INK, GRID, BOUND = "#222222", "#dddddd", "#cfe3f1"
EDGE, IN_TIME, BEYOND, FAILED = "#0072B2", "#222222", "#E69F00", "#D55E00"
"""Okabe and Ito: told apart with any colour vision; what failed has another shape too."""
SPREAD: Final = 0.30
"""Runs of a fault stand apart by that much of a row."""
STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;color:#222;max-width:1100px;margin:2em auto;"
    "padding:0 1em}pre{font-size:13px;line-height:1.35;overflow-x:auto}img{max-width:100%}"
)


def render_page(data: dict[str, Any]) -> str:
    """The page, from the data that `--json` prints."""
    version = html.escape(str(data["version"]))
    pump = html.escape(str(data["pump"]))
    plot = _plot(data)
    image = "" if plot is None else f'<img alt="Detection times against bounds" src="{plot}">'
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>Alarm performance of {pump}</title><style>{STYLE}</style></head><body>"
        f"<h1>Alarm performance of {pump}</h1>"
        f"<p>pumpsim {version}: {_made(data, ' at its stated severity')}"
        " Detection counts from the instant at which a fault took effect, judged on the truth of"
        " the emulated plant.</p>"
        f"{image}<pre>{html.escape(render(data))}</pre></body></html>\n"
    )


def _made(data: dict[str, Any], at: str = "") -> str:
    """What was run: all that was asked for, or how much of it."""
    if not data["complete"]:
        return how_far(data)
    parts = [f"{count(data['runs'], 'run')} of each fault{at}"] if data["faults"] else []
    if data["life"] is not None:
        parts.append(f"{data['asked']['device_years']:g} device-years without faults")
    return f"{' and '.join(parts)}."


def _plot(data: dict[str, Any]) -> str | None:
    """A PNG as a data address; None without faults."""
    if not data["faults"]:
        return None
    picture = io.BytesIO()
    draw(data).savefig(picture, format="png", metadata={"Software": "pumpsim"})
    return "data:image/png;base64," + base64.b64encode(picture.getvalue()).decode()


def draw(data: dict[str, Any]) -> Figure:
    """Every run a dot, every bound a bar, time on a log axis."""
    rows = data["faults"]
    size = (WIDTH_INCHES, MARGIN_INCHES + LANE_INCHES * len(rows))
    figure = Figure(figsize=size, dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for place, row in enumerate(rows):
        _lane(axes, place, row)
    axes.set_xscale("log")
    axes.set_xlim(EARLIEST_S / 1.25, LATEST_S)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), [row["fault"] for row in rows], fontsize=8)
    axes.set_xticks([at_s for at_s, _ in TICKS], [word for _, word in TICKS], fontsize=9)
    axes.minorticks_off()
    axes.grid(axis="x", color=GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, colors=INK)
    for side in axes.spines.values():
        side.set_visible(False)
    title = f"pumpsim {data['version']}, {data['pump']}: {_made(data)}"
    axes.set_title(title, loc="left", color=INK, fontsize=11)
    axes.set_xlabel("from the fault's effect to its alarm", color=INK, fontsize=10)
    figure.legend(handles=_key(), loc="outside upper left", ncols=4, frameon=False, fontsize=9)
    return figure


def _lane(axes: Axes, place: int, row: dict[str, Any]) -> None:
    bound_s = row["bound_s"]
    axes.barh(place, bound_s - EARLIEST_S / 2, left=EARLIEST_S / 2, height=0.8, color=BOUND, lw=0)
    axes.plot([bound_s, bound_s], [place - 0.4, place + 0.4], color=EDGE, lw=1.4)
    for colour, marker, size, runs in _groups(row["trials"]):
        times_s = [max(run["delay_s"] or 0.0, EARLIEST_S) for run in runs]
        if marker == "x":
            times_s = [run["delay_s"] or LATE_FACTOR * bound_s for run in runs]
        heights = [place + _offset(index, len(runs)) for index in range(len(runs))]
        axes.plot(times_s, heights, marker, color=colour, ms=size, mew=1.0, alpha=0.75)
    if not row["holds"]:
        axes.text(LATEST_S, place, " fails", color=FAILED, fontsize=8, va="center")


def _groups(runs: list[dict[str, Any]]) -> list[tuple[str, str, float, list[dict[str, Any]]]]:
    """Colour, marker and size of those that were in time, beyond the stated severity, and not."""
    detected = [run for run in runs if run["verdict"] == "detected"]
    failed = [run for run in runs if run["verdict"] in {"late", "missed"}]
    stated = [run for run in detected if not run["beyond"]]
    beyond = [run for run in detected if run["beyond"]]
    return [
        (IN_TIME, "o", 2.2, stated),
        (BEYOND, "o", 2.2, beyond),
        (FAILED, "x", 3.5, failed),
    ]


def _offset(index: int, count: int) -> float:
    return SPREAD * (2 * index / (count - 1) - 1) if count > 1 else 0.0


def _key() -> list[Line2D | Patch]:
    def dot(colour: str, marker: str, label: str) -> Line2D:
        return Line2D([], [], color=colour, marker=marker, ls="", ms=5, label=label)

    return [
        Patch(color=BOUND, label="within the bound"),
        dot(IN_TIME, "o", "a run at the stated severity"),
        dot(BEYOND, "o", "a run beyond it"),
        dot(FAILED, "x", "late, or missed (at twice the bound)"),
    ]
