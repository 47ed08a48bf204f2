"""One picture of a run: what happened, truth beside readings and belief, and the alarms.

A line is a mean, the pale band round it goes from least to greatest, so that a spike of one sample
shows. Colours are those of Okabe and Ito, which people with any colour vision can tell apart; bars
of alarms also grow with their priority, and are pale where an alarm only latches.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from protocol.vocabulary import Priority
from pumpsim.catalogue import CATALOGUE
from pumpsim.scenario.faultbook import is_end, lasts, subject
from pumpsim.scenario.file import DAY, Occurrence
from pumpsim.scenario.play import Run
from pumpsim.scenario.recorder import Band, Recorder
from pumpsim.scenario.visits import Refill, Visit
from pumpsim.scenario.watch import AlarmRow
from pumpsim.stimuli import ADAPTER, Altitude, Dive, Fever, NamedFault, WarmBath

SIZE_INCHES: Final = (16.0, 12.0)
DPI: Final = 100
HEIGHTS: Final = (3.4, 3.4, 1.6, 1.1, 1.4)
LANE: Final = 0.40
"""Height of one row of events or alarms, beside `HEIGHTS`."""
FEWEST_LANES: Final = 2.4
MAX_MARKS: Final = 60
"""Events whose instants are drawn through all panels."""
TICKS_DAYS: Final = (1 / 24, 1 / 4, 1 / 2, 1, 2, 7, 14, 28, 91, 182, 365, 3_650)
MAX_TICKS: Final = 16

INK, GRID, MARK = "#222222", "#e6e6e6", "#c9c9c9"
TRUTH, BELIEF = "#222222", "#0072B2"
WARM, GREEN, EVENT = "#D55E00", "#009E73", "#7a4f8c"
UNDER: Final = 3.0
"""Width of a line that another one covers."""
READ: Final = 5.0
"""Width of the pale line of what the pump reads: it shows where the truth leaves it."""
PALE: Final = 0.35
UNKNOWN: Final = Band(float("nan"), float("nan"), float("nan"))
LOOKS: Final = {
    Priority.HIGH: ("#D55E00", 0.84),
    Priority.MEDIUM: ("#E69F00", 0.58),
    Priority.LOW: ("#56B4E9", 0.32),
}

Turn = Callable[[float], float]


def draw(path: Path, run: Run, data: dict[str, Any]) -> None:
    """Draw a run that was recorded; OSError when the file cannot be written."""
    recorder = run.watch.recorder
    assert recorder is not None
    happened = _lanes(run)
    alarms = _alarm_lanes(list(run.watch.alarms.values()))
    strips = [LANE * max(len(lanes), FEWEST_LANES) for lanes in (happened, alarms)]
    figure = Figure(figsize=SIZE_INCHES, dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    heights = (strips[0], *HEIGHTS, strips[1])
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    for panel in axes:
        _dress(panel, data["elapsed_ns"] / DAY, happened)
    _events(axes[0], happened, run.device.now_ns)
    _volume(axes[1], recorder, run)
    _flow(axes[2], recorder, run)
    _temperature(axes[3], recorder)
    _pressures(axes[4], axes[5], recorder)
    _alarms(axes[6], alarms, run.device.now_ns)
    axes[-1].set_xlabel("days since implant", fontsize=12, color=INK)
    figure.suptitle(_title(data), x=0.008, ha="left", fontsize=17, color=INK)
    figure.savefig(path, metadata={"Software": "pumpsim"})


# ---- panels


def _events(panel: Axes, lanes: dict[str, list[Occurrence]], now_ns: int) -> None:
    for row, occurrences in enumerate(lanes.values()):
        for place, occurrence in enumerate(occurrences):
            start = occurrence.at_ns / DAY
            length = _length_ns(occurrences, place, now_ns) / DAY
            panel.broken_barh([(start, length)], (row - 0.25, 0.5), color=EVENT, alpha=PALE, lw=0)
            look = _marker(occurrence.action)
            panel.plot([start], [row], color=EVENT, ms=7, clip_on=False, zorder=5, **look)
    _rows(panel, list(lanes) or ["nothing happened"])
    ends = any(is_end(one.action) for row in lanes.values() for one in row)
    _key(panel, "events", [("▶ begins", EVENT), ("◁ ends", EVENT)] if ends else [])


def _volume(panel: Axes, recorder: Recorder, run: Run) -> None:
    pump = run.scenario.pump
    alarms = pump.alarms
    for name, limit_nl, right in (
        ("low", alarms.low_volume, 0.965),
        ("empty", alarms.empty_volume, 0.998),
    ):
        panel.axhline(limit_nl / 1e6, color=WARM, lw=0.9, ls=(0, (5, 3)))
        _tag(panel, limit_nl / 1e6, name, WARM, right)
    _line(
        panel, recorder, _known(recorder, "residual_volume_nl", lambda nl: nl / 1e6), BELIEF, UNDER
    )
    _line(panel, recorder, _true(recorder, "reservoir_volume_m3", lambda m3: m3 * 1e6), TRUTH)
    panel.set_ylim(0, pump.pump.capacity / 1e6 * 1.04)
    _key(panel, "reservoir, mL", [("truth", TRUTH), ("belief and its bounds", BELIEF)])


def _flow(panel: Axes, recorder: Recorder, run: Run) -> None:
    pump = run.scenario.pump
    nominal = _per_day(pump.pump.nominal_flow)
    margin = nominal * pump.alarms.tolerance_percent / 100
    panel.axhspan(nominal - margin, nominal + margin, color=GREEN, alpha=0.10, lw=0)
    for sign, edge in (("+", nominal + margin), ("−", nominal - margin)):  # noqa: RUF001
        panel.axhline(edge, color=GREEN, lw=0.9)
        _tag(panel, edge, f"{sign}{pump.alarms.tolerance_percent} %", GREEN)
    belief = _known(recorder, "flow_nl_per_h", _per_day)
    truth = _true(recorder, "flow_m3_per_s", lambda flow: flow * 1e6 * 86_400)
    _line(panel, recorder, belief, BELIEF, UNDER)
    _line(panel, recorder, truth, TRUTH)
    _frame(
        panel,
        [*truth, Band(0.0, nominal - 1.6 * margin, 0.0), Band(0.0, nominal + 1.6 * margin, 0.0)],
    )
    _key(panel, "flow, mL/day", [("truth", TRUTH), ("belief and its bounds", BELIEF)])


def _temperature(panel: Axes, recorder: Recorder) -> None:
    body = _true(recorder, "body_temperature_k", _celsius)
    pump = _true(recorder, "pump_temperature_k", _celsius)
    read = _read(panel, recorder, "temperature_mk", lambda mk: _celsius(mk / 1e3), BELIEF)
    _line(panel, recorder, body, WARM, UNDER)
    _line(panel, recorder, pump, TRUTH)
    _frame(panel, [*body, *pump, *read])
    key = [("pump", TRUTH), ("body", WARM), ("broad: as the pump reads it", BELIEF)]
    _key(panel, "temperature, °C", key)


def _pressures(upper: Axes, lower: Axes, recorder: Recorder) -> None:
    reservoir = _true(recorder, "reservoir_pressure_pa", _kilo)
    catheter = _true(recorder, "catheter_pressure_pa", _kilo)
    pocket = _true(recorder, "pocket_pressure_pa", _kilo)
    read = _read(upper, recorder, "reservoir_pressure_pa", _kilo, BELIEF)
    _line(upper, recorder, reservoir, TRUTH)
    _frame(upper, [*reservoir, *read])
    key = [("truth", TRUTH), ("broad: as read", BELIEF)]
    _key(upper, "pressure in the reservoir, kPa", key)
    read = [
        *_read(lower, recorder, "catheter_pressure_pa", _kilo, BELIEF),
        *_read(lower, recorder, "pocket_pressure_pa", _kilo, GREEN),
    ]
    _line(lower, recorder, catheter, BELIEF)
    _line(lower, recorder, pocket, GREEN)
    _frame(lower, [*catheter, *pocket, *read])
    key = [("catheter", BELIEF), ("pocket", GREEN), ("broad: as read", INK)]
    _key(lower, "pressure outside, kPa", key)


def _alarms(panel: Axes, lanes: dict[str, list[AlarmRow]], end_ns: int) -> None:
    for row, alarms in enumerate(lanes.values()):
        for place, alarm in enumerate(alarms):
            last_ns = end_ns if alarm.ended_ns is None else alarm.ended_ns
            steps = [*alarm.steps, (last_ns, alarm.priority)]
            for (from_ns, priority), (to_ns, _) in pairwise(steps):
                color, height = LOOKS[priority]
                bar = (from_ns / DAY, (to_ns - from_ns) / DAY)
                panel.broken_barh([bar], (row - height / 2, height), color=color, lw=1.5)
            latched_ns = _latched_ns(alarms, place, end_ns)
            if latched_ns > last_ns:
                color, height = LOOKS[alarm.priority]
                bar = (last_ns / DAY, (latched_ns - last_ns) / DAY)
                panel.broken_barh([bar], (row - height / 2, height), color=color, alpha=PALE, lw=0)
            if alarm.acknowledged_ns is not None:
                panel.plot([alarm.acknowledged_ns / DAY], [row], "|", color=INK, ms=12, mew=2)
    _rows(panel, list(lanes) or ["no alarm"])
    shown = [alarm for alarms in lanes.values() for alarm in alarms]
    seen = {priority for alarm in shown for _, priority in alarm.steps}
    key = [(name.name.lower(), color) for name, (color, _) in LOOKS.items() if name in seen]
    if any(alarm.latching and alarm.ended_ns is not None for alarm in shown):
        key.append(("pale: over, and sounds until acknowledged", INK))
    if any(alarm.acknowledged_ns is not None for alarm in shown):
        key.append(("| acknowledged", INK))
    _key(panel, "alarms", key)


# ---- parts of panels


def _true(recorder: Recorder, name: str, turn: Turn) -> list[Band]:
    return [Band(*map(turn, band)) for band in recorder.truth[name]]


def _known(recorder: Recorder, name: str, turn: Turn) -> list[Band]:
    return [UNKNOWN if b is None else Band(*map(turn, b)) for b in recorder.belief[name]]


def _read(panel: Axes, recorder: Recorder, name: str, turn: Turn, color: str) -> list[Band]:
    """Draw what the pump reads, under the truth; what it reads."""
    bands = [UNKNOWN if b is None else Band(*map(turn, b)) for b in recorder.reading[name]]
    days = [at_ns / DAY for at_ns in recorder.middles_ns]
    panel.plot(days, [band.mean for band in bands], color=color, lw=READ, alpha=PALE)
    return bands


def _line(
    panel: Axes, recorder: Recorder, bands: Sequence[Band], color: str, width: float = 1.3
) -> None:
    days = [at_ns / DAY for at_ns in recorder.middles_ns]
    least, mean, greatest = zip(*bands, strict=True) if bands else ((), (), ())
    panel.fill_between(days, least, greatest, color=color, alpha=0.25, lw=0)
    panel.plot(days, mean, color=color, lw=width)


def _frame(panel: Axes, bands: Sequence[Band]) -> None:
    """Make room for every mean, and no more: a spike leaves the panel, and its stem shows."""
    means = [band.mean for band in bands if band is not UNKNOWN]
    if means:
        low, high = min(means), max(means)
        room = 0.15 * (high - low) or 1.0
        panel.set_ylim(low - room, high + room)


def _tag(panel: Axes, value: float, text: str, color: str, right: float = 0.998) -> None:
    """Name a level near the right edge."""
    place = (right, value)
    coordinates = ("axes fraction", "data")
    panel.annotate(
        text, place, xycoords=coordinates, ha="right", va="bottom", fontsize=10, color=color
    )


def _key(panel: Axes, title: str, names: Sequence[tuple[str, str]]) -> None:
    """A title, and on its line the names of what is drawn, each in its colour."""
    panel.set_title(title, loc="left", fontsize=12, color=INK, fontweight="bold", pad=4)
    at, lift = (1.0, 1.0), 5
    anchor: Any = panel.transAxes
    for name, color in reversed(names):
        text = panel.annotate(
            name, at, xytext=(-10, lift), xycoords=anchor, textcoords="offset points",
            ha="right", va="bottom", fontsize=11, color=color, fontweight="bold",
        )  # fmt: skip
        anchor, at, lift = text, (0.0, 0.0), 0  # the next one stands to its left


def _rows(panel: Axes, names: list[str]) -> None:
    panel.set_yticks(range(len(names)), names)
    panel.set_ylim(len(names) - 0.4, -0.6)


def _dress(panel: Axes, days: float, lanes: dict[str, list[Occurrence]]) -> None:
    spacing = next((t for t in TICKS_DAYS if days / t <= MAX_TICKS), TICKS_DAYS[-1])
    panel.xaxis.set_major_locator(MultipleLocator(spacing))
    panel.set_xlim(0, max(days, 1e-6))
    panel.grid(visible=True, color=GRID, lw=0.8)
    panel.set_axisbelow(True)
    panel.tick_params(colors=INK, labelsize=11, length=0)
    panel.spines[:].set_visible(False)
    instants = [occurrence.at_ns for row in lanes.values() for occurrence in row]
    for at_ns in instants if len(instants) <= MAX_MARKS else []:
        panel.axvline(at_ns / DAY, color=MARK, lw=0.8, ls=(0, (2, 3)), zorder=0.5)


def _title(data: dict[str, Any]) -> str:
    truth, belief = data["pumped_nl"]["truth"] / 1e6, data["pumped_nl"]["belief"]
    believed = "no belief" if belief is None else f"{belief / 1e6:.2f} mL believed"
    name = str(data["scenario"]).replace("-", " ")
    return (
        f"{name}: {truth:.2f} mL pumped, {believed}   (pump {data['device']}, seed {data['seed']})"
    )


# ---- rows


def _lanes(run: Run) -> dict[str, list[Occurrence]]:
    lanes: dict[str, list[Occurrence]] = {}
    for occurrence in run.scenario.occurrences:
        if occurrence.at_ns <= run.device.now_ns:
            lanes.setdefault(_label(occurrence.action, run), []).append(occurrence)
    return lanes


def _label(action: Any, run: Run) -> str:
    if isinstance(action, Refill):
        return f"refill {run.scenario.fills[action.fill].drug}"
    what = str(action.kind) if isinstance(action, Visit) else subject(action)
    return what.replace("_", " ")


def _alarm_lanes(alarms: list[AlarmRow]) -> dict[str, list[AlarmRow]]:
    lanes: dict[str, list[AlarmRow]] = {}
    for alarm in alarms:
        lanes.setdefault(alarm.alarm.name.lower().replace("_", " "), []).append(alarm)
    return lanes


def _marker(action: Any) -> dict[str, Any]:
    """Hollow, and turned, where something ends."""
    if isinstance(action, Visit):
        return {"marker": "D"}
    return {"marker": "<", "mfc": "white"} if is_end(action) else {"marker": ">"}


def _length_ns(lane: Sequence[Occurrence], place: int, now_ns: int) -> int:
    """How long it lasts, both ramps included; 0 for what happens at once."""
    action, at_ns = lane[place].action, lane[place].at_ns
    hill = _first_act(action)
    if isinstance(hill, Fever | WarmBath | Altitude | Dive):
        return 2 * hill.ramp + hill.duration
    if is_end(action) or not lasts(action):
        return 0
    after = [one.at_ns for one in lane[place + 1 :]]
    return min([*after, now_ns]) - at_ns


def _first_act(action: Any) -> Any:
    """What a fault of the catalogue is made of; any other action is itself."""
    if not isinstance(action, NamedFault):
        return action
    fault = CATALOGUE[action.name]
    severity = fault.stated() if action.severity is None else action.severity
    return ADAPTER.validate_python(fault.steps_at(severity)[0].stimulus)


def _latched_ns(alarms: Sequence[AlarmRow], place: int, end_ns: int) -> int:
    """Until when one that latches goes on: acknowledged, followed by the next one, or the end."""
    alarm = alarms[place]
    if not alarm.latching or alarm.ended_ns is None:
        return 0
    after = [one.raised_ns for one in alarms[place + 1 :]]
    return min(alarm.acknowledged_ns or end_ns, *after, end_ns)


def _per_day(nl_per_h: float) -> float:
    return nl_per_h * 24 / 1e6


def _celsius(kelvin: float) -> float:
    return kelvin - 273.15


def _kilo(pascal: float) -> float:
    return pascal / 1e3
