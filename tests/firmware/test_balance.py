"""The balance since the refill: sound while sensors keep their word, and sure to tell at last."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.vocabulary import AlarmId, Cause, Quality
from pumpsim.firmware.balance import MEAN_ERROR_NL, Balance
from pumpsim.firmware.fill import DRIFT_NL_PER_H
from pumpsim.stimuli import HOUR
from tests.firmware.bench import MINUTE
from tests.firmware.test_estimates import DAY, act, alarms, causes, implanted

FLOW_ERROR = 1_350
BUCKET = 10 * MINUTE
SIDES = st.sampled_from([-1, 0, 1])
STRETCHES = st.lists(
    st.tuples(
        st.integers(1, 200),  # means
        SIDES,  # where the flow lies within its error
        SIDES,  # where the drift goes
        st.lists(st.integers(-MEAN_ERROR_NL, MEAN_ERROR_NL), min_size=1, max_size=4),
        st.sampled_from(["goes on", "pause", "reset"]),
    ),
    min_size=1,
    max_size=6,
)


class Course:
    """A balance fed with means whose errors are chosen."""

    def __init__(self) -> None:
        self.balance, self.at, self.sum_nl = Balance(), 0, 25_000_000.0

    def run(self, means: int, leak: float, errors: list[int], drift: int = 0) -> list[int]:
        told = []
        for number in range(means):
            self.at += BUCKET
            self.sum_nl -= (leak + drift * DRIFT_NL_PER_H) / 6
            read_nl = int(self.sum_nl) + errors[number % len(errors)]
            self.balance.add(self.at, read_nl, FLOW_ERROR)
            told.append(self.balance.side)
        return told

    def end(self, how: str) -> None:
        if how == "pause":
            self.balance.pause()
        elif how == "reset":
            kept, self.balance, self.at = self.balance.save(), Balance(), 0
            self.balance.load(kept)


@given(st.lists(st.integers(-200_000, 200_000), min_size=4, max_size=12), st.integers(2, 10))
def test_a_record_that_is_read_late_adds_up_with_this_life(sums_nl: list[int], cut: int) -> None:
    """ALM-09, FLW-06: it is the same whether the stretch before is known first or last."""
    before, late, early = Balance(), Balance(), Balance()
    for at, sum_nl in enumerate(sums_nl[:cut]):
        before.add(at * BUCKET, sum_nl, FLOW_ERROR)
    early.load(before.save())
    for balance in (early, late):
        for at, sum_nl in enumerate(sums_nl[cut:]):
            balance.add(at * BUCKET, sum_nl, FLOW_ERROR)
    late.load(before.save())
    assert late.save()[:2] == early.save()[:2]
    assert abs(late.side) >= abs(before.side)


@pytest.mark.parametrize("how", ["pause", "reset"])
def test_what_was_found_stands_after_the_stretch_that_told_it(how: str) -> None:
    """FLW-06, ALM-09: what is gone does not come back by a gap, though no more goes."""
    run = Course()
    assert run.run(12, 6 * 40_000, [0])[-1] == 1
    run.end(how)
    assert run.run(200, 0, [0])[0] == 1
    assert run.balance.save()[0] == 11 * 40_000


@given(STRETCHES)
def test_what_the_errors_can_make_is_never_told(
    course: list[tuple[int, int, int, list[int], str]],
) -> None:
    """FLW-06, OCC-07: U_total holds whatever noise, drift and flow error there may be."""
    run = Course()
    for means, side, drift, errors, end in course:
        assert not any(run.run(means, side * FLOW_ERROR, errors, drift))
        run.end(end)


@pytest.mark.slow
@given(course=STRETCHES, side=st.sampled_from([-1, 1]))
def test_thrice_the_error_is_told_at_last_and_stays(
    course: list[tuple[int, int, int, list[int], str]], side: int
) -> None:
    """FLW-06: over any gaps and resets; noise does not end it."""
    run = Course()
    for means, *_, errors, end in course:
        run.run(means, side * 3 * FLOW_ERROR, errors)
        run.end(end)
    stood = run.balance.side
    assert stood in {0, side}
    told = run.run(1_500, side * 3 * FLOW_ERROR, [MEAN_ERROR_NL, -MEAN_ERROR_NL])
    assert set(told) <= {0, side}
    assert told[-1] == side
    if not stood:
        assert set(told[told.index(side) :]) == {side}


def test_it_ends_when_the_other_way_has_made_up_for_it() -> None:
    run = Course()
    assert run.run(600, 4_000, [0])[-1] == 1
    told = run.run(2_000, -8_000, [0])
    assert told.index(0) < told.index(-1)


def test_a_stretch_that_ends_leaves_the_noise_of_its_two_ends() -> None:
    """FLW-06: to the error of what it left unexplained."""
    balance = Balance()
    balance.add(0, 0, 0)
    balance.add(0, -7, 0)
    error_nl = balance.error_nl
    balance.pause()
    assert (balance.carried_nl, balance.error_nl) == (7, error_nl + 2 * MEAN_ERROR_NL)


@pytest.mark.parametrize("side", [1, -1])
def test_noise_does_not_end_it(side: int) -> None:
    """FLW-06: what is unexplained has to fall by the noise of two means, there and back."""
    balance = Balance()
    beyond_nl = 2 * MEAN_ERROR_NL + 10
    for unexplained_nl in (0, beyond_nl, beyond_nl - 4 * MEAN_ERROR_NL):
        balance.add(0, -side * unexplained_nl, 0)
        assert balance.side == (side if balance.stretch_nl is not None else 0)
    balance.add(0, -side * (beyond_nl - 4 * MEAN_ERROR_NL - 10), 0)
    assert balance.side == 0


@pytest.mark.slow
def test_a_pump_that_is_eight_per_cent_fast_is_told_long_before_the_refill() -> None:
    """FLW-06: a window of 6 h cannot be sure of it, and a reset does not make it unknown."""
    device = implanted()
    act(device, kind="plant_condition", name="restrictor_conductance_factor", value=1.08)
    device.advance(8 * DAY)
    assert AlarmId.BALANCE_FAULT in alarms(device)
    for _ in range(4 * 6):
        if device.now_ns % DAY == 0:
            act(device, kind="power_cycle", cause="brown_out")
        device.advance(device.now_ns + 4 * HOUR)
        assert AlarmId.BALANCE_FAULT in alarms(device)
        assert {Cause.RESTRICTOR_FAST, Cause.SEPTUM_LEAK} <= set(causes(device))
        assert device.beliefs is not None
        flow = device.beliefs.flow_nl_per_h
        assert flow is not None
        assert flow.quality is Quality.DEGRADED
