"""Catheter, environment, cross-check and battery: each detector by itself, minute by minute."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocol.control import TICKS_PER_S, Interval
from protocol.messages import Configuration
from protocol.vocabulary import AlarmId, Propellant, Quality
from pumpsim.firmware import battery as batteries
from pumpsim.firmware import catheter as catheters
from pumpsim.firmware import environment as environments
from pumpsim.firmware.battery import Battery
from pumpsim.firmware.catheter import Catheter
from pumpsim.firmware.conditions import ORDER, evaluate
from pumpsim.firmware.crosscheck import ERRORS_PA, LIMIT_PA, CrossCheck, limit_of
from pumpsim.firmware.environment import Environment
from pumpsim.firmware.state import State
from pumpsim.firmware.vapour import VAPOUR_PRESSURE_PA, reservoir_pressure_pa, vapour_pressure_pa
from pumpsim.plant.properties import vapour_pressure_pa as reference_pa
from pumpsim.pumpfile import PROPELLANT_WORDS
from tests.firmware.usual import CONFIGURATION, USUAL

MINUTE = 60 * TICKS_PER_S
POCKET_PA = USUAL.pocket_pressure_pa or 0
FORWARD = Interval(53_000, 54_000, 55_000, Quality.GOOD)
UNCERTAIN = Interval(-300, 100, 500, Quality.DEGRADED)
BACKWARD = Interval(-900, -500, -100, Quality.DEGRADED)


def first(minutes: int, holds: Callable[[int], bool]) -> int | None:
    """The first minute at which something holds."""
    return next((minute for minute in range(minutes) if holds(minute)), None)


class Probe:
    """A catheter fed with gauge pressures."""

    def __init__(self) -> None:
        self.catheter = Catheter()
        self.minute = 0
        self.pocket_pa = POCKET_PA

    def feed(
        self,
        gauge_pa: int | None,
        flow: Interval | None = FORWARD,
        level_nl: int | None = 20_000_000,
        *,
        surge_samples: int = catheters.SURGE_SAMPLES,
        held: bool = False,
        climb_pa: int = 0,
        reservoir_pa: int | None = USUAL.reservoir_pressure_pa,
    ) -> Catheter:
        self.minute += 1
        pressure = None if gauge_pa is None else self.pocket_pa + gauge_pa
        sample = USUAL._replace(
            reservoir_pressure_pa=reservoir_pa,
            catheter_pressure_pa=pressure,
            pocket_pressure_pa=self.pocket_pa,
            fill_level_nl=level_nl,
        )
        surge = catheters.Surge(surge_samples, climb_pa)
        self.catheter.feed(self.minute * MINUTE, sample, flow, surge=surge, held=held)
        return self.catheter


@pytest.fixture
def probe() -> Probe:
    probe = Probe()
    for _ in range(60):
        probe.feed(12_400)
    return probe


@pytest.mark.parametrize("time_constant_min", [40, 260, 700])
def test_a_complete_occlusion_is_told_within_its_bound(
    probe: Probe, time_constant_min: int
) -> None:
    """OCC-01: at several compliances; the default gives 260 minutes."""
    gauge, stood = 12_400.0, None
    for minute in range(180):
        gauge += (246_000 - gauge) / time_constant_min
        if probe.feed(int(gauge)).occlusion.stands and stood is None:
            stood = minute
    assert stood is not None
    assert stood <= 60 or time_constant_min > 260
    assert probe.catheter.partial.stands


def test_a_partial_occlusion_is_told_within_two_hours(probe: Probe) -> None:
    """OCC-02: +25 % of the resistance raises the pressure by 47 kPa over 52 minutes."""
    gauge = 12_400.0
    for _ in range(120):
        gauge += (59_200 - gauge) / 52
        catheter = probe.feed(int(gauge))
    assert catheter.partial.stands


def test_a_pressure_that_pauses_below_the_limit_starts_anew(probe: Probe) -> None:
    """OCC-01: T_occ without a break, by the mean."""
    for _ in range(12):
        for _ in range(2):
            probe.feed(100_000)
        assert probe.catheter.occlusion.since is not None
        for _ in range(30):
            assert not probe.feed(12_400).occlusion.stands


def test_a_disconnect_is_told_whatever_the_posture(probe: Probe) -> None:
    """OCC-05."""
    told = first(120, lambda minute: probe.feed(3_500 if minute % 2 else 500).off)
    assert told is not None
    assert told >= 60
    assert not probe.catheter.impossible.stands


@pytest.mark.parametrize("pocket_pa", [70_000, 140_000])
def test_only_the_pressure_above_the_pocket_counts(probe: Probe, pocket_pa: int) -> None:
    """OCC-05, OCC-07: in the mountains, and under water."""
    probe.pocket_pa = pocket_pa
    for _ in range(300):
        assert probe.feed(12_400).calm
    assert first(120, lambda _: probe.feed(1_000).off) is not None


@pytest.mark.parametrize("gauge_pa", [7_000, 18_000])
def test_low_blood_pressure_and_posture_are_no_disconnect_nor_clot(
    probe: Probe, gauge_pa: int
) -> None:
    """OCC-05, OCC-07."""
    for _ in range(300):
        catheter = probe.feed(gauge_pa)
    assert catheter.calm


@given(st.lists(st.integers(-60_000, 300_000), min_size=1, max_size=8))
def test_occlusion_and_disconnect_never_stand_together(levels: list[int]) -> None:
    """OCC-06: and below the pocket's pressure a sensor is blamed, not the catheter."""
    probe = Probe()
    for level in levels:
        for _ in range(120):
            c = probe.feed(level)
            assert sum((c.occlusion.stands, c.off, c.impossible.stands)) <= 1
        if not catheters.P_DISC_PA - 500 <= level <= catheters.P_PARTIAL_PA + 500:
            state = State(configuration=CONFIGURATION, flow=FORWARD, catheter=c)
            told = dict(zip(ORDER, evaluate(state, 0), strict=True))
            high = told[AlarmId.PARTIAL_OCCLUSION]
            assert high or told[AlarmId.CATHETER_DISCONNECT] or told[AlarmId.SENSOR_CONFLICT]


def test_reverse_flow_is_told_with_the_second_sample(probe: Probe) -> None:
    """FLW-12: surely negative, twice."""
    flows = (BACKWARD, BACKWARD, None, UNCERTAIN, FORWARD, BACKWARD, UNCERTAIN, BACKWARD)
    told = [probe.feed(12_400, flow).reverse for flow in flows]
    assert told == [False, True, True, True, False, False, False, False]


def test_a_reset_does_not_count_as_the_first_of_two(probe: Probe) -> None:
    """FLW-12, ALM-09."""
    again = Probe()
    again.catheter.load(probe.catheter.save())
    assert [again.feed(12_400, BACKWARD).reverse for _ in range(2)] == [False, True]


def test_an_injection_is_told_with_the_second_sample(probe: Probe) -> None:
    """RES-12."""
    assert not probe.feed(25_000).injection
    assert probe.feed(25_000).injection
    assert not probe.feed(12_400).injection


def test_an_injection_whose_first_sample_was_doubted_is_told_as_soon(probe: Probe) -> None:
    """RES-12: the screen holds back the first sample of a jump."""
    assert not probe.feed(None, held=True).injection
    assert probe.feed(60_000).injection


def test_a_surge_after_a_missing_sample_is_no_injection_yet(probe: Probe) -> None:
    """RES-12: only a sample that was held to be confirmed counts."""
    probe.feed(None)
    assert not probe.feed(25_000).injection
    assert probe.feed(25_000).injection


def test_while_a_refill_is_under_way_one_sample_tells_an_injection(probe: Probe) -> None:
    """RES-12: a hand can be through with it in a minute."""
    needed = catheters.REFILL_SURGE_SAMPLES
    assert probe.feed(25_000, surge_samples=needed).injection
    assert not probe.feed(12_400, surge_samples=needed).injection
    assert not probe.feed(25_000, level_nl=24_000_000, surge_samples=needed).injection


def test_a_needle_that_withdrew_in_that_minute_hides_no_injection(probe: Probe) -> None:
    """RES-12."""
    needed = catheters.REFILL_SURGE_SAMPLES
    assert probe.feed(25_000, level_nl=600_000, surge_samples=needed).injection


@pytest.mark.parametrize("reservoir_pa", [USUAL.reservoir_pressure_pa, None])
def test_behind_a_clot_a_stiff_catheter_climbs_fast(probe: Probe, reservoir_pa: int | None) -> None:
    """OCC-07, RES-12: what rises faster than that, or above the reservoir's, is an injection."""
    told = [
        probe.feed(gauge_pa, climb_pa=15_000, reservoir_pa=reservoir_pa).injection
        for gauge_pa in (27_000, 41_000, 55_000, 80_000, 110_000)
    ]
    assert told == [False, False, False, False, True]


def test_a_catheter_that_does_not_yield_is_at_the_reservoirs_pressure_at_once(
    probe: Probe,
) -> None:
    """OCC-07, RES-12: above it by more than noise nothing but a syringe brings it."""
    above_pa = (USUAL.reservoir_pressure_pa or 0) - POCKET_PA
    for _ in range(3):
        assert not probe.feed(above_pa, climb_pa=700_000).injection
    other = Probe()
    other.feed(12_400)
    for _ in range(2):
        told = other.feed(above_pa + 9_000, climb_pa=700_000).injection
    assert told


def test_a_declared_flush_is_no_injection_unless_it_goes_on(probe: Probe) -> None:
    """RES-12."""
    for _ in range(catheters.FLUSH_SAMPLES - 1):
        assert not probe.feed(25_000, surge_samples=catheters.FLUSH_SAMPLES).injection
    assert probe.feed(25_000, surge_samples=catheters.FLUSH_SAMPLES).injection


def test_a_surge_while_the_reservoir_is_filled_is_no_injection_past_it(probe: Probe) -> None:
    """RES-12: fill level unchanged is part of the signature."""
    probe.feed(25_000, level_nl=22_000_000)
    assert not probe.feed(25_000, level_nl=24_000_000).injection


def test_nobody_injects_for_hours(probe: Probe) -> None:
    told = [probe.feed(40_000).injection for _ in range(catheters.MAX_SURGE + 5)]
    assert told[10]
    assert not told[-1]


def test_a_release_is_seen_once_and_only_after_an_occlusion(probe: Probe) -> None:
    """OCC-03."""
    probe.feed(25_000)
    assert not probe.feed(12_400).released_pa  # the end of a flush
    for _ in range(40):
        probe.feed(60_000)
    assert probe.feed(13_000).released_pa == 47_000
    assert not probe.feed(12_400).released_pa
    assert not probe.catheter.occlusion.stands


def test_stored_volume_follows_pressure_and_compliance(probe: Probe) -> None:
    """OCC-04: a healthy catheter stores nothing beyond its own."""
    assert probe.catheter.stored_nl(1_000) == 0
    for _ in range(100):
        probe.feed(120_000)
    assert probe.catheter.stored_nl(1_000) == pytest.approx(100_000, rel=0.01)
    assert probe.catheter.stored_nl(0) == 0


def test_after_a_gap_the_mean_starts_anew(probe: Probe) -> None:
    """SEN-09."""
    for _ in range(10):
        probe.feed(None)
    assert not probe.feed(60_000).injection
    assert probe.catheter.scaled_mean == 60_000 << catheters.SCALE


@pytest.mark.parametrize(
    ("condition", "limit_pa", "beyond_pa", "minutes"),
    [
        ("occlusion", catheters.P_OCC_PA, 1, 10),
        ("partial", catheters.P_PARTIAL_PA, 1, 60),
        ("disconnect", catheters.P_DISC_PA, -1, 60),
        ("impossible", catheters.P_IMPOSSIBLE_PA, -1, 10),
    ],
)
def test_a_limit_of_the_catheter_is_none_of_its_excess(
    condition: str, limit_pa: int, beyond_pa: int, minutes: int
) -> None:
    """OCC-01, OCC-02, OCC-05, OCC-06: to the pascal, and to the minute."""

    def stands(*course_pa: int | None) -> bool:
        probe = Probe()
        for gauge_pa in course_pa:
            probe.feed(gauge_pa)
        found: bool = getattr(probe.catheter, condition).stands
        return found

    beyond = [limit_pa + beyond_pa] * minutes
    assert not stands(*[limit_pa] * (minutes + 5))
    assert not stands(*beyond)
    assert stands(*beyond, beyond[0])
    assert not stands(*beyond, beyond[0], None, None, None, limit_pa)  # the mean begins anew


@pytest.mark.parametrize(("rise_pa", "told"), [(-1, False), (0, True)])
@pytest.mark.parametrize(("risen_nl", "filled"), [(-1, False), (0, True)])
def test_a_surge_and_a_level_that_stays_have_their_bounds(
    probe: Probe, rise_pa: int, risen_nl: int, *, told: bool, filled: bool
) -> None:
    """RES-12: a rise of so much is one; and a level that rose by so much took what came."""
    gauge_pa = 12_400 + catheters.SURGE_PA + rise_pa
    probe.feed(gauge_pa)
    level_nl = 20_000_000 + catheters.FILL_NOT_RISEN_NL + risen_nl
    assert probe.feed(gauge_pa, level_nl=level_nl).injection == (told and not filled)


@pytest.mark.parametrize(("fall_pa", "told"), [(-1, False), (0, True)])
def test_a_release_has_its_bound(probe: Probe, fall_pa: int, *, told: bool) -> None:
    """OCC-03: a fall of so much is one."""
    for _ in range(40):
        probe.feed(60_000)
    fall_pa += catheters.RELEASE_PA
    assert probe.feed(60_000 - fall_pa).released_pa == fall_pa * told


def test_an_occlusion_of_ten_minutes_can_let_go_and_a_shorter_one_was_a_flush() -> None:
    """OCC-03: T_occ, to the minute."""
    for minutes, told in ((10, False), (11, True)):
        probe = Probe()
        for _ in range(minutes - 1):
            probe.feed(25_000)
        assert bool(probe.feed(12_400).released_pa) == told


# ---- any ramp, any posture

POSTURE = st.lists(st.integers(-1_500, 1_500), min_size=1, max_size=12)
"""What lying, standing and coughing add from minute to minute, again and again."""
MEAN_PA = st.integers(8_000, 16_000)
ARTERIES_PA = st.integers(5_800, 18_000) | st.sampled_from([5_800, 18_000])
DRIVING_PA = 234_000


def course(gauges: list[float], posture: list[int]) -> list[tuple[bool, bool, bool]]:
    """(occlusion, partial, off) after each minute, behind an hour at the first pressure."""
    probe, rows = Probe(), []
    for minute, gauge in enumerate([gauges[0]] * 60 + gauges):
        catheter = probe.feed(round(gauge) + posture[minute % len(posture)])
        rows.append((catheter.occlusion.stands, catheter.partial.stands, catheter.off))
    return rows[60:]


def ramp(start: float, end: float, time_constant_min: float, minutes: int) -> list[float]:
    """What a resistance that rose at once makes of the pressure, by compliance."""
    shares = (math.exp(-minute / time_constant_min) for minute in range(minutes))
    return [end - (end - start) * share for share in shares]


@given(mean_pa=MEAN_PA, posture=POSTURE, time_constant_min=st.integers(1, 260))
def test_any_complete_occlusion_is_told_within_the_hour(
    mean_pa: int, posture: list[int], time_constant_min: int
) -> None:
    """OCC-01: up to the default compliance, from any artery; and not before T_occ above P_occ."""
    gauges = ramp(mean_pa, mean_pa + DRIVING_PA, time_constant_min, 61)
    told = [row[0] for row in course(gauges, posture)]
    above = next(minute for minute, gauge in enumerate(gauges) if gauge > 30_000 - 1_500)
    assert True in told
    assert told.index(True) >= above + 10


@given(
    mean_pa=MEAN_PA,
    posture=POSTURE,
    ratio=st.floats(0.25, 4.0),
    time_constant_min=st.floats(1, 260),
)
def test_any_partial_occlusion_is_told_within_its_bound(
    mean_pa: int, posture: list[int], ratio: float, time_constant_min: float
) -> None:
    """OCC-02: a quarter more resistance, or more; its pressure climbs with its share of R C."""
    part = ratio / (1 + ratio)
    gauges = ramp(mean_pa, mean_pa + part * DRIVING_PA, part * time_constant_min, 121)
    told = [row[0] or row[1] for row in course(gauges, posture)]
    assert True in told
    assert told.index(True) >= 10


@given(mean_pa=st.integers(0, 2_000), posture=POSTURE, before_pa=MEAN_PA)
def test_any_disconnect_is_told_after_an_hour_within_two(
    mean_pa: int, posture: list[int], before_pa: int
) -> None:
    """OCC-05: catheter at the pocket's pressure, whatever the posture."""
    told = [row[2] for row in course([float(before_pa)] + [mean_pa] * 120, posture)]
    assert True in told
    assert told.index(True) >= 60


@settings(max_examples=50)
@given(
    means=st.lists(st.tuples(ARTERIES_PA, st.integers(1, 150)), max_size=4),
    posture=POSTURE,
    cough_pa=st.integers(0, 60_000),
    cough_min=st.integers(1, 10),
)
@example(means=[(17_000, 100)], posture=[0], cough_pa=60_000, cough_min=8)
def test_no_artery_nor_cough_is_an_occlusion_or_a_disconnect(
    means: list[tuple[int, int]], posture: list[int], cough_pa: int, cough_min: int
) -> None:
    """OCC-01, OCC-02, OCC-05, OCC-07: hypotension, posture, and ten minutes of anything."""
    gauges = [12_400.0] + [float(mean) for mean, lasts in means for _ in range(lasts)]
    gauges += [gauges[-1] + cough_pa] * cough_min + [gauges[-1]] * 30
    assert not any(any(row) for row in course(gauges, posture))


# ---- environment


def outside(minutes: int, **changed: Any) -> Environment:
    environment = Environment()
    for minute in range(minutes):
        environment.feed(minute * MINUTE, USUAL._replace(**changed), confirmed=True)
    return environment


@pytest.mark.parametrize(
    ("channel", "limit", "error", "minutes"),
    [
        ("temperature_mk", environments.T_HOT_MK, environments.TEMPERATURE_ERROR_MK, 60),
        ("pocket_pressure_pa", environments.P_HIGH_PA, environments.POCKET_ERROR_PA, 10),
        ("pocket_pressure_pa", environments.P_LOW_PA, -environments.POCKET_ERROR_PA, 10),
    ],
)
def test_an_envelope_counts_beyond_the_error_and_after_its_time(
    channel: str, limit: int, error: int, minutes: int
) -> None:
    """ENV-02: threshold and time, one step either way."""
    step = 1 if error > 0 else -1

    def stands(environment: Environment) -> bool:
        conditions = (environment.hot, environment.thin, environment.dense)
        return any(each.stands for each in conditions)

    assert not stands(outside(minutes + 5, **{channel: limit + error}))
    assert not stands(outside(minutes, **{channel: limit + error + step}))
    assert stands(outside(minutes + 1, **{channel: limit + error + step}))


def test_a_sawtooth_never_lasts_long_enough() -> None:
    """ENV-02."""
    environment = Environment()
    for minute in range(600):
        temperature_mk = 313_400 if minute % 50 else 313_000
        sample = USUAL._replace(temperature_mk=temperature_mk)
        environment.feed(minute * MINUTE, sample, confirmed=True)
        assert not environment.hot.stands


@pytest.mark.parametrize(
    ("channel", "beyond", "back"),
    [
        ("temperature_mk", 313_400, (313_100, 313_000, 312_900)),
        ("pocket_pressure_pa", 73_000, (75_300, 76_300, 76_400)),
        ("pocket_pressure_pa", 142_000, (139_700, 138_700, 138_600)),
    ],
)
def test_hysteresis_keeps_a_standing_alarm_through_noise(
    channel: str, beyond: Any, back: tuple[Any, ...]
) -> None:
    """ENV-02, OCC-07: it ends when the truth has surely come back."""
    environment = outside(61, **{channel: beyond})
    envelopes = (environment.hot, environment.thin, environment.dense)
    stands = [any(each.stands for each in envelopes)]
    for minute, value in enumerate(back, 62):
        sample = USUAL._replace(**{channel: value})
        environment.feed(minute * MINUTE, sample, confirmed=True)
        stands.append(any(each.stands for each in envelopes))
    assert stands == [True, True, True, False]
    assert not environment.outside


@given(course=st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(1, 90)), min_size=1))
def test_a_temperature_that_the_pressure_denies_is_a_conflict_and_never_silence(
    course: list[tuple[bool, bool, int]],
) -> None:
    """ENV-02, ENV-05: hot for an hour it is one or the other; confirmed once, it stays a fever."""
    environment, minute, hot_for, fever = Environment(), 0, 0, False
    for hot, confirmed, lasts in course:
        for _ in range(lasts):
            sample = USUAL._replace(temperature_mk=314_150 if hot else 310_150)
            environment.feed(minute * MINUTE, sample, confirmed=confirmed)
            hot_for = hot_for + 1 if hot else 0
            fever = hot_for > 60 and (confirmed or fever)
            assert (environment.fever, environment.denied) == (fever, hot_for > 60 and not fever)
            minute += 1


def test_a_missing_channel_leaves_its_conditions_as_they_are() -> None:
    environment = outside(61, temperature_mk=314_150, pocket_pressure_pa=70_000)
    nothing = USUAL._replace(temperature_mk=None, pocket_pressure_pa=None)
    environment.feed(62 * MINUTE, nothing, confirmed=True)
    assert environment.hot.stands
    assert environment.thin.stands


@pytest.mark.parametrize(
    ("limit_pa", "inwards_pa"), [(environments.P_LOW_PA, 1), (environments.P_HIGH_PA, -1)]
)
def test_estimates_are_sure_inside_the_envelope_only(limit_pa: int, inwards_pa: int) -> None:
    """ENV-02: beyond it they are extrapolated; an alarm needs the sensor's error, too."""
    stays = Environment()
    for minute, pocket_pa in enumerate((limit_pa + inwards_pa * 40_000, limit_pa + inwards_pa)):
        sample = USUAL._replace(pocket_pressure_pa=pocket_pa)
        stays.feed(minute * MINUTE, sample, confirmed=True)
        assert not stays.outside
    error_pa = environments.POCKET_ERROR_PA
    gone = outside(11, pocket_pressure_pa=limit_pa - inwards_pa * (error_pa + 1))
    assert gone.outside
    for minute, back_pa, still in ((12, error_pa - 1, True), (13, error_pa, False)):
        sample = USUAL._replace(pocket_pressure_pa=limit_pa + inwards_pa * back_pa)
        gone.feed(minute * MINUTE, sample, confirmed=True)
        assert (gone.thin.stands or gone.dense.stands) == still


def test_a_pressure_transient_is_told_once() -> None:
    """ENV-04."""
    environment = outside(2)
    told = []
    for minute in range(2, 9):
        pocket_pa = max(POCKET_PA - (minute - 1) * 7_000, 70_000)
        sample = USUAL._replace(pocket_pressure_pa=pocket_pa)
        environment.feed(minute * MINUTE, sample, confirmed=True)
        told.append(environment.transient_pa)
    assert told == [-7_000, 0, 0, 0, 0, 0, 0]


@given(
    steps=st.lists(
        st.integers(-20_000, 20_000)
        | st.sampled_from([side * (5_626 + off) for side in (-1, 1) for off in (-1, 0, 1)]),
        max_size=20,
    )
)
def test_a_transient_is_told_when_it_begins_and_masks_nothing(steps: list[int]) -> None:
    """ENV-04: beyond 5 kPa and two samples' noise in a minute, either way; once for each."""
    environment, pocket_pa, fast = outside(2), POCKET_PA, False
    for minute, step_pa in enumerate(steps, 2):
        pocket_pa += step_pa
        sample = USUAL._replace(pocket_pressure_pa=pocket_pa)
        environment.feed(minute * MINUTE, sample, confirmed=True)
        was, fast = fast, abs(step_pa) > 5_626
        assert environment.transient_pa == (step_pa if fast and not was else 0)


# ---- reservoir pressure against temperature


@pytest.mark.parametrize(("name", "word"), PROPELLANT_WORDS.items())
def test_the_vapour_tables_agree_with_the_reference(name: str, word: Propellant) -> None:
    """SEN-05: between the points too."""
    assert len(VAPOUR_PRESSURE_PA[word]) == 41
    for temperature_mk in range(288_150, 319_000, 333):
        truth = reference_pa(name, temperature_mk / 1e3)
        assert vapour_pressure_pa(word, temperature_mk) == pytest.approx(truth, rel=1e-3)


def checked(
    minutes: int, configuration: Configuration = CONFIGURATION, **changed: Any
) -> CrossCheck:
    check = CrossCheck()
    for minute in range(0, minutes, 10):
        check.feed(minute * MINUTE, USUAL._replace(**changed), configuration)
    return check


@pytest.mark.parametrize("side", [-1, 1])
def test_pressure_and_temperature_must_agree_for_an_hour(side: int) -> None:
    """SEN-03, SEN-05."""
    level_nl, temperature_mk = USUAL.fill_level_nl, USUAL.temperature_mk
    assert level_nl is not None
    assert temperature_mk is not None
    expected_pa = reservoir_pressure_pa(CONFIGURATION, temperature_mk, level_nl)
    agrees = checked(300, reservoir_pressure_pa=expected_pa + side * LIMIT_PA)
    assert agrees == CrossCheck()
    beyond = expected_pa + side * (LIMIT_PA + 1)
    early = checked(60, reservoir_pressure_pa=beyond)
    assert early.doubtful
    assert (early.low.stands, early.high.stands) == (False, False)
    late = checked(70, reservoir_pressure_pa=beyond)
    assert (late.low.stands, late.high.stands) == (side < 0, side > 0)


@pytest.mark.parametrize(
    ("driving_pa", "limit_pa"), [(234_000, 5_000), (66_680, 5_000), (48_500, 3_637), (10, 3_300)]
)
def test_where_little_drives_the_flow_less_is_a_contradiction(
    driving_pa: int, limit_pa: int
) -> None:
    """SEN-03: half the tolerance of the flow, and no less than sound sensors may be off."""
    weak = CONFIGURATION.model_copy(update={"calibration_pressure_pa": driving_pa})
    assert limit_of(weak) == limit_pa
    assert USUAL.temperature_mk is not None
    expected_pa = reservoir_pressure_pa(weak, USUAL.temperature_mk, USUAL.fill_level_nl)
    assert not checked(300, weak, reservoir_pressure_pa=expected_pa - limit_pa).low.stands
    assert checked(300, weak, reservoir_pressure_pa=expected_pa - limit_pa - 1).low.stands


@settings(max_examples=40)
@given(
    ppm_per_day=st.integers(100, 10_000),
    side=st.sampled_from([-1, 1]),
    errors=st.lists(st.integers(-ERRORS_PA, ERRORS_PA), min_size=1, max_size=10)
    | st.sampled_from([[-ERRORS_PA], [ERRORS_PA]]),
)
def test_a_drift_of_any_speed_is_told_between_what_is_sound_and_half_the_tolerance(
    ppm_per_day: int, side: int, errors: list[int]
) -> None:
    """SEN-03: 0.01 to 1 % of the pressure a day, among any errors of sound sensors."""
    check, temperature_mk, level_nl = CrossCheck(), 310_150, 20_000_000
    expected_pa = reservoir_pressure_pa(CONFIGURATION, temperature_mk, level_nl)
    step_pa = max(expected_pa * ppm_per_day / 1e6 / 18, 20.0)  # in 80 minutes, or more slowly
    bias, look = 0.0, 0
    while not (check.low.stands or check.high.stands):
        assert abs(bias) < DRIVING_PA * 0.15 / 2
        bias += side * step_pa
        for _ in range(8):
            look += 1
            pressure_pa = round(expected_pa + bias + errors[look % len(errors)])
            sample = USUAL._replace(
                reservoir_pressure_pa=pressure_pa,
                temperature_mk=temperature_mk,
                fill_level_nl=level_nl,
            )
            check.feed(look * 10 * MINUTE, sample, CONFIGURATION)
    assert abs(bias) > 5_000 - ERRORS_PA - 1
    assert (check.low.stands, check.high.stands) == (side < 0, side > 0)


@pytest.mark.parametrize(
    "changed",
    [
        {"reservoir_pressure_pa": None},
        {"temperature_mk": None},
        {"fill_level_nl": 2_000_000},  # the bellows are at their stop
    ],
)
def test_where_nothing_can_be_said_nothing_is(changed: dict[str, Any]) -> None:
    check = checked(300, **{"reservoir_pressure_pa": 300_000, **changed})
    assert not check.doubtful


@pytest.mark.parametrize(("above_nl", "judged"), [(0, False), (1, True)])
def test_down_to_a_low_reservoir_the_bellows_bear_nothing(above_nl: int, *, judged: bool) -> None:
    """SEN-05: to the nanolitre."""
    level_nl = CONFIGURATION.low_volume_nl + above_nl
    check = checked(300, reservoir_pressure_pa=300_000, fill_level_nl=level_nl)
    assert check.doubtful == judged


def test_an_unknown_propellant_cannot_be_checked() -> None:
    unknown = CONFIGURATION.model_copy(update={"propellant": Propellant.UNKNOWN})
    assert not checked(300, unknown, reservoir_pressure_pa=300_000).doubtful


def test_without_a_fill_level_the_bellows_are_taken_to_be_at_rest() -> None:
    assert not checked(300, fill_level_nl=None).doubtful
    assert checked(300, fill_level_nl=None, reservoir_pressure_pa=330_000).low.stands


# ---- battery


def test_the_stages_come_in_order_and_stay() -> None:
    """The first stage is never skipped, and noise of the whole bound ends none."""
    battery = Battery()
    stages = []
    for minute in range(0, 4_000, 10):
        battery.feed(minute * MINUTE, 2_650 - minute // 10 + (minute // 20) % 2 * 12)
        stages.append((battery.low.stands, battery.end.stands))
    assert stages == sorted(stages)
    assert set(stages) == {(False, False), (True, False), (True, True)}
    battery.feed(5_000 * MINUTE, None)
    assert battery.end.stands


@pytest.mark.parametrize("limit_mv", [batteries.LOW_MV, batteries.END_MV])
def test_a_stage_begins_below_its_limit_by_the_error_and_ends_above_it(limit_mv: int) -> None:
    """To the millivolt, and to the minute."""

    def stands(*course_mv: int) -> bool:
        battery = Battery()
        for minute, battery_mv in enumerate(course_mv):
            battery.feed(minute * MINUTE, battery_mv)
        return (battery.low if limit_mv == batteries.LOW_MV else battery.end).stands

    below_mv = limit_mv - batteries.ERROR_MV - 1
    assert not stands(*[below_mv + 1] * 20)
    assert not stands(*[below_mv] * 10)
    assert stands(*[below_mv] * 11)
    assert stands(*[below_mv] * 11, limit_mv + batteries.ERROR_MV - 1)
    assert not stands(*[below_mv] * 11, limit_mv + batteries.ERROR_MV)


def test_a_short_dip_is_no_stage() -> None:
    battery = Battery()
    battery.feed(0, batteries.END_MV - 100)
    battery.feed(5 * MINUTE, 2_900)
    assert not battery.low.stands
    assert battery.low.since is None


def test_without_a_fill_level_the_surge_alone_tells_an_injection(probe: Probe) -> None:
    """RES-12: what cannot be seen to have moved did not."""
    told = [probe.feed(25_000, level_nl=level).injection for level in (None, None, 20_000_000)]
    assert told == [False, True, True]
