"""The fence around control logic (RST-11): each way to break the contract has its name."""

import sys
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.testing.strategies import largest
from protocol import messages as m
from protocol.control import (
    NOTHING,
    TICK_BITS,
    Actuation,
    Beliefs,
    ControlLogic,
    Event,
    Interval,
    Kept,
    Outcome,
    PowerLostError,
    Readings,
    Request,
)
from protocol.guard import (
    MAX_FAULT_DETAIL,
    MAX_ITEMS,
    FirmwareFaultError,
    Guard,
    made,
    restart_cause,
)
from protocol.memory import RamMemory
from protocol.messages import MESSAGES
from protocol.vocabulary import (
    AlarmId,
    EventKind,
    FirmwareFault,
    Priority,
    Quality,
    Refusal,
    ResetCause,
    Role,
    Sounder,
)

READINGS = Readings(1, None, None, None, None, None, None, None, None, rtc_valid=False)
REQUEST = Request(m.BeginRefill(), Role.CLINICIAN, 1)
ALARM = m.AlarmOccurrence(
    alarm=AlarmId.REFILL_DUE,
    occurrence=1,
    priority=Priority.LOW,
    present=True,
    acknowledged=False,
    audio_paused=False,
    latching=False,
)
INTERVAL = Interval(1, 2, 3, Quality.GOOD)
BELIEFS = Beliefs(
    INTERVAL, None, 4, 5, (AlarmId.REFILL_DUE,), (), 2**32 - 1, "FUDR", (3, 5), (4, 6)
)
OFF = Actuation(Sounder.OFF, patient_signal=False)


class Logic:
    """Does as it is told, in every call."""

    def __init__(self, act: Callable[[], Any], deadline: Any = None) -> None:
        self._act = act
        self.deadline = deadline

    def boot(self, *_: object) -> Any:
        return self._act()

    sample = advance = handle = boot

    def next_deadline(self) -> Any:
        return self.deadline


def guarded(logic: Any) -> Guard:
    return Guard(logic)


def returning(outcome: Any) -> Guard:
    return guarded(Logic(lambda: outcome))


CALLS: dict[str, Callable[[Guard], Outcome]] = {
    "boot": lambda guard: guard.boot(RamMemory(), ResetCause.POWER_ON, 10),
    "sample": lambda guard: guard.sample(10, READINGS),
    "advance": lambda guard: guard.advance(10),
    "handle": lambda guard: guard.handle(10, REQUEST),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def fault(call: Callable[[Guard], Outcome], logic: Logic) -> FirmwareFaultError:
    with pytest.raises(FirmwareFaultError) as caught:
        call(guarded(logic))
    assert len(str(caught.value)) <= MAX_FAULT_DETAIL
    return caught.value


SOUND = Outcome(
    reply=m.Done(),
    actuation=Actuation(Sounder.HIGH, patient_signal=True, valve_open=True, set_rtc_s=5),
    events=[Event(EventKind.CONFIGURATION_WRITTEN, 0, 2**32 - 1, Priority.LOW)],
    alarms=(ALARM,),
    beliefs=BELIEFS,
    kept=Kept(5, 2, (Event(EventKind.REFILL_BEGUN),)),
)


@every_call
def test_sound_outcomes_pass(call: Callable[[Guard], Outcome]) -> None:
    guard = guarded(Logic(lambda: SOUND, deadline=11))
    assert call(guard) is SOUND
    assert guard.deadline == 11


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError


@every_call
@pytest.mark.parametrize(
    "error", [ValueError("x" * 10_000), KeyError(1), RecursionError(), UnprintableError()]
)
def test_what_it_raises_is_a_fault(call: Callable[[Guard], Outcome], error: Exception) -> None:
    def raise_it() -> None:
        raise error

    found = fault(call, Logic(raise_it))
    assert found.fault is FirmwareFault.RAISED
    assert found.__cause__ is error
    assert type(error).__name__ in str(found)


@every_call
def test_logic_that_exits_does_not_end_the_emulator(call: Callable[[Guard], Outcome]) -> None:
    assert fault(call, Logic(sys.exit)).fault is FirmwareFault.RAISED


@every_call
def test_lost_power_passes(call: Callable[[Guard], Outcome]) -> None:
    def lose_it() -> None:
        raise PowerLostError

    with pytest.raises(PowerLostError):
        call(guarded(Logic(lose_it)))


@every_call
def test_a_fault_that_a_watchdog_named_keeps_its_name(call: Callable[[Guard], Outcome]) -> None:
    """RST-11: a stall cannot be told from within the call; what stands beside it can."""

    def stall() -> None:
        raise FirmwareFaultError(FirmwareFault.STALLED, "no answer in time")

    assert fault(call, Logic(stall)).fault is FirmwareFault.STALLED


class Unequal:
    """Cannot be compared, like an array of numbers."""

    def __eq__(self, other: object) -> bool:
        raise ValueError

    def __bool__(self) -> bool:
        raise ValueError

    __hash__ = None  # type: ignore[assignment]


DONE = Outcome(m.Done())
BOOT = Event(EventKind.BOOT)


def wrong(record: Any, **changes: Any) -> Any:
    """A tuple with fields no type checker would let pass."""
    return record._replace(**changes)


NONSENSE: dict[str, Any] = {
    "nothing": None,
    "a tuple": (None, None, (), (), None),
    "actuation of another kind": wrong(DONE, actuation=(Sounder.OFF, False)),
    "a sounder's number": wrong(DONE, actuation=wrong(OFF, sounder=7)),
    "half a signal": wrong(DONE, actuation=wrong(OFF, patient_signal=1)),
    "half a valve": wrong(DONE, actuation=wrong(OFF, valve_open=0.5)),
    "a clock before its time": wrong(DONE, actuation=wrong(OFF, set_rtc_s=-1)),
    "events that are none": wrong(DONE, events=5),
    "events that cannot be compared": wrong(DONE, events=Unequal()),
    "an event that is none": wrong(DONE, events=["boot"]),
    "an event of no kind": wrong(DONE, events=[wrong(BOOT, kind=1)]),
    "an event beyond 2^53": wrong(DONE, events=[wrong(BOOT, subject=2**53)]),
    "a fraction": wrong(DONE, events=[wrong(BOOT, value=0.5)]),
    "a priority's number": wrong(DONE, events=[wrong(BOOT, priority=1)]),
    "a flood of events": wrong(DONE, events=[BOOT] * (MAX_ITEMS + 1)),
    "alarms that are none": wrong(DONE, alarms="low"),
    "alarms that cannot be compared": wrong(DONE, alarms=Unequal()),
    "an alarm that is none": wrong(DONE, alarms=[AlarmId.REFILL_DUE]),
    "a flood of alarms": wrong(DONE, alarms=[ALARM] * (MAX_ITEMS + 1)),
    "beliefs of another kind": wrong(DONE, beliefs={}),
    "an estimate that is none": wrong(DONE, beliefs=wrong(BELIEFS, flow_nl_per_h=5)),
    "a fraction believed": wrong(
        DONE, beliefs=wrong(BELIEFS, residual_volume_nl=wrong(INTERVAL, low=0.5))
    ),
    "a quality's number": wrong(
        DONE, beliefs=wrong(BELIEFS, flow_nl_per_h=wrong(INTERVAL, quality=2))
    ),
    "nothing delivered": wrong(DONE, beliefs=wrong(BELIEFS, delivered_total_nl=None)),
    "a dose in words": wrong(DONE, beliefs=wrong(BELIEFS, dose_total_ng="1")),
    "an alarm's number believed": wrong(DONE, beliefs=wrong(BELIEFS, alarms=(3,))),
    "alarms believed as a list": wrong(DONE, beliefs=wrong(BELIEFS, alarms=[])),
    "a configuration below zero": wrong(DONE, beliefs=wrong(BELIEFS, config_id=-1)),
    "a configuration no header holds": wrong(DONE, beliefs=wrong(BELIEFS, config_id=2**32)),
    "a configuration that is none": wrong(DONE, beliefs=wrong(BELIEFS, config_id=None)),
    "a drug without a name": wrong(DONE, beliefs=wrong(BELIEFS, drug=None)),
    "a fraction for a bound": wrong(DONE, beliefs=wrong(BELIEFS, delivered_between_nl=(0, 0.5))),
    "bounds upside down": wrong(DONE, beliefs=wrong(BELIEFS, dose_between_ng=(2, 1))),
    "one bound alone": wrong(DONE, beliefs=wrong(BELIEFS, dose_between_ng=(1,))),
    "bounds as a list": wrong(DONE, beliefs=wrong(BELIEFS, dose_between_ng=[1, 2])),
    "a command kept of another kind": wrong(DONE, kept=(None, None, ())),
    "a command kept by name": wrong(DONE, kept=Kept("begin_refill")),  # type: ignore[arg-type]  # nonsense
    "a reference below zero": wrong(DONE, kept=Kept(1, -1)),
    "an event kept that is none": wrong(DONE, kept=Kept(1, None, ["boot"])),  # type: ignore[list-item]  # nonsense
}


@every_call
@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_a_fault(call: Callable[[Guard], Outcome], name: str) -> None:
    assert fault(call, Logic(lambda: NONSENSE[name])).fault is FirmwareFault.BAD_OUTCOME


BLAMED: dict[str, str] = {
    "nothing": "returned NoneType, not Outcome",
    "a tuple": "returned tuple, not Outcome",
    "actuation of another kind": "actuation is tuple",
    "a sounder's number": "actuation of sounder or patient signal",
    "half a signal": "actuation of sounder or patient signal",
    "half a valve": "actuation of the valve",
    "a clock before its time": "actuation of the real-time clock",
    "events that are none": "events are int",
    "events that cannot be compared": "events are Unequal",
    "an event that is none": "an event is not sound: str",
    "an event of no kind": "an event is not sound: Event",
    "a flood of events": f"{MAX_ITEMS + 1} events at once",
    "alarms that are none": "alarms are str",
    "an alarm that is none": "an alarm is not sound: AlarmId",
    "a flood of alarms": f"{MAX_ITEMS + 1} alarms at once",
    "beliefs of another kind": "beliefs are not what they should be",
    "a drug without a name": "beliefs are not what they should be",
    "a command kept of another kind": "the command that is kept is tuple",
    "a reference below zero": "the command that is kept",
    "an event kept that is none": "an event is not sound: str",
}


@pytest.mark.parametrize("name", BLAMED)
def test_a_fault_says_what_was_nonsense(name: str) -> None:
    """RST-11: for whoever has to mend it."""
    found = fault(CALLS["boot"], Logic(lambda: NONSENSE[name]))
    assert str(found) == f"bad_outcome: {BLAMED[name]}"


@pytest.mark.parametrize("rtc_s", [0, m.MAX_UNIX_S])
def test_a_clock_may_be_set_from_one_end_to_the_other(rtc_s: int) -> None:
    """TIM-06: and a second further it may not."""
    outcome = Outcome(m.Done(), actuation=OFF._replace(set_rtc_s=rtc_s))
    assert CALLS["boot"](returning(outcome)) is outcome
    beyond = OFF._replace(set_rtc_s=rtc_s + (1 if rtc_s else -1))
    found = fault(CALLS["boot"], Logic(lambda: Outcome(m.Done(), actuation=beyond)))
    assert found.fault is FirmwareFault.BAD_OUTCOME


@pytest.mark.parametrize("number", [0, m.MAX_SAFE])
def test_numbers_may_be_as_large_as_the_wire_holds(number: int) -> None:
    """COM-09, LOG-01: and the command that is kept has none that is larger."""
    event = Event(EventKind.BOOT, -number, number)
    outcome = Outcome(m.Done(), events=[event], kept=Kept(number, number, (event,)))
    assert CALLS["boot"](returning(outcome)) is outcome


@pytest.mark.parametrize("kept", [Kept(m.MAX_SAFE + 1), Kept(1, m.MAX_SAFE + 1), Kept(-1)])
def test_a_command_that_no_wire_holds_is_a_fault(kept: Kept) -> None:
    found = fault(CALLS["boot"], Logic(lambda: Outcome(m.Done(), kept=kept)))
    assert found.fault is FirmwareFault.BAD_OUTCOME


def test_as_many_events_and_alarms_as_may_be_are_sound() -> None:
    full = Outcome(m.Done(), events=[BOOT] * MAX_ITEMS, alarms=(ALARM,) * MAX_ITEMS)
    assert CALLS["boot"](returning(full)) is full


@pytest.mark.parametrize(
    "reply", [None, m.BeginRefill(), "done", m.AlarmList(alarms=(), more=False)]
)
def test_a_request_without_a_reply_is_a_fault(reply: Any) -> None:
    found = fault(CALLS["handle"], Logic(lambda: Outcome(reply)))
    assert found.fault is FirmwareFault.BAD_OUTCOME
    assert "handle() answered BeginRefill with" in str(found)


@pytest.mark.parametrize("body", [b for b in MESSAGES if issubclass(b, m.Ask | m.Command)])
def test_each_request_has_its_reply(body: type[m.Body]) -> None:
    packet, answer = largest(body), largest(m.answer_type(body)).body
    request = Request(packet.body, Role.SERVICE, 1)
    for reply in (answer, m.Refused(reason=Refusal.ROLE)):
        outcome = Outcome(reply)
        assert returning(outcome).handle(10, request) is outcome


@every_call
@pytest.mark.parametrize(
    "deadline", [-1, 2**32, pytest.param(10**6_000, id="huge"), 1.5, True, "11"]
)
def test_a_deadline_that_is_no_count_is_a_fault(
    call: Callable[[Guard], Outcome], deadline: Any
) -> None:
    found = fault(call, Logic(lambda: SOUND, deadline))
    assert found.fault is FirmwareFault.BAD_DEADLINE


@pytest.mark.parametrize("deadline", [0, 9, 10])
def test_a_deadline_that_never_moves_is_a_fault(deadline: int) -> None:
    found = fault(CALLS["advance"], Logic(lambda: NOTHING, deadline))
    assert found.fault is FirmwareFault.BAD_DEADLINE


@pytest.mark.parametrize("deadline", [None, 11])
def test_a_deadline_that_moves_is_sound(deadline: int | None) -> None:
    assert guarded(Logic(lambda: NOTHING, deadline)).advance(10) is NOTHING


# ---- the counter


class Echo:
    """Wants to be called so far from each sample, and remembers what it was told."""

    def __init__(self, ahead: int) -> None:
        self.ahead = ahead
        self.counts: list[int] = []

    def sample(self, count: int, *_: object) -> Outcome:
        self.counts.append(count)
        return NOTHING

    def next_deadline(self) -> int:
        return (self.counts[-1] + self.ahead) % (1 << TICK_BITS)


@given(
    preset=st.integers(0, 2**TICK_BITS - 1),
    ticks=st.integers(0, 2**48),
    ahead=st.integers(-(2 ** (TICK_BITS - 1)), 2 ** (TICK_BITS - 1) - 1),
)
def test_inside_the_counter_is_narrow_and_outside_time_has_no_end(
    preset: int, ticks: int, ahead: int
) -> None:
    """TIM-01: a deadline is the nearest that the counter can mean, wherever it was preset."""
    logic = Echo(ahead)
    guard, again = (Guard(cast("ControlLogic", logic), preset) for _ in range(2))
    guard.sample(ticks, READINGS)
    assert logic.counts == [(ticks + preset) % 2**TICK_BITS]
    assert guard.deadline == ticks + ahead
    again.resume(ticks)
    assert again.deadline == guard.deadline


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (PowerLostError(), ResetCause.BROWN_OUT),
        (FirmwareFaultError(FirmwareFault.STALLED, "sample"), ResetCause.FIRMWARE_FAULT),
    ],
)
def test_logic_that_failed_boots_at_once_but_not_twice(
    error: PowerLostError | FirmwareFaultError, cause: ResetCause
) -> None:
    """RST-11, RST-04."""
    assert restart_cause(error, shaky=False) is cause
    assert restart_cause(error, shaky=True) is None


def test_logic_that_cannot_be_made_has_raised() -> None:
    """RST-11."""

    def broken() -> ControlLogic:
        raise ZeroDivisionError("no hardware")

    with pytest.raises(FirmwareFaultError, match="raised: ZeroDivisionError: no hardware") as told:
        made(broken)
    assert told.value.fault is FirmwareFault.RAISED


def test_logic_without_a_deadline_goes_on_without_one() -> None:
    guard = guarded(Logic(lambda: NOTHING))
    guard.resume(7)
    assert guard.deadline is None
