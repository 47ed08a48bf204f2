"""A stimulus acts at its exact instant, or says why not and leaves no trace, not even a step."""

import math
from collections.abc import Callable

import pytest

from pumpsim.plant.ledger import Fluid
from pumpsim.plant.parameters import PatientParameters, PumpParameters
from pumpsim.plant.plant import Plant

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS
FUDR = Fluid((("FUDR", 6_460_000),), 1.014)
ML_NL = 1_000_000

Act = Callable[[Plant, int], object]


def filled() -> Plant:
    plant = Plant(PumpParameters(), PatientParameters(), seed=1)
    plant.fill(0, 28 * ML_NL, FUDR)
    return plant


def hill(now_ns: int, top: float) -> list[tuple[int, float]]:
    return [(now_ns, 0.0), (now_ns + 1, top), (now_ns + 2, 0.0)]


REFUSALS: dict[str, tuple[Act, str]] = {
    "the past": (lambda p, _: p.withdraw(p.now_ns - 1, 1), "has passed"),
    "a withdrawal of more than there is": (lambda p, t: p.withdraw(t, 29 * ML_NL), "reaches"),
    "a negative withdrawal": (lambda p, t: p.withdraw(t, -1), "cannot withdraw -0.000001 mL"),
    "an overfill": (lambda p, t: p.fill(t, 30 * ML_NL, FUDR), "has room for"),
    "an empty fill": (lambda p, t: p.fill(t, 0, FUDR), "cannot fill 0 mL"),
    "a boiling fill": (lambda p, t: p.fill(t, ML_NL, FUDR, 373.15), "not 373.15"),
    "a fill of nan": (lambda p, t: p.fill(t, ML_NL, FUDR, math.nan), "not nan"),
    "a solid fill": (lambda p, t: p.fill(t, ML_NL, Fluid((), 1e6)), "viscosity_ratio must"),
    "a fill of less than no drug": (
        lambda p, t: p.fill(t, ML_NL, Fluid((("FUDR", -1),))),
        "concentration is below 0",
    ),
    "an empty pocket fill": (lambda p, t: p.fill_pocket(t, 0), "into the pocket"),
    "a bolus of nothing": (lambda p, t: p.inject_bolus(t, 0, FUDR, SECOND_NS), "a bolus takes"),
    "a bolus in no time": (lambda p, t: p.inject_bolus(t, ML_NL, FUDR, 0), "over some time"),
    "a bolus too fast": (
        lambda p, t: p.inject_bolus(t, 50 * ML_NL, FUDR, SECOND_NS // 1_000),
        "inject more slowly",
    ),
    "an unknown condition": (lambda p, t: p.set_condition(t, "rust", 1.0), "'rust' is none of"),
    "an impossible condition": (
        lambda p, t: p.set_condition(t, "restrictor_conductance_factor", math.nan),
        "must lie in 0 to 100, not nan",
    ),
    "a boiling patient": (lambda p, t: p.warm(t, hill(t, 40.0)), "courses together leave"),
    "a flight into space": (lambda p, t: p.climb(t, hill(t, 2e4)), "courses together leave"),
    "a dive upwards": (lambda p, t: p.dive(t, hill(t, -5.0)), "courses together leave"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("act", "says"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_says_why_and_leaves_no_trace(act: Act, says: str) -> None:
    plant, untouched = filled(), filled()
    plant.advance(DAY_NS)
    before = plant.snapshot()
    with pytest.raises(ValueError, match=says):
        act(plant, DAY_NS + 17 * SECOND_NS)
    assert plant.snapshot() == before
    plant.advance(2 * DAY_NS)
    untouched.advance(2 * DAY_NS)
    assert plant.snapshot() == untouched.snapshot()


def test_a_second_bolus_waits_for_the_end_of_the_first() -> None:
    plant = filled()
    plant.inject_bolus(0, ML_NL, FUDR, HOUR_NS)
    with pytest.raises(ValueError, match="under way"):
        plant.inject_bolus(HOUR_NS - 1, ML_NL, FUDR, HOUR_NS)
    plant.inject_bolus(HOUR_NS, ML_NL, FUDR, HOUR_NS)
    plant.advance(2 * HOUR_NS)
    dead_fl = round(plant.pump.catheter_volume_m3 * 1e18)
    gauge_fl = 1e6 * (plant.pump.catheter_compliance_m3_per_pa / 1e-12) * 13e3
    assert plant.ledger.injected_fl == pytest.approx(2e12 + dead_fl + gauge_fl, abs=3 * gauge_fl)


def test_what_lies_between_steps_moves_nothing() -> None:
    plant = filled()
    plant.advance(HOUR_NS)
    before = plant.snapshot()
    plant.advance(HOUR_NS + MINUTE_NS - 1)
    assert plant.snapshot() == before
    assert plant.next_step_ns() == HOUR_NS + MINUTE_NS
    plant.advance(plant.next_step_ns())
    assert plant.now_ns == HOUR_NS + MINUTE_NS


def test_an_event_happens_at_its_exact_instant() -> None:
    plant = filled()
    at_ns = HOUR_NS + 12_345_678_901
    plant.set_condition(at_ns, "restrictor_conductance_factor", 0.5)
    assert plant.now_ns == at_ns
    plant.inject_bolus(at_ns, ML_NL, FUDR, 20 * SECOND_NS)
    assert plant.next_step_ns() == at_ns + 20 * SECOND_NS
    plant.advance(at_ns + 20 * SECOND_NS)
    assert plant.injection is None
    assert plant.next_step_ns() == HOUR_NS + MINUTE_NS


@pytest.mark.parametrize("step_ns", [0, -1, 7 * SECOND_NS, 2 * MINUTE_NS])
def test_a_step_that_misses_the_nodes_is_refused(step_ns: int) -> None:
    with pytest.raises(ValueError, match="step_ns must divide"):
        Plant(PumpParameters(), PatientParameters(), 1, step_ns)
