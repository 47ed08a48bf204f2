"""What a needle moved that nobody declared: the fill level tells of it (RES-07)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import messages as m
from protocol.control import Request
from protocol.vocabulary import AlarmId, Priority, Role
from pumpsim import stimuli
from pumpsim.firmware.exchange import ABORTED_NL, STEP_NL, Needle
from tests.firmware.bench import MINUTE, Bench
from tests.firmware.usual import CONFIGURATION
from tests.firmware.visits import NEEDLE, by_level, declared, found, ten_days_on
from tests.lived import lived


@pytest.fixture
def bench() -> Bench:
    return ten_days_on()


# ---- moves outside a window


@pytest.mark.parametrize("moved_nl", [-5_000_000, -260_000, 260_000, 5_000_000])
def test_an_undeclared_move_is_tampering_at_the_second_sample(bench: Bench, moved_nl: int) -> None:
    """RES-07."""
    bench.level_nl += moved_nl
    bench.run(1)
    assert found(bench) == set()
    bench.run(1)
    [tampering] = bench.alarms()
    assert (tampering.alarm, tampering.priority) == (AlarmId.TAMPERING, Priority.HIGH)
    assert tampering.present
    bench.run(10)
    [latched] = bench.alarms()
    assert (latched.occurrence, latched.present) == (tampering.occurrence, False)


@pytest.mark.parametrize("moved_nl", [-240_000, 240_000])
def test_what_noise_and_infusion_move_is_none(bench: Bench, moved_nl: int) -> None:
    """RES-07: the bound of the noise is 95 ul from reading to reading."""
    bench.level_nl += moved_nl
    bench.run(5)
    assert found(bench) == set()


INFUSED_NL = 3 * CONFIGURATION.nominal_flow_nl_per_h
"""In an hour, at most."""


@pytest.mark.parametrize(
    ("minutes", "moved_nl", "suspected"),
    [
        (1, STEP_NL - 1, False),
        (1, STEP_NL, True),
        (1, -STEP_NL - INFUSED_NL // 60 + 1, False),
        (1, -STEP_NL - INFUSED_NL // 60, True),
        (60, -STEP_NL - INFUSED_NL + 1, False),
        (60, -STEP_NL - INFUSED_NL, True),
    ],
)
def test_a_move_is_one_from_its_bound_on(minutes: int, moved_nl: int, *, suspected: bool) -> None:
    """RES-07: to the nanolitre, beyond what the pump may have infused meanwhile."""
    needle = Needle()
    for minute in (0, 1):
        needle.watch(minute * MINUTE, 20_000_000, CONFIGURATION)
    needle.watch((1 + minutes) * MINUTE, 20_000_000 + moved_nl, CONFIGURATION)
    assert needle.suspected == suspected


@pytest.mark.parametrize(("moved_nl", "suspected"), [(-1, False), (0, True)])
def test_a_visit_that_is_aborted_may_move_less_than_its_bound(
    moved_nl: int, *, suspected: bool
) -> None:
    """RES-07: as above."""
    needle = Needle()
    for minute in (0, 1):
        needle.watch(minute * MINUTE, 20_000_000, CONFIGURATION)
    needle.aborted()
    needle.watch(2 * MINUTE, 20_000_000 + ABORTED_NL + moved_nl, CONFIGURATION)
    assert needle.suspected == suspected


NOISE = st.integers(-47_500, 47_500)


@given(
    noise=st.lists(NOISE, min_size=2, max_size=60),
    flow_nl=st.integers(0, 3 * 900),
    step=st.sampled_from([1, 10, 60, 300]),
)
def test_noise_is_no_needle(noise: list[int], flow_nl: int, step: int) -> None:
    """RES-07: for any noise within its bound, and any flow, none at all included."""
    needle = Needle()
    for number, error_nl in enumerate(noise):
        minute = number * step
        level_nl = max(20_000_000 - flow_nl * minute, 0) + error_nl
        needle.watch(minute * MINUTE, level_nl, CONFIGURATION)
        assert not needle.suspected
    assert needle.tampering_until == 0


@given(
    before=st.lists(NOISE, min_size=2, max_size=30),
    noise=st.lists(NOISE, min_size=60, max_size=60),
    filled_nl=st.integers(10_000, 2_000_000),
)
def test_a_rise_that_adds_up_is_a_needle_however_slow(
    before: list[int], noise: list[int], filled_nl: int
) -> None:
    """RES-07: told once it exceeds the noise, and one sample confirms it."""
    needle, level_nl, risen_nl = Needle(), 10_000_000, 0
    for minute, error_nl in enumerate([*before, *noise]):
        level_nl += filled_nl * (minute >= len(before))
        needle.watch(minute * MINUTE, level_nl + error_nl, CONFIGURATION)
        if needle.tampering_until:
            break
        risen_nl = level_nl - 10_000_000
    assert risen_nl <= 250_000 + 2 * 47_500 + 2 * filled_nl


def test_what_a_needle_left_is_known_at_once() -> None:
    """RES-07: a refill that begins with the sample that told of it begins from its level."""
    needle = Needle()
    for minute, level_nl in enumerate([10_000_000, 10_000_000, 9_000_000, 9_000_000]):
        needle.watch(minute * MINUTE, level_nl, CONFIGURATION)
    assert needle.tampering_until
    assert needle.residual_nl(3 * MINUTE) == 9_000_000


def test_a_slow_needle_is_told_and_leaves_no_flow_stop_behind(bench: Bench) -> None:
    """RES-07: 8.6 ml at 240 ul a minute; the slopes begin anew when it is out."""
    level_nl = bench.level_nl
    for minute in range(36):
        bench.run_screened(1, fill_level_nl=level_nl + 240_000 * minute)
    assert found(bench) == {AlarmId.TAMPERING}
    bench.level_nl = level_nl + 240_000 * 35
    bench.run_screened(7 * 60)
    assert bench.raised() == [AlarmId.TAMPERING]


@pytest.mark.parametrize("artefact_nl", [-240_000, 240_000])
def test_a_lone_low_reading_is_no_level_from_which_the_next_has_risen(
    bench: Bench, artefact_nl: int
) -> None:
    """RES-07: one sample out of line is the sensor's own affair."""
    for _ in range(5):
        bench.run_screened(1, fill_level_nl=bench.level_nl + artefact_nl)
        for error_nl in (0, 47_500, 47_500, 0):
            bench.run_screened(1, fill_level_nl=bench.level_nl + error_nl)
    assert found(bench) == set()


def test_one_sample_out_of_line_is_the_sensors_affair(bench: Bench) -> None:
    """RES-07: a spike, again and again, is no needle."""
    for _ in range(5):
        bench.run(1, fill_level_nl=bench.level_nl + 5_000_000)
        bench.run(3)
    assert found(bench) == set()


def test_a_spike_right_after_a_refill_is_no_needle() -> None:
    """RES-07: one reading alone is no level to hold the next one against."""
    needle = Needle()
    needle.committed(0, by_level(15_000_000), declared(14_400_000))
    for minute, level_nl in enumerate((33_000_000, 28_600_000, 28_599_000, 28_598_000)):
        needle.watch(minute * MINUTE, level_nl, CONFIGURATION)
    assert needle.tampering_until == 0
    assert needle.level_nl == 28_598_000


def test_a_gap_in_the_level_holds_what_was_infused_meanwhile(bench: Bench) -> None:
    """RES-07: eight hours without the sensor, and then it reads what is left."""
    bench.run(8 * 60, fill_level_nl=None)
    bench.level_nl -= 8 * 54_000
    bench.run(8)  # a channel that was lost is trusted again after five
    assert found(bench) == set()
    bench.run(8 * 60, fill_level_nl=None)
    bench.level_nl += 300_000
    bench.run(8)
    assert found(bench) == {AlarmId.TAMPERING}


def test_only_a_rise_tells_of_a_needle_while_the_pump_was_off(bench: Bench) -> None:
    """RES-07, RST-03: nobody can tell how long it infused."""
    bench.ask(m.RunSelfTest())
    for moved_nl, expected in ((-900_000, set()), (900_000, {AlarmId.TAMPERING})):
        again = Bench(bench.memory)
        again.level_nl = bench.level_nl + moved_nl
        again.run(1)
        assert found(again) == set()
        again.run(1)
        assert found(again) == expected


# ---- windows without a refill


@pytest.mark.parametrize("ended", ["aborted", "by itself"])
@pytest.mark.parametrize(
    ("moved_nl", "expected"), [(490_000, 0), (-490_000, 0), (540_000, 1), (-5_000_000, 1)]
)
def test_a_window_without_a_refill_must_leave_the_level_alone(
    bench: Bench, ended: str, moved_nl: int, expected: int
) -> None:
    """RES-07, FLW-08: half a millilitre is what a needle may cost."""
    assert bench.ask(m.BeginRefill()) == m.Done()
    bench.run(3)
    bench.level_nl += moved_nl
    if ended == "aborted":
        bench.run(3)
        assert bench.ask(m.AbortRefill()) == m.Done()
    else:
        bench.run(27)
    assert found(bench) == set()
    bench.run(5)
    assert len(found(bench)) == expected
    assert found(bench) <= {AlarmId.TAMPERING}


# ---- on a real pump


class Room:
    """A device ten days after its implantation, a programmer's requests, and syringes."""

    def __init__(self) -> None:
        self.device = lived(10, seed=3)
        assert self.told() == set()

    def pass_minutes(self, minutes: int) -> None:
        self.device.advance(self.device.now_ns + minutes * 60 * 10**9)

    def do(self, kind: str, **fields: Any) -> dict[str, int]:
        stimulus = stimuli.ADAPTER.validate_python({"kind": kind, **fields})
        return self.device.stimulate(self.device.now_ns + 10**9, stimulus)

    def ask(self, body: m.Body) -> m.Reply:
        return self.device.ask_logic(Request(body, Role.CLINICIAN, 1))

    def told(self) -> set[AlarmId]:
        page = self.ask(m.ListAlarms(after_occurrence=0))
        assert isinstance(page, m.AlarmList)
        return {alarm.alarm for alarm in page.alarms} & NEEDLE


LIQUID = {"drug": "FUDR", "concentration": "6.46 mg/mL"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("withdraws", "fills", "declares", "expected"),
    [
        (True, "fill", 28_000_000, set()),
        (True, "fill", 23_000_000, {AlarmId.REFILL_DISCREPANCY}),  # 20 % typed wrong
        (True, "fill_pocket", 28_000_000, {AlarmId.POCKET_FILL}),
        (False, None, 28_000_000, {AlarmId.POCKET_FILL}),
        (True, "fill", None, {AlarmId.TAMPERING}),  # begun, and aborted
        (True, None, None, {AlarmId.TAMPERING}),
        (False, None, None, set()),
    ],
)
@pytest.mark.parametrize("pause", [0, 2])
def test_a_visit_that_was_begun(
    withdraws: bool,  # noqa: FBT001
    fills: str | None,
    declares: int | None,
    expected: set[AlarmId],
    pause: int,
) -> None:
    """RES-07: syringe and declaration, on and off, in one minute or in several."""
    room = Room()
    assert room.ask(m.BeginRefill()) == m.Done()
    withdrawn_nl = 14_400_000
    if withdraws:
        withdrawn_nl = room.do("withdraw")["withdrawn_nl"]
    room.pass_minutes(pause)
    if fills is not None:
        room.do(fills, volume="28 mL", **(LIQUID if fills == "fill" else {}))
    room.pass_minutes(pause)
    if declares is None:
        assert room.ask(m.AbortRefill()) == m.Done()
    else:
        refill = declared(withdrawn_nl, declares)
        assert isinstance(room.ask(m.CommitRefill(refill=refill)), m.Done)
    room.pass_minutes(2)
    assert room.told() == expected
    room.pass_minutes(3 * 24 * 60)
    assert room.told() == expected


@pytest.mark.parametrize("kind", ["withdraw", "fill"])
def test_a_syringe_without_a_word_is_tampering(kind: str) -> None:
    """RES-07: within two samples."""
    room = Room()
    room.do(kind, volume="2 mL", **(LIQUID if kind == "fill" else {}))
    room.pass_minutes(2)
    assert room.told() == {AlarmId.TAMPERING}


def test_a_window_that_was_forgotten_tells_what_the_needle_did() -> None:
    """RES-07, FLW-08."""
    room = Room()
    room.ask(m.BeginRefill())
    room.do("withdraw")
    room.pass_minutes(29)
    assert room.told() == set()
    room.pass_minutes(5)
    assert room.told() == {AlarmId.TAMPERING}
