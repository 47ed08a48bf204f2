"""What holds whatever is done to a plant: it balances, it is finite, and asking moves nothing."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpsim.plant.conditions import CONDITIONS
from pumpsim.plant.held import BOUNDS, approach, ramp
from pumpsim.plant.ledger import Fluid
from pumpsim.plant.parameters import PatientParameters, PumpParameters
from pumpsim.plant.patient import NODE_NS, SECOND_NS
from pumpsim.plant.plant import STEP_NS, Plant

HOUR_NS = 3_600 * SECOND_NS
DAY_NS = 24 * HOUR_NS
FUDR = Fluid((("FUDR", 6_460_000),), 1.014)
SALINE = Fluid((("heparin", 0),), 1.014)
GLYCERIN = Fluid((), 8.17)
MAX_PLAUSIBLE_PA = 3_000_000.0

Act = Callable[[Plant, int], object]
Life = list[tuple[int, Act]]


def hill(now_ns: int, ramp_ns: int, top: float) -> list[tuple[int, float]]:
    return [(now_ns, 0.0), (now_ns + ramp_ns, top), (now_ns + 3 * ramp_ns, 0.0)]


def filled(seed: int = 1, step_ns: int = STEP_NS, pump: PumpParameters | None = None) -> Plant:
    plant = Plant(pump or PumpParameters(), PatientParameters(), seed, step_ns)
    plant.fill(0, 28_000_000, FUDR, 310.15)
    return plant


def settings_of(name: str) -> st.SearchStrategy[Act]:
    default, lowest, highest = CONDITIONS[name]
    values = st.sampled_from([default, lowest, highest]) | st.floats(lowest, highest)
    return values.map(lambda value: lambda plant, now: plant.set_condition(now, name, value))


def aims_of(name: str) -> st.SearchStrategy[tuple[str, float]]:
    lowest, highest = BOUNDS[name]
    beyond = 0.01 * highest
    aims = st.sampled_from([lowest, highest, highest + beyond]) | st.floats(lowest, highest)
    return aims.map(lambda aim: (name, aim))


FLUIDS = st.sampled_from([FUDR, SALINE, GLYCERIN])
VOLUMES = st.integers(0, 31_000_000)
RAMPS = st.integers(1, 12 * HOUR_NS)
SHAPES = RAMPS.map(ramp) | st.integers(1, 2 * HOUR_NS).map(approach)
ACTS: st.SearchStrategy[Act] = st.one_of(
    st.sampled_from(sorted(CONDITIONS)).flatmap(settings_of),
    (VOLUMES | st.none()).map(lambda volume: lambda plant, now: plant.withdraw(now, volume)),
    st.tuples(VOLUMES, FLUIDS, st.floats(270, 325)).map(
        lambda a: lambda plant, now: plant.fill(now, *a)
    ),
    VOLUMES.map(lambda volume: lambda plant, now: plant.fill_pocket(now, volume)),
    VOLUMES.map(lambda volume: lambda plant, now: plant.fill_gas(now, volume)),
    st.tuples(VOLUMES, FLUIDS, st.integers(0, HOUR_NS)).map(
        lambda a: lambda plant, now: plant.inject_bolus(now, *a)
    ),
    st.tuples(RAMPS, st.floats(-10, 10)).map(
        lambda a: lambda plant, now: plant.warm(now, hill(now, *a))
    ),
    st.tuples(RAMPS, st.floats(-900, 9_900)).map(
        lambda a: lambda plant, now: plant.climb(now, hill(now, *a))
    ),
    st.tuples(RAMPS, st.floats(0, 1_100_000)).map(
        lambda a: lambda plant, now: plant.dive(now, hill(now, *a))
    ),
    st.tuples(st.sampled_from(sorted(BOUNDS)).flatmap(aims_of), SHAPES).map(
        lambda a: lambda plant, now: plant.hold(now, *a[0], a[1])
    ),
    st.sampled_from(sorted(BOUNDS)).map(lambda name: lambda plant, now: plant.release(now, name)),
)
PAUSES = st.sampled_from([0, 1, STEP_NS - 1, STEP_NS, 9 * STEP_NS + 7]) | st.integers(
    0, 4 * HOUR_NS
)
LIVES = st.lists(st.tuples(PAUSES, ACTS), max_size=8)


def live(plant: Plant, life: Life, check: Callable[[Plant], object] = lambda _: None) -> None:
    """Let each act happen after its pause; what is refused does not happen."""
    now_ns = plant.now_ns
    for pause_ns, act in life:
        now_ns += pause_ns
        attempt(plant, act, now_ns)
        check(plant)
    plant.advance(now_ns + HOUR_NS)
    check(plant)


def attempt(plant: Plant, act: Act, now_ns: int) -> None:
    plant.advance(now_ns)
    before = plant.snapshot()
    try:
        act(plant, now_ns)
    except ValueError:
        assert plant.snapshot() == before


def sound(plant: Plant) -> None:
    """Balanced, finite, nothing negative, nothing beyond what the pump could hold."""
    ledger, state = plant.ledger, plant.state
    assert ledger.balance_fl() == 0
    assert ledger.catheter_fl == sum(plug.volume_fl for plug in ledger.plugs)
    assert min(ledger.accounts().values()) >= 0
    liquid_m3 = ledger.reservoir_fl / 1e18
    assert liquid_m3 <= state.reservoir_volume_m3 <= 1.1 * plant.pump.capacity_m3
    assert (state.reservoir_volume_m3 == liquid_m3) == (ledger.gas_fl == 0)
    assert all(math.isfinite(value) for value in asdict(state).values())
    assert 0.0 <= state.reservoir_pressure_pa < MAX_PLAUSIBLE_PA
    assert 0.0 <= state.catheter_pressure_pa < MAX_PLAUSIBLE_PA
    assert 273.15 < state.pump_temperature_k < 333.15


@settings(deadline=None, max_examples=60)
@given(LIVES)
def test_any_life_is_sound(life: Life) -> None:
    live(filled(), life, sound)


@settings(deadline=None, max_examples=25)
@given(LIVES, st.lists(st.integers(0, 4 * HOUR_NS), max_size=30))
def test_asking_in_between_moves_nothing(life: Life, asks: list[int]) -> None:
    plant, asked = filled(), filled()
    now_ns = 0
    for pause_ns, act in life:
        for part_ns in sorted(asks):
            asked.advance(now_ns + min(part_ns, pause_ns))
        now_ns += pause_ns
        attempt(plant, act, now_ns)
        attempt(asked, act, now_ns)
        assert asked.snapshot() == plant.snapshot()


@settings(deadline=None, max_examples=25)
@given(LIVES, LIVES)
def test_a_restored_plant_goes_on_bit_for_bit(first: Life, then: Life) -> None:
    plant = filled()
    live(plant, first)
    restored = Plant(PumpParameters(), PatientParameters(), seed=1)
    restored.restore(json.loads(json.dumps(plant.snapshot())))
    assert restored.snapshot() == plant.snapshot()
    assert restored.next_step_ns() == plant.next_step_ns()
    live(plant, then)
    live(restored, then)
    assert restored.snapshot() == plant.snapshot()


def test_a_seed_is_a_life_of_its_own() -> None:
    plants = [filled(seed=1), filled(seed=1), filled(seed=2)]
    for plant in plants:
        plant.advance(DAY_NS)
    assert plants[0].snapshot() == plants[1].snapshot()
    assert plants[0].state != plants[2].state


def test_events_split_steps_and_nothing_else_does() -> None:
    plant = filled()
    start_ns, end_ns = 10 * STEP_NS + 17, 11 * STEP_NS + 19
    plant.inject_bolus(start_ns, 1_000_000, SALINE, end_ns - start_ns)
    assert plant.now_ns == start_ns
    assert plant.next_step_ns() == 11 * STEP_NS
    plant.advance(11 * STEP_NS)
    assert plant.next_step_ns() == end_ns
    plant.advance(end_ns - 1)
    assert plant.now_ns == 11 * STEP_NS
    plant.advance(end_ns)
    assert plant.now_ns == end_ns
    assert plant.injection is None
    assert plant.next_step_ns() == 12 * STEP_NS
    primed_fl = plant.ledger.injected_fl - 1_000_000 * 10**6
    assert primed_fl == filled().ledger.injected_fl  # all of it went in, to the femtolitre


@pytest.mark.parametrize("step_ns", [0, -1, 7 * SECOND_NS, 2 * STEP_NS])
def test_a_step_that_could_meet_a_corner_is_refused(step_ns: int) -> None:
    assert NODE_NS % STEP_NS == 0
    with pytest.raises(ValueError, match="step_ns"):
        Plant(PumpParameters(), PatientParameters(), 1, step_ns)


def six_months(step_ns: int) -> Plant:
    """A course with refills, fevers, flights, an occlusion that lets go, and a missed refill."""
    pump = PumpParameters(restrictor_ageing_per_year=0.02, charge_loss_per_year=0.02)
    plant = filled(step_ns=step_ns, pump=pump)
    plant.inject_bolus(HOUR_NS + 5, 5_000_000, SALINE, 90 * SECOND_NS + 7)
    for visit in range(1, 13):
        now_ns = visit * 14 * DAY_NS + 10 * HOUR_NS + 12_345_678_901
        warm_ns, climb_ns = now_ns - 5 * DAY_NS, now_ns - 3 * DAY_NS
        plant.warm(warm_ns, hill(warm_ns, 7 * HOUR_NS + 31, 2.0))
        plant.climb(climb_ns, hill(climb_ns, 1_999 * SECOND_NS, 2_400.0))
        if visit == 4:
            plant.set_condition(now_ns - 2 * DAY_NS, "catheter_extra_resistance_ratio", 1e6)
            plant.set_condition(now_ns - DAY_NS, "catheter_extra_resistance_ratio", 0.0)
        if visit != 9:  # the missed one: the pump runs empty
            plant.withdraw(now_ns)
            plant.fill(now_ns + 5 * 60 * SECOND_NS, 27_000_000, FUDR if visit % 2 else SALINE)
    plant.advance(182 * DAY_NS)
    return plant


@pytest.mark.slow
def test_halving_the_step_moves_six_months_by_less_than_a_millionth() -> None:
    coarse, fine = six_months(STEP_NS), six_months(STEP_NS // 2)
    sound(coarse)
    whole_fl = coarse.ledger.delivered_fl
    assert whole_fl > 200e12  # about 1.3 mL a day
    assert fine.ledger.delivered_fl == pytest.approx(whole_fl, rel=1e-6)
    assert fine.ledger.doses_ng()["FUDR"] == pytest.approx(
        coarse.ledger.doses_ng()["FUDR"], rel=1e-6
    )
