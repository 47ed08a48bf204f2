"""Single runs: what took effect is judged, what did not is inconclusive, and harm is counted."""

from dataclasses import replace
from functools import cache

import pytest

from protocol.vocabulary import AlarmId
from pumpsim.catalogue import CATALOGUE
from pumpsim.catalogue.entry import HOUR_S, SEVERITY, Fault, Severity, at_once
from pumpsim.performance.states import States
from pumpsim.performance.trial import SECOND_NS, Run, Trial, Verdict
from pumpsim.pumpfile import demo

FAST = CATALOGUE["restrictor_fast"]
DAY_NS = 86_400 * SECOND_NS


@cache
def states() -> States:
    return States(demo())


def play(fault: Fault, seed: int = 1, *, beyond: bool = False) -> Trial:
    return Run(states(), fault, seed, beyond=beyond).play()


@pytest.mark.slow
def test_a_fast_restrictor_is_detected_and_its_harm_counted() -> None:
    """FLW-02: within T_over_fill; 30 % too much for that long."""
    trial = play(FAST)
    assert trial.verdict is Verdict.DETECTED
    assert trial.detected_by == "over_infusion"
    assert trial.delay_ns is not None
    hours = trial.delay_ns / (HOUR_S * SECOND_NS)
    assert 2 < hours <= 6
    assert trial.volume_error_nl == pytest.approx(0.30 * hours * 54_167, rel=0.25)
    assert trial.dose_error_percent == pytest.approx(30 * hours / 24, rel=0.25)
    # belief stays behind until the fill level contradicts the pressures, and follows it then
    assert -trial.volume_error_nl < trial.belief_error_nl < -0.5 * trial.volume_error_nl


@pytest.mark.slow
def test_one_seed_gives_one_run_and_another_seed_another() -> None:
    assert play(FAST) == play(FAST)
    phases = {play(FAST, seed).onset_ns % DAY_NS for seed in (1, 2, 3)}
    assert len(phases) == 3


def test_beyond_the_stated_severity_is_drawn_between_stated_and_worst() -> None:
    trial = play(FAST, beyond=True)
    assert trial.beyond
    assert 1.3 < trial.severity < 2.5
    assert play(FAST).severity == 1.3


@pytest.mark.slow
def test_a_detection_after_the_bound_is_late() -> None:
    assert play(replace(FAST, bound_s=4 * HOUR_S)).verdict is Verdict.LATE


def test_what_is_expected_and_never_comes_is_missed() -> None:
    trial = play(replace(FAST, expects=(AlarmId.EMPTY_RESERVOIR,)))
    assert (trial.verdict, trial.delay_ns) == (Verdict.MISSED, None)


def test_a_fault_that_cannot_take_effect_is_inconclusive() -> None:
    condition = {"name": "restrictor_conductance_factor", "value": 1.0}
    healthy = replace(FAST, steps=at_once("plant_condition", **condition), patience_s=HOUR_S)
    trial = play(healthy)
    assert (trial.verdict, trial.why) == (Verdict.INCONCLUSIVE, "did not take effect")


def test_a_heat_that_never_exceeds_the_limit_is_inconclusive() -> None:
    mild = at_once("fever", rise="1 K", ramp="1 h", duration="6 h")
    trial = play(replace(CATALOGUE["fever_40"], steps=mild, severity=None))
    assert trial.verdict is Verdict.INCONCLUSIVE


def test_a_stimulus_that_is_refused_is_inconclusive() -> None:
    needle = replace(CATALOGUE["undeclared_needle"], severity=Severity(25.0, 29.0, "mL"))
    trial = play(needle)
    assert trial.verdict is Verdict.INCONCLUSIVE
    assert "cannot withdraw 25 mL" in trial.why


@pytest.mark.slow
def test_a_visit_that_the_pump_refuses_is_inconclusive() -> None:
    visit = {"kind": "refill", "fill": "usual", "declared_withdrawn": SEVERITY}
    refused = replace(CATALOGUE["wrong_withdrawn_volume"], visit=visit)
    trial = play(refused)
    assert trial.verdict is Verdict.INCONCLUSIVE
    assert "over_capacity" in trial.why


@pytest.mark.slow
def test_an_alarm_that_stood_before_is_no_detection() -> None:
    """A refill is due all the while: who waits for that alarm has tried nothing."""
    due = replace(CATALOGUE["refill_overdue"], expects=(AlarmId.REFILL_DUE,))
    trial = play(due)
    assert trial.verdict is Verdict.INCONCLUSIVE
    assert trial.why == "refill_due stood before"


@pytest.mark.slow
def test_low_comes_while_enough_is_left() -> None:
    """RES-01: with V_low less its margin in the reservoir, and a day later is too late."""
    low = CATALOGUE["low_reservoir_of_a_fast_pump"]
    assert play(low).verdict is Verdict.DETECTED
    assert play(replace(low, margin_below_low_nl=-400_000)).verdict is Verdict.LATE


@pytest.mark.slow
def test_harm_of_a_visit_counts_from_its_first_act() -> None:
    """RES-07: 28 mL are in the tissue before anything is declared."""
    trial = play(CATALOGUE["pocket_fill"])
    assert trial.volume_error_nl == pytest.approx(28_000_000, rel=0.01)


@pytest.mark.slow
def test_harm_of_a_visit_counts_until_it_was_told() -> None:
    """RES-12: the hand went on pressing, and knew better by then."""
    trial = play(CATALOGUE["refill_bolus_path"])
    assert 1_000_000 < trial.volume_error_nl < 14_000_000
