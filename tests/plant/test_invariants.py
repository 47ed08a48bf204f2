"""What holds whatever is done to a plant: it balances, it is finite, and asking moves nothing."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpsim.plant.conditions import CONDITIONS
from pumpsim.plant.ledger import Fluid
from pumpsim.plant.parameters import PatientParameters, PumpParameters
from pumpsim.plant.patient import SECOND_NS
from pumpsim.plant.plant import STEP_NS, Plant

HOUR_NS = 3_600 * SECOND_NS
DAY_NS = 24 * HOUR_NS
FUDR = Fluid((("FUDR", 6_460_000),), 1.014)
SALINE = Fluid((("heparin", 30_000),), 1.014)
GLYCERIN = Fluid((), 8.17)
MAX_PLAUSIBLE_PA = 2_000_000.0

Act = Callable[[Plant, int], object]


def hill(now_ns: int, ramp_ns: int, top: float) -> list[tuple[int, float]]:
    return [(now_ns, 0.0), (now_ns + ramp_ns, top), (now_ns + 3 * ramp_ns, 0.0)]


def filled(seed: int = 1, step_ns: int = STEP_NS, pump: PumpParameters | None = None) -> Plant:
    plant = Plant(pump or PumpParameters(), PatientParameters(), seed, step_ns)
    plant.fill(0, 28_000_000, FUDR, 310.15)
    return plant


def conditions() -> st.SearchStrategy[Act]:
    def at(name: str) -> st.SearchStrategy[Act]:
        limit = CONDITIONS[name]
        some = st.floats(limit.lowest, limit.highest) | st.just(limit.default)
        some = some | st.sampled_from([limit.lowest, limit.highest])
        return some.map(lambda value: lambda plant, now: plant.set_condition(now, name, value))

    return st.sampled_from(sorted(CONDITIONS)).flatmap(at)


FLUIDS = st.sampled_from([FUDR, SALINE, GLYCERIN])
VOLUMES = st.integers(0, 31_000_000)
RAMPS = st.integers(1, 12 * HOUR_NS)
ACTS: st.SearchStrategy[Act] = st.one_of(
    conditions(),
    (VOLUMES | st.none()).map(lambda volume: lambda plant, now: plant.withdraw(now, volume)),
    st.tuples(VOLUMES, FLUIDS, st.floats(270, 325)).map(
        lambda a: lambda plant, now: plant.fill(now, *a)
    ),
    VOLUMES.map(lambda volume: lambda plant, now: plant.fill_pocket(now, volume)),
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
)
PAUSES = st.integers(0, 6 * HOUR_NS) | st.sampled_from([0, 1, STEP_NS - 1, STEP_NS, 30 * STEP_NS])
LIVES = st.lists(st.tuples(PAUSES, ACTS), max_size=8)


def act_at(plant: Plant, act: Act, now_ns: int) -> None:
    """Act, or let the instant pass when the plant refuses."""
    try:
        act(plant, now_ns)
    except ValueError:
        plant.advance(now_ns)


def live(plant: Plant, life: list[tuple[int, Act]], check: Callable[[Plant], None]) -> None:
    """Act after each pause, then let six hours pass."""
    for pause_ns, act in life:
        act_at(plant, act, plant.now_ns + pause_ns)
        check(plant)
    plant.advance(plant.now_ns + 6 * HOUR_NS)
    check(plant)


def sound(plant: Plant) -> None:
    """Balanced, finite, nothing negative, nothing beyond what the pump could hold."""
    ledger = plant.ledger
    assert ledger.balance_fl() == 0
    assert ledger.catheter_fl == sum(plug.volume_fl for plug in ledger.plugs)
    assert all(plug.volume_fl > 0 for plug in ledger.plugs)
    assert min(value for name, value in ledger.accounts().items() if name != "balance_fl") >= 0
    assert ledger.reservoir_fl <= 1.1 * plant.pump.capacity_m3 * 1e18
    state = plant.state
    assert all(math.isfinite(value) for value in asdict(state).values())
    assert state.reservoir_volume_m3 >= 0.0
    assert 0.0 <= state.reservoir_pressure_pa < MAX_PLAUSIBLE_PA
    assert 0.0 <= state.catheter_pressure_pa < MAX_PLAUSIBLE_PA
    assert 273.15 < state.pump_temperature_k < 333.15


@settings(deadline=None, max_examples=60)
@given(LIVES)
def test_any_life_is_sound(life: list[tuple[int, Act]]) -> None:
    live(filled(), life, sound)


@settings(deadline=None, max_examples=30)
@given(LIVES, st.lists(st.integers(1, 6 * HOUR_NS), max_size=30))
def test_asking_in_between_moves_nothing(life: list[tuple[int, Act]], asks: list[int]) -> None:
    plant, asked = filled(), filled()
    now_ns = 0
    for pause_ns, act in [*life, (6 * HOUR_NS, lambda plant, now: plant.advance(now))]:
        for part_ns in sorted(asks):
            if part_ns < pause_ns:
                asked.advance(now_ns + part_ns)
                assert asked.now_ns <= now_ns + part_ns < asked.next_step_ns()
        now_ns += pause_ns
        for one in (plant, asked):
            act_at(one, act, now_ns)
        assert asked.snapshot() == plant.snapshot()


@settings(deadline=None, max_examples=30)
@given(LIVES, LIVES)
def test_a_restored_plant_goes_on_bit_for_bit(
    first: list[tuple[int, Act]], then: list[tuple[int, Act]]
) -> None:
    plant = filled()
    live(plant, first, sound)
    restored = Plant(PumpParameters(), PatientParameters(), seed=1)
    restored.restore(json.loads(json.dumps(plant.snapshot())))
    assert restored.snapshot() == plant.snapshot()
    assert restored.next_step_ns() == plant.next_step_ns()
    live(plant, then, sound)
    live(restored, then, sound)
    assert restored.snapshot() == plant.snapshot()


def test_a_seed_is_a_life_of_its_own() -> None:
    plants = [filled(seed=1), filled(seed=1), filled(seed=2)]
    for plant in plants:
        plant.advance(DAY_NS)
    assert plants[0].snapshot() == plants[1].snapshot()
    assert plants[0].state != plants[2].state


def six_months(step_ns: int) -> Plant:
    """Refills, fevers, flights, a bolus, an occlusion that lets go, and a pump that runs empty."""
    pump = PumpParameters(restrictor_ageing_per_year=0.02)
    plant = filled(step_ns=step_ns, pump=pump)
    plant.inject_bolus(HOUR_NS + 5, 5_000_000, SALINE, 90 * SECOND_NS + 7)
    for visit in range(1, 13):
        now_ns = visit * 14 * DAY_NS + 10 * HOUR_NS + 12_345_678_901
        warm_ns, flight_ns = now_ns - 5 * DAY_NS, now_ns - 3 * DAY_NS
        plant.warm(warm_ns, hill(warm_ns, 7 * HOUR_NS + 31, 2.0))
        plant.climb(flight_ns, hill(flight_ns, 1_999 * SECOND_NS, 2_400.0))
        if visit == 4:
            plant.set_condition(now_ns - 2 * DAY_NS, "catheter_extra_resistance_ratio", 1e6)
            plant.set_condition(now_ns - DAY_NS, "catheter_extra_resistance_ratio", 0.0)
        if visit != 9:  # the missed one
            plant.withdraw(now_ns)
            plant.fill(now_ns + 300 * SECOND_NS, 27_000_000, FUDR if visit % 2 else SALINE)
    plant.advance(182 * DAY_NS)
    return plant


def test_halving_the_step_moves_six_months_by_less_than_a_millionth() -> None:
    coarse, fine = six_months(STEP_NS).ledger, six_months(STEP_NS // 2).ledger
    assert coarse.delivered_fl > 200e12  # about 1.3 mL a day
    assert coarse.delivered_fl != fine.delivered_fl
    assert fine.delivered_fl == pytest.approx(coarse.delivered_fl, rel=1e-6)
    assert fine.doses_ng() == pytest.approx(coarse.doses_ng(), rel=2e-6)
    assert coarse.balance_fl() == fine.balance_fl() == 0
