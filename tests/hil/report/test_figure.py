"""Figures as SVG: curves, limits and ticks are there, and any data draws without a warning."""

import math
import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from hil.record import Figure, Series
from hil.report import figure
from hil.report.figure import draw, keys
from tests.hil.report.records import points, start_up, trumpet

NUMBERS = re.compile(r"[\d.]+")


def drawn(what: Figure) -> Element:
    return ElementTree.fromstring(draw(what, "f0"))


def texts(what: Figure) -> list[str]:
    return [element.text or "" for element in drawn(what).iter("text")]


def strokes(svg: Element, variable: str) -> list[list[float]]:
    """Coordinates of the paths that are drawn in a colour."""
    paths = [p for p in svg.iter("path") if f"stroke: var(--{variable}," in p.get("style", "")]
    return [[float(n) for n in NUMBERS.findall(path.get("d", ""))] for path in paths]


def simple(**more: object) -> Figure:
    return Figure("t", "x", "y", (Series("s", (0.0, 1.0), (1.0, 2.0)),), **more)  # type: ignore[arg-type]


def test_a_trumpet_has_its_two_curves_its_windows_its_limits_and_zero() -> None:
    svg = drawn(trumpet())
    shown = texts(trumpet())
    assert [t for t in shown if t.endswith((" h", " d"))] == [
        "1 h", "2 h", "6 h", "1 d", "2 d", "7 d", "14 d",
    ]  # fmt: skip
    assert {"+15 %", "−15 %"} <= set(shown)  # noqa: RUF001
    upper, lower = strokes(svg, "c0")[0], strokes(svg, "c1")[0]
    assert len(upper) == len(lower) == 14
    assert all(high < low for high, low in zip(upper[1::2], lower[1::2], strict=True))  # y is down
    steps = [b - a for a, b in zip(upper[0::2], upper[2::2], strict=False)]
    assert steps[0] == pytest.approx(steps[3])  # 1 h to 2 h as far as 1 d to 2 d: a log axis
    (plus, minus) = (line[1] for line in reversed(strokes(svg, "limit")))
    zero = next(s[1] for s in strokes(svg, "ink") if len(s) == 4 and s[1] == s[3] and s[1] < minus)
    assert plus < zero < minus
    assert zero == pytest.approx((plus + minus) / 2, abs=0.01)


def test_no_power_of_ten_stands_in_a_corner() -> None:
    """Numbers of nanolitres are large."""
    large = Figure("t", "hours", "nL", (Series("s", (0.0, 1.0), (1.6e7, 2.8e7)),))
    shown = texts(large)
    assert "20000000" in shown
    assert not [text for text in shown if "e" in text and text != "hours"]


def test_a_start_up_curve_has_steps_and_a_band_round_the_nominal_flow() -> None:
    svg = drawn(start_up())
    (flow,) = strokes(svg, "c0")
    assert len(flow) > 2 * 96
    bands = [u for u in svg.iter("use") if "fill: var(--c1," in u.get("style", "")]
    assert bands
    assert [(key.label, key.style, key.band) for key in keys(start_up())] == [
        ("flow in 15 min", "steps", False),
        ("nominal, ±15 %", "line", True),
    ]


def test_single_points_carry_their_uncertainty_as_bars() -> None:
    svg = drawn(points())
    assert len([use for use in svg.iter("use") if "var(--c0," in use.get("style", "")]) == 5
    assert len([bar for bar in strokes(svg, "c0") if len(bar) == 4]) == 5


def test_only_ticks_within_the_data_are_shown() -> None:
    ticks = ((0.5, "half"), (1.0, "one"), (7.0, "seven"))
    assert [t for t in texts(simple(x_ticks=ticks)) if t.isalpha()] == ["half", "one", "x", "y"]


def test_limits_close_together_are_named_one_above_the_other() -> None:
    what = simple(lines=(("first", 1.5), ("second", 1.5001), ("third", 1.5002)))
    places = {e.text: float(e.get("y", 0)) for e in drawn(what).iter("text")}
    assert places["first"] - places["second"] > 8
    assert places["second"] - places["third"] > 8


@pytest.mark.slow
@pytest.mark.parametrize(
    "what",
    [
        Figure("one point", "x", "y", (Series("s", (1.0,), (1.0,)),), x_log=True),
        Figure("no positive x", "x", "y", (Series("s", (-1.0, 0.0), (1.0, 2.0)),), x_log=True),
        Figure("gaps", "x", "y", (Series("s", (0, 1, 2), (1.0, math.nan, math.inf)),)),
        Figure("zeros", "x", "y", (Series("s", (0.0, 1.0), (0.0, 0.0)),)),
        Figure("huge", "x", "y", (Series("s", (0.0, 1e300), (-1e300, 1e300)),)),
        Figure("$^", "$\\frac{$", "日本\t語 " * 50, (Series("_hidden", (0, 1), (0.0, 1.0)),)),
        simple(lines=(("endless", math.inf), ("none", math.nan), ("long " * 99, 1.0))),
    ],
    ids=lambda what: str(what.title),
)
def test_any_data_draws_without_a_warning(what: Figure) -> None:
    assert "nan" not in draw(what, "f0")


@pytest.mark.parametrize(
    ("series", "why"),
    [
        ((), "nothing to draw"),
        ((Series("s", (), ()),), "nothing to draw"),
        ((Series("s", (1.0,), (math.nan,)),), "nothing to draw"),
        ((Series("s", (math.nan,), (1.0,)),), "nothing to draw"),
        ((Series("s", (1.0,), (1.7e308,)),), "too large to draw"),
        ((Series("s", (1.0, 2.0), (1.0,)),), "the curve 's' has not as many x as y"),
        ((Series("s", (1.0,), (1.0,), low=(1.0, 2.0)),), "the curve 's' has not as many"),
    ],
)
def test_what_cannot_be_drawn_is_said(series: tuple[Series, ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        draw(Figure("t", "x", "y", series), "f0")


def test_a_long_curve_is_thinned_and_keeps_its_peaks_and_gaps() -> None:
    count = 250_000
    y = [math.sin(i / 9_000) for i in range(count)]
    y[123_456], y[200_001], y[77_777] = 40.0, -30.0, math.nan
    what = Figure("long", "x", "y", (Series("s", tuple(map(float, range(count))), tuple(y)),))
    chosen = figure._thinned(what.series[0])
    assert len(chosen) <= figure.MAX_POINTS
    assert {0, count - 1, 77_777, 123_456, 200_001} <= set(chosen)
    assert len(draw(what, "f0")) < 200_000


def test_the_same_figure_gives_the_same_bytes_and_its_name_is_in_every_id() -> None:
    first = draw(trumpet(), "f0")
    assert draw(trumpet(), "f0") == first
    ids = re.findall(r' id="([^"]*)"', first)
    assert ids
    assert all(id_.startswith("f0-") for id_ in ids)
    used = set(re.findall(r'(?:href="|url\()#([^")]*)', first))
    assert used == set(ids)
