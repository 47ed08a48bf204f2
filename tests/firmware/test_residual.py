"""What is left while no level tells it: never more than there is, and told in time all the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import messages as m
from protocol.control import Interval
from protocol.vocabulary import AlarmId, Quality, RefillReason
from pumpsim import pumpfile
from pumpsim.device import Device
from pumpsim.firmware.account import Account
from pumpsim.firmware.fill import VOLUME_ERROR_NL
from pumpsim.firmware.residual import Residual
from pumpsim.firmware.state import State
from pumpsim.pumpfile import AlarmSection
from tests.firmware.bench import MINUTE, Bench
from tests.firmware.test_estimates import DAY, act, alarms, contains
from tests.firmware.usual import CONFIGURATION, REFILL

LOW, EMPTY = AlarmId.LOW_RESERVOIR, AlarmId.EMPTY_RESERVOIR
SAMPLES = st.tuples(
    st.integers(1, 60),  # minutes
    st.integers(0, 60_000),  # the flow that is counted
    st.integers(0, 4_000),  # its error
    st.sampled_from([-1, 0, 1]),  # where in it the truth lies
    st.sampled_from([0, 0, 20_000]),  # so much of it is doubted
    st.booleans(),  # a reset follows
)


def per_hour(flow_nl_per_h: int, minutes: int) -> float:
    return flow_nl_per_h * minutes / 60


@given(course=st.lists(SAMPLES, max_size=20), off_nl=st.integers(-VOLUME_ERROR_NL, VOLUME_ERROR_NL))
def test_the_truth_lies_inside_what_is_reckoned(
    course: list[tuple[int, int, int, int, int, bool]], off_nl: int
) -> None:
    """RES-01, SEN-07, RST-02: by whatever errors, and over resets."""
    account, residual, truth_nl = Account(), Residual(), 12_000_000.0
    read_nl = 12_000_000 + off_nl
    last = Interval(read_nl - VOLUME_ERROR_NL, read_nl, read_nl + VOLUME_ERROR_NL, Quality.GOOD)
    residual.begin(last, account)
    for minutes, flow, error, side, doubted, resets in course:
        doubted = min(doubted, flow)
        account.deliver(minutes * MINUTE, flow)
        account.disagree(minutes * MINUTE, doubted)
        residual.widen(minutes * MINUTE, error)
        truth_nl -= per_hour(max(flow - (doubted if side < 0 else 0) + side * error, 0), minutes)
        volume = residual.volume(account)
        assert volume is not None
        assert volume.low <= max(truth_nl, 0) + len(course)
        assert volume.high >= truth_nl - len(course)
        assert volume.low <= volume.estimate <= volume.high
        assert volume.quality is Quality.DEGRADED
        if resets:
            residual = Residual()
            residual.begin(volume, account)


def test_without_any_level_ever_nothing_is_reckoned() -> None:
    residual = Residual()
    residual.doubt()
    assert residual.volume(Account()) is None
    state = State(configuration=CONFIGURATION)
    state.residual.begin(Interval(1, 2, 3, Quality.GOOD), state.account)
    state.lose_numbers()
    assert state.left() is None


@pytest.mark.slow
def test_a_pump_whose_level_died_runs_low_and_empty_in_time() -> None:
    """RES-01, RES-03, RES-04, SEN-07: though the interval would be twice as long."""
    pump = pumpfile.demo().model_copy(
        update={"alarms": AlarmSection.model_validate({"refill_interval": "30 d"})}
    )
    device = Device(pump, 1)
    device.implant()
    act(device, kind="sensor_fault", channel="fill_level_nl", missing=True)
    at_nl: dict[AlarmId, float] = {}
    while device.plant.ledger.reservoir_fl > 1e12:
        if device.now_ns % (7 * DAY) == 3 * DAY:
            act(device, kind="power_cycle", cause="brown_out")
        device.advance(device.now_ns + DAY // 8)
        left_nl = device.plant.ledger.reservoir_fl / 1e6
        assert device.beliefs is not None
        assert device.beliefs.residual_volume_nl is not None
        assert contains(device.beliefs.residual_volume_nl, left_nl)
        for alarm in alarms(device) - set(at_nl):
            at_nl[alarm] = left_nl
    assert 3e6 < at_nl[LOW] < 4.5e6
    assert 1e6 < at_nl[EMPTY] < 2.5e6
    assert at_nl[AlarmId.REFILL_DUE] > at_nl[LOW]


@pytest.mark.parametrize("told", [True, False])
def test_a_refill_ends_low_and_empty_though_no_level_tells(*, told: bool) -> None:
    """RES-05: by what was declared, whether or not anybody knew what had been left."""
    bench = Bench()
    bench.configure()
    bench.run(5)
    bench.run(3, fill_level_nl=900_000)
    assert {LOW, EMPTY} <= set(bench.logic._state.alarms.present())
    bench.run(3 if told else 70, fill_level_nl=None)
    assert bench.ask(m.BeginRefill()) == m.Done()
    refill = REFILL.model_copy(update={"withdrawn_nl": 900_000})
    body = m.CommitRefill(refill=refill, reason=RefillReason.OTHER, previous_refill_id=1)
    assert bench.ask(body) == m.Done(reference=2)
    bench.run(60, fill_level_nl=None)
    assert not {LOW, EMPTY} & set(bench.logic._state.alarms.present())
    volume = bench.logic._state.volume
    assert volume is not None
    assert volume.low <= 28_000_000 - 54_000 <= volume.high
    assert (volume.high > 29_000_000) == (not told)
    bench.run(20)
    assert bench.logic._state.volume is not None
    assert bench.logic._state.volume.quality is Quality.GOOD


@pytest.mark.parametrize("window", [False, True])
def test_after_a_time_that_nothing_tells_there_may_be_nothing_left(*, window: bool) -> None:
    """RES-01, RST-03: neither clock nor level, until a refill is declared."""
    bench = Bench()
    bench.configure()
    bench.run(5)
    bench.run_screened(10, fill_level_nl=None)
    if window:
        bench.ask(m.BeginRefill())
    bench = bench.reset(down_s=12 * 86_400)
    left_nl = bench.level_nl
    for _ in range(2):
        bench.run_screened(1, fill_level_nl=None, rtc_valid=False)
        volume = bench.logic._state.volume
        assert volume is not None
        assert volume.low <= left_nl <= volume.high
        bench = bench.reset()
    bench.run_screened(31, fill_level_nl=None, rtc_valid=False)
    assert {LOW, EMPTY} <= set(bench.logic._state.alarms.present())
    bench.ask(m.BeginRefill())
    refill = REFILL.model_copy(update={"withdrawn_nl": 12_000_000})
    body = m.CommitRefill(refill=refill, reason=RefillReason.OTHER, previous_refill_id=1)
    assert bench.ask(body) == m.Done(reference=2)
    bench.run_screened(5, fill_level_nl=None, rtc_valid=False)
    assert not {LOW, EMPTY} & set(bench.logic._state.alarms.present())


def test_an_unmonitored_pump_may_have_lost_twice_what_is_assumed() -> None:
    """SEN-07, RES-01: neither pressures nor level."""
    bench = Bench()
    bench.configure()
    bench.run(5)
    bench.run(10 * 60, fill_level_nl=None, reservoir_pressure_pa=None)
    volume = bench.logic._state.volume
    assert volume is not None
    known = bench.level_nl - VOLUME_ERROR_NL
    assert volume.low == pytest.approx(known - 2 * 10 * 54_000, abs=5_000)


@pytest.mark.parametrize(("before_nl", "left_nl"), [(None, 0), (0, 0), (900, 0), (5_000, 4_000)])
def test_after_a_refill_there_is_what_was_left_and_what_was_filled(
    before_nl: int | None, left_nl: int
) -> None:
    """RES-01: a syringe draws no more than there is."""
    residual, account = Residual(), Account()
    refill = REFILL.model_copy(update={"withdrawn_nl": 1_000, "filled_nl": 20_000_000})
    residual.declare(before_nl, refill, account, CONFIGURATION.capacity_nl)
    known = residual.volume(account)
    assert known is not None
    assert known.estimate == 20_000_000 + left_nl


def test_what_an_occlusion_holds_has_left_though_another_catheter_is_written() -> None:
    """RES-01, OCC-04: nobody knows what became of it, and the reservoir has it no more."""
    bench = Bench()
    bench.configure()
    bench.run(30)
    bench.run(60, catheter_pressure_pa=180_000)
    assert bench.logic._state.account.held_nl > 0
    bench.run(10, catheter_pressure_pa=180_000, fill_level_nl=None)
    before = bench.status().residual_volume_nl
    longer = CONFIGURATION.model_copy(update={"catheter_volume_nl": 200_000})
    written = bench.ask(m.WriteConfiguration(base_config_id=1, configuration=longer))
    assert written == m.Done(reference=2)
    bench.run(1, catheter_pressure_pa=180_000, fill_level_nl=None)
    after = bench.status().residual_volume_nl
    assert before is not None
    assert after is not None
    assert after.high <= before.high
    assert after.estimate <= before.estimate
