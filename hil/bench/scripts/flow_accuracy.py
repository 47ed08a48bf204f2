"""Flow accuracy by the balance: start-up curve, trumpet curve, mean flow with its uncertainty."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Final

from hil.bench.curves import HOURS_PER_DAY, NS_PER_H, Point, Window, flows, trumpet
from hil.bench.gravimetry import (
    METHOD,
    Method,
    Weighed,
    check_weighings,
    measure_belief,
    measure_flow,
    tolerated,
    weigh_flow,
)
from hil.bench.parameters import DURATION, PERCENT, parameter
from hil.bench.points import add_points, ambient
from hil.bench.pump import nominal_ml_per_day
from hil.bench.run import Run
from hil.bench.script import Script
from hil.bench.surroundings import bath, outlet
from hil.record import Figure, Series
from hil.rig import Rig

WINDOWS: Final = "1 h, 2 h, 4 h, 8 h, 1 d, 2 d, 4 d, 7 d, 13 d"
SLACK_H: Final = 0.01
"""Weights that take time to settle come late."""


@dataclass(frozen=True)
class Parameters:
    """As they are written on the command line."""

    bath_degc: float = bath()
    outlet_kpa: float = outlet()
    settle_ns: int = parameter("1 h", DURATION, "held before the first weighing")
    duration_ns: int = parameter("14 d", DURATION, "of weighing, in all", low="1 h")
    sample_ns: int = parameter("30 min", DURATION, "between weighings", low="1 min")
    startup_ns: int = parameter("1 d", DURATION, "left out of the trumpet curve")
    windows_ns: tuple[int, ...] = parameter(WINDOWS, DURATION, "of the trumpet curve", many=True)
    tolerance_percent: float = parameter("15 %", PERCENT, "of the nominal flow, either way")
    method: Method = field(default=Method())
    ambient_kpa: float = ambient()


def play(run: Run, p: Parameters) -> None:
    """Hold bath and outlet, weigh all along, and judge the mean flow."""
    nominal = nominal_ml_per_day(run)
    run.surround(
        "hold", temperature_degc=p.bath_degc, outlet_kpa=p.outlet_kpa, settle_ns=p.settle_ns
    )
    weighed = weigh_flow(run, "flow", p.method, p.sample_ns, p.duration_ns // p.sample_ns + 1)
    measure_flow(run, "mean flow", weighed.flow, tolerated(nominal, p.tolerance_percent))
    deviation = 100 * (weighed.flow.value / nominal - 1)
    run.measure("deviation of the mean flow from nominal", deviation, "%")
    measure_belief(
        run, "the pump's own account against the balance", weighed, p.method, judged=True
    )
    for figure in _flow_figures(flows(weighed.weighings, p.method.density_g_per_ml), nominal, p):
        run.figure(figure)
    _trumpet(run, weighed, nominal, p)
    add_points(run, "flow", weighed, p, weighed.weighings[0].instant_ns + p.startup_ns)


def _trumpet(run: Run, weighed: Weighed, nominal: float, p: Parameters) -> None:
    first_ns = weighed.weighings[0].instant_ns + p.startup_ns
    period = [one for one in weighed.weighings if one.instant_ns >= first_ns]
    fitting = [one for one in p.windows_ns if not one % p.sample_ns]
    windows = trumpet(period, p.method.density_g_per_ml, nominal, p.sample_ns, fitting)
    for one in windows:
        run.measure(f"E_max over {one.hours:g} h", one.highest_percent, "%")
        run.measure(f"E_min over {one.hours:g} h", one.lowest_percent, "%")
    if windows:
        run.figure(_trumpet_figure(windows, p))
    there = {one.hours for one in windows}
    missing = [hours for hours in (one / NS_PER_H for one in p.windows_ns) if hours not in there]
    if missing:
        run.remark(
            f"windows left out: {', '.join(f'{hours:g} h' for hours in missing)}: longer than what "
            "was weighed after the start-up, or no whole number of samples"
        )


def _flow_figures(points: tuple[Point, ...], nominal: float, p: Parameters) -> Iterator[Figure]:
    """The start-up alone, in hours; with the rest, in days, where there is a rest."""
    startup = [point for point in points if point.hours <= p.startup_ns / NS_PER_H + SLACK_H]
    if startup:
        yield _flow_figure("Start-up curve", "hours", 1.0, startup, nominal, p)
    if len(startup) < len(points):
        yield _flow_figure("Flow all along", "days", HOURS_PER_DAY, points, nominal, p)


def _flow_figure(
    title: str, unit: str, hours: float, points: Sequence[Point], nominal: float, p: Parameters
) -> Figure:
    """Over the time since the first weighing, in a unit of so many hours."""
    times, found = zip(*_edges(points), strict=True)
    low, high = tolerated(nominal, p.tolerance_percent)
    return Figure(
        title,
        f"{unit} since the first weighing",
        "flow, mL/day",
        (Series("flow", tuple(time / hours for time in times), found, "steps"),),
        lines=(
            ("nominal", nominal),
            (f"+{p.tolerance_percent:g} %", high),
            (f"-{p.tolerance_percent:g} %", low),
        ),
        caption=f"Flow between weighings, one each {p.sample_ns / NS_PER_H:g} h.",
    )


def _edges(points: Sequence[Point]) -> Iterator[tuple[float, float]]:
    """Each flow from the weighing it begins with; none where a run was interrupted."""
    until_hours = points[0].since_hours
    for point in points:
        if point.since_hours > until_hours:
            yield until_hours, nan
        yield point.since_hours, point.flow_ml_per_day
        until_hours = point.hours
    yield until_hours, points[-1].flow_ml_per_day


def _trumpet_figure(windows: tuple[Window, ...], p: Parameters) -> Figure:
    hours = tuple(one.hours for one in windows)
    return Figure(
        "Trumpet curve",
        "observation window, h",
        "deviation from nominal, %",
        (
            Series("E_max", hours, tuple(one.highest_percent for one in windows)),
            Series("E_min", hours, tuple(one.lowest_percent for one in windows)),
        ),
        lines=(
            (f"+{p.tolerance_percent:g} %", p.tolerance_percent),
            (f"-{p.tolerance_percent:g} %", -p.tolerance_percent),
        ),
        x_log=True,
        x_ticks=tuple((one, f"{one:g}") for one in hours),
        caption="The worst mean deviation over any window of that length, start-up left out.",
    )


def check(rig: Rig, p: Parameters) -> None:
    """A flow needs two weighings."""
    del rig
    check_weighings(p.sample_ns, p.duration_ns)


SCRIPT: Final = Script(
    name="flow-accuracy",
    title="Flow accuracy by the balance",
    parameters=Parameters,
    play=play,
    length_ns=lambda p: p.settle_ns + p.duration_ns,
    needs=frozenset({"balance", "bath", "pressure"}),
    requirements=("ENV-01",),
    method=METHOD,
    check=check,
)
