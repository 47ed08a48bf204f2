"""What hands at work mask, and what they do not: refill windows and bolus access (FLW-08)."""

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import messages as m
from protocol.vocabulary import AlarmId, EventKind, RefillReason, Refusal
from pumpsim.firmware.refills import NOTHING, T_REFILL, Refills
from pumpsim.firmware.screen import CHANNELS
from tests.firmware.bench import MINUTE, STEPS, Bench, refusal
from tests.firmware.usual import CONFIGURATION, REFILL, USUAL
from tests.firmware.visits import ten_days_on

A = AlarmId
Readings = dict[str, int | None]
WINDOW_MIN: Final = T_REFILL // MINUTE
LEVEL_NL: Final = 15_000_000
NEVER_MIN: Final = 180


def frozen(channel: str) -> Callable[[int], Readings]:
    """To every other reading `Bench` adds a step of its own: taken off again."""
    value = LEVEL_NL if channel == "fill_level_nl" else getattr(USUAL, channel)
    return lambda number: {channel: value - STEPS[channel] * (number % 2)}


def spiking(channel: str, height: int) -> Callable[[int], Readings]:
    return lambda number: {channel: getattr(USUAL, channel) + height * (number % 2)}


def steady(**changed: int | None) -> Callable[[int], Readings]:
    return lambda _: dict(changed)


NAMES: Final = [channel.name for channel in CHANNELS]
OPEN_TO_SEE: Final[dict[str, tuple[AlarmId, Callable[[int], Readings]]]] = {
    "occlusion": (A.OCCLUSION, steady(catheter_pressure_pa=150_000)),
    "partial occlusion": (A.PARTIAL_OCCLUSION, steady(catheter_pressure_pa=126_000)),
    "disconnect": (A.CATHETER_DISCONNECT, steady(catheter_pressure_pa=101_800)),
    "below the pocket": (A.SENSOR_CONFLICT, steady(catheter_pressure_pa=90_000)),
    "injection": (A.BOLUS_PATH_INJECTION, steady(catheter_pressure_pa=160_000)),
    "heat": (A.TEMPERATURE_HIGH, steady(temperature_mk=314_150, reservoir_pressure_pa=387_300)),
    "altitude": (
        A.AMBIENT_PRESSURE,
        steady(pocket_pressure_pa=70_000, catheter_pressure_pa=82_400),
    ),
    "depth": (A.AMBIENT_PRESSURE, steady(pocket_pressure_pa=150_000, catheter_pressure_pa=162_400)),
    "battery low": (A.BATTERY_LOW, steady(battery_mv=2_550)),
    "battery end": (A.BATTERY_END, steady(battery_mv=2_300)),
    "clock": (A.CLOCK_INVALID, steady(rtc_valid=False)),
    **{f"{name} missing": (A.SENSOR_FAULT, steady(**{name: None})) for name in NAMES},
    **{f"{name} frozen": (A.SENSOR_FAULT, frozen(name)) for name in NAMES},
}
"""What no window suspends: told with the sample that tells it without one."""
SUSPENDED: Final[dict[str, tuple[AlarmId, Callable[[int], Readings]]]] = {
    "low": (A.LOW_RESERVOIR, steady(fill_level_nl=2_900_000)),
    "empty": (A.EMPTY_RESERVOIR, steady(fill_level_nl=900_000)),
    "overfull": (A.OVERFILL, steady(fill_level_nl=30_400_000)),
    "over-infusion": (A.OVER_INFUSION, steady(reservoir_pressure_pa=400_000)),
    "under-infusion": (A.UNDER_INFUSION, steady(reservoir_pressure_pa=300_000)),
    "free flow": (
        A.OVER_INFUSION,
        steady(reservoir_pressure_pa=698_000, catheter_pressure_pa=10_000, temperature_mk=312_000),
    ),
    "flow stop": (A.FLOW_STOP, steady(reservoir_pressure_pa=120_000)),
    "reverse flow": (A.REVERSE_FLOW, steady(reservoir_pressure_pa=100_000)),
    "no propellant": (A.PROPELLANT_LOW, steady(reservoir_pressure_pa=330_000)),
    "conflict": (A.SENSOR_CONFLICT, steady(reservoir_pressure_pa=360_000)),
    "unmonitored": (
        A.UNMONITORED,
        steady(reservoir_pressure_pa=None, catheter_pressure_pa=None, fill_level_nl=None),
    ),
    "spikes": (A.SENSOR_FAULT, spiking("temperature_mk", 5_000)),
    "spiking battery": (A.SENSOR_FAULT, spiking("battery_mv", -500)),
}
"""What the window suspends: told as soon after its end as if it had begun then."""


JUMPING: Final = {"spikes", "spiking battery"}
PASSING: Final = {"injection", *JUMPING}
"""An injection is over when it was told for an hour; jumps are let pass in a window."""
LOOK_MIN: Final = 10
LATER_MIN: Final = dict.fromkeys(("no propellant", "conflict"), LOOK_MIN) | dict.fromkeys(
    JUMPING, 1
)
"""What is looked at every ten minutes, or jumps with every other: a window ends in between."""


@cache
def _ready() -> Bench:
    """Some hours after the refill before; the level is watched, and nothing stands."""
    bench = Bench()
    bench.level_nl = LEVEL_NL
    bench.ask(m.BeginRefill())
    bench.configure()
    bench.run(2)
    bench.run(5 * 60)
    bench.run(3)
    assert bench.alarms() == ()
    return bench


def ready() -> Bench:
    """It, for one test."""
    return deepcopy(_ready())


def told(bench: Bench, alarm: AlarmId, readings: Callable[[int], Readings]) -> bool:
    """Take one more sample."""
    bench.run_screened(1, **readings(bench.number + 1))
    return alarm in bench.raised()


@cache
def alone(name: str, began: int) -> int:
    """Samples from its beginning in that minute to its alarm, when nobody is at work."""
    alarm, readings = (OPEN_TO_SEE | SUSPENDED)[name]
    bench = ready()
    bench.run_screened(began)
    return next(count for count in range(1, NEVER_MIN) if told(bench, alarm, readings))


def end(bench: Bench, how: str) -> None:
    if how == "abort":
        assert bench.ask(m.AbortRefill()) == m.Done()
    elif how == "commit":  # what was taken out was put in again
        volumes = {"withdrawn_nl": LEVEL_NL, "filled_nl": LEVEL_NL}
        refill = REFILL.model_copy(update=volumes)
        again = m.CommitRefill(refill=refill, reason=RefillReason.VERIFY_PUMP, previous_refill_id=1)
        assert bench.ask(again) == m.Done(reference=2)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(sorted(OPEN_TO_SEE | SUSPENDED)),
    began=st.integers(0, WINDOW_MIN - 1),
    lasts=st.integers(1, WINDOW_MIN - 1),
    how=st.sampled_from(["abort", "commit", "by itself"]),
)
def test_what_begins_in_a_window_is_told_at_latest_as_if_it_had_begun_at_its_end(
    name: str, began: int, lasts: int, how: str
) -> None:
    """FLW-08: every condition, anywhere in a window that ends in any way; most are not masked."""
    alarm, readings = (OPEN_TO_SEE | SUSPENDED)[name]
    bench = ready()
    assert bench.ask(m.BeginRefill()) == m.Done()
    began = min(began, lasts)
    masked = LATER_MIN.get(name, 0)
    since = 0
    for minute in range(NEVER_MIN):
        if minute == lasts:
            end(bench, how)
        is_open = bench.status().refill_open
        if minute < began:
            bench.run_screened(1)
            continue
        since += 1
        seen = told(bench, alarm, readings)
        masked += is_open and bench.status().refill_open
        if seen:
            break
    assert since <= alone(name, began) + (0 if name in OPEN_TO_SEE else masked)
    assert EventKind.REFILL_BEGUN in bench.events()
    assert minute < WINDOW_MIN or not bench.status().refill_open


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted((OPEN_TO_SEE | SUSPENDED).keys() - PASSING))
def test_what_stands_when_a_window_begins_stands_while_it_lasts(name: str) -> None:
    """FLW-08: no window ends an alarm whose condition goes on."""
    alarm, readings = (OPEN_TO_SEE | SUSPENDED)[name]
    bench = ready()
    while not told(bench, alarm, readings):
        pass
    assert bench.ask(m.BeginRefill()) == m.Done()
    for _ in range(WINDOW_MIN - 1):
        assert bench.status().refill_open
        assert [a.present for a in bench.alarms() if a.alarm is alarm] == [True]
        told(bench, alarm, readings)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(PASSING)) | st.sampled_from(sorted(OPEN_TO_SEE | SUSPENDED)),
    began=st.integers(0, WINDOW_MIN + 5),
    down_min=st.none() | st.integers(0, 2 * WINDOW_MIN),
)
def test_a_bolus_access_that_nobody_ends_hides_nothing_for_longer_than_a_window(
    name: str, began: int, down_min: int | None
) -> None:
    """FLW-08, RES-12: a flush and its jumps are let pass so long; all else is told as ever."""
    alarm, readings = (OPEN_TO_SEE | SUSPENDED)[name]
    bench = ready()
    begin = m.BeginBolusAccess(drug="contrast", concentration_ng_per_ml=0)
    assert bench.ask(begin) == m.Done()
    bench.run_screened(began)
    away_min = began
    if down_min is not None:
        bench = bench.reset(down_s=60 * down_min)
        bench.run_screened(3)
        away_min += down_min
    since = next(count for count in range(1, NEVER_MIN) if told(bench, alarm, readings))
    masked = max(WINDOW_MIN + 1 - away_min, 0) if name in PASSING else 0
    phase = LATER_MIN.get(name, 0)
    if down_min is not None and name not in PASSING:
        phase = 2 * LOOK_MIN  # looks begin anew, and the first one only remembers
    assert since <= alone(name, began) + masked + phase
    assert bench.status().bolus_access_open
    assert bench.ask(m.EndBolusAccess(injected_nl=1_000_000)) == m.Done()


def test_a_reset_begins_no_bolus_access_anew() -> None:
    """FLW-08, RST-02: whatever was written down since it began."""
    alarm, readings = OPEN_TO_SEE["injection"]
    bench = ready()
    begin = m.BeginBolusAccess(drug="contrast", concentration_ng_per_ml=0)
    assert bench.ask(begin) == m.Done()
    bench.run_screened(WINDOW_MIN - 3)
    write = m.WriteConfiguration(base_config_id=1, configuration=CONFIGURATION)
    assert bench.ask(write) == m.Done(reference=2)
    bench = bench.reset()
    bench.run_screened(5)
    assert any(told(bench, alarm, readings) for _ in range(alone("injection", 0)))


def test_time_between_windows_comes_back_over_a_reset() -> None:
    """FLW-08, RST-02: a window that closed an hour before takes nothing from the next one."""
    before, after = Refills(), Refills()
    before.begin(0, NOTHING)
    before.close(20 * MINUTE)
    after.load(0, before.save(80 * MINUTE))
    after.begin(MINUTE, NOTHING)
    assert after.suspends(30 * MINUTE)
    assert not after.suspends(31 * MINUTE)


# ---- windows, again and again


@given(
    st.lists(
        st.tuples(st.integers(1, 30), st.integers(1, 40), st.booleans()), min_size=1, max_size=20
    )
)
def test_windows_begun_again_and_again_suspend_no_more_than_one(
    course: list[tuple[int, int, bool]],
) -> None:
    """FLW-08: T_refill, and as much again as none was open; a reset in between gives none back."""
    refills, now, suspended, closed = Refills(), 1, 0, 0
    for open_min, closed_min, resets in course:
        assert refills.begin(now * MINUTE, NOTHING) is None
        for _ in range(open_min):
            suspended += refills.suspends(now * MINUTE)
            now += 1
            if resets:
                kept = refills.save(now * MINUTE)
                refills.load(now * MINUTE, kept)
        refills.close(now * MINUTE)
        assert not refills.suspends(now * MINUTE)
        assert suspended <= 30 + closed
        now += closed_min
        closed += closed_min
    now += 30
    assert refills.begin(now * MINUTE, NOTHING) is None
    assert [refills.suspends((now + minute) * MINUTE) for minute in (0, 29, 30)] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("open_min", "closed_min"), [(29, 1), (30, 1), (15, 1), (1, 1), (29, 29), (2, 5)]
)
def test_too_much_flow_is_told_however_often_a_window_is_begun(
    open_min: int, closed_min: int
) -> None:
    """FLW-02, FLW-08: half the time outside is enough, windows or not (FLW-05)."""
    bench = ten_days_on()
    fast = {"reservoir_pressure_pa": 480_000}
    minutes = 0
    while AlarmId.OVER_INFUSION not in bench.raised():
        bench.ask(m.BeginRefill())
        bench.run_screened(open_min, **fast)
        bench.ask(m.AbortRefill())
        bench.run_screened(closed_min, **fast)
        minutes += open_min + closed_min
        assert minutes <= 30 + 2 * 60 + open_min + closed_min


def test_a_forgotten_refill_window_ends_by_itself(bench: Bench) -> None:
    """FLW-08."""
    bench.ask(m.BeginRefill())
    bench.run(31)
    assert not bench.status().refill_open
    assert EventKind.REFILL_WINDOW_ENDED in bench.events()


def test_a_forgotten_refill_window_ends_without_supply_too(bench: Bench) -> None:
    """FLW-08, RST-03: the clock tells how long nobody looked."""
    bench.run(1)
    bench.ask(m.BeginRefill())
    bench = bench.reset(down_s=25 * 60)
    bench.run(3)
    assert bench.status().refill_open
    bench.run(4)
    assert not bench.status().refill_open


def test_pressures_count_again_when_windows_have_had_their_time(bench: Bench) -> None:
    """FLW-08: what is told follows them then, however many windows are begun."""
    bench.run(10)
    for minutes in (29, 3):
        bench.ask(m.BeginRefill())
        bench.run(minutes)
        bench.ask(m.AbortRefill())
    bench.ask(m.BeginRefill())
    bench.run(3, reservoir_pressure_pa=347_700 + 23_400)
    status = bench.status()
    assert status.refill_open
    assert status.flow_nl_per_h is not None
    assert status.flow_nl_per_h.estimate == pytest.approx(54_000 * 1.1, rel=0.01)


def test_a_refill_window_that_ended_by_itself_stays_so(bench: Bench) -> None:
    """RST-01, FLW-08: also when the supply fails before the next sample."""
    bench.run(1)
    bench.ask(m.BeginRefill())
    bench.run(29)
    bench.wait_until(bench.ticks + MINUTE)
    assert EventKind.REFILL_WINDOW_ENDED in bench.events()
    assert refusal(bench.reset().ask(m.AbortRefill())) is Refusal.NO_REFILL_OPEN


def test_a_cold_fill_masks_too_little_flow_for_four_hours(bench: Bench) -> None:
    """FLW-08: and then the integral begins."""
    cold_and_slow = {"temperature_mk": 305_000, "reservoir_pressure_pa": 313_700}
    bench.run(4 * 60, **cold_and_slow)
    bench.run(58, **cold_and_slow)
    assert AlarmId.UNDER_INFUSION not in bench.raised()
    bench.run(2, **cold_and_slow)
    assert AlarmId.UNDER_INFUSION in bench.raised()


def test_a_fill_that_nobody_knows_to_be_cold_masks_nothing(bench: Bench) -> None:
    """FLW-08: without a temperature too little flow is told in its hour."""
    bench.run(62, temperature_mk=None, reservoir_pressure_pa=300_000)
    assert AlarmId.UNDER_INFUSION in bench.raised()


@pytest.mark.parametrize(("below_mk", "masks"), [(0, False), (11, True)])
def test_a_pump_is_cold_below_thirty_five_and_a_half_degrees(
    bench: Bench, below_mk: int, *, masks: bool
) -> None:
    """FLW-08: whose flow is too little then has no such excuse."""
    bench.run(62, temperature_mk=308_650 - below_mk, reservoir_pressure_pa=313_700)
    assert (AlarmId.UNDER_INFUSION not in bench.raised()) == masks
