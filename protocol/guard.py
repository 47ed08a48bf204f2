"""A fence around control logic: whatever it does wrong comes out as one named fault (RST-11).

The fence is also where time gets its width: outside, ticks count without end; inside, they are what
a counter of `TICK_BITS` reads (TIM-01, decision 0005).
"""

from collections.abc import Callable
from traceback import format_exception_only
from typing import Any, Final, TypeGuard

from protocol.control import (
    TICK_BITS,
    Actuation,
    Beliefs,
    ControlLogic,
    Event,
    Interval,
    Kept,
    Memory,
    Outcome,
    PowerLostError,
    Readings,
    Request,
)
from protocol.messages import MAX_SAFE, MAX_UNIX_S, AlarmOccurrence, Refused, answer_type
from protocol.vocabulary import (
    AlarmId,
    Cause,
    EventKind,
    FirmwareFault,
    Priority,
    Quality,
    ResetCause,
    Sounder,
)

MAX_ITEMS: Final = 256
"""Events, and likewise alarms, that one call may return; more is nonsense."""
COUNTS: Final = 1 << TICK_BITS
"""How many values the tick counter has."""
MAX_CONFIG_ID: Final = 2**32 - 1
MAX_FAULT_DETAIL: Final = 120
ALARM_TYPES: Final = frozenset({AlarmId})
CAUSE_TYPES: Final = frozenset({Cause})
"""All types an alarm or a cause may have: sets that go through them in C, with every sample."""


class FirmwareFaultError(Exception):
    """Control logic broke its contract."""

    def __init__(self, fault: FirmwareFault, detail: str) -> None:
        """Name the fault; `detail` is for a person."""
        super().__init__(f"{fault.name.lower()}: {detail}"[:MAX_FAULT_DETAIL])
        self.fault = fault


def made(factory: Callable[[], ControlLogic]) -> ControlLogic:
    """New logic; a constructor that fails is a fault like any other."""
    try:
        return factory()
    except Exception as error:
        detail = f"{type(error).__name__}: {error}"
        raise FirmwareFaultError(FirmwareFault.RAISED, detail) from error


def restart_cause(error: FirmwareFaultError | PowerLostError, *, shaky: bool) -> ResetCause | None:
    """Why logic that has just failed boots again at once; None when it has to wait.

    Once at once (RST-11). Logic that is `shaky`, that is, has failed before and took no sample
    since, waits for the next sample, so that a boot loop costs two boots a sampling period at most
    (RST-04).
    """
    if shaky:
        return None
    lost = isinstance(error, PowerLostError)
    return ResetCause.BROWN_OUT if lost else ResetCause.FIRMWARE_FAULT


class Guard:
    """Control logic behind its contract: every call returns a sound outcome or raises the fault.

    PowerLostError passes through: it is the supply's doing, not the logic's. So does a fault that
    is named already: where a watchdog stands beside the logic, it has seen a call STALL.
    """

    def __init__(self, logic: ControlLogic, preset: int = 0) -> None:
        """Guard `logic`, which has not been booted yet; its counter reads `preset` at tick 0."""
        self.logic = logic
        self.deadline: int | None = None  # a count without end
        self._preset = preset

    def boot(self, memory: Memory, cause: ResetCause, ticks: int) -> Outcome:
        """Boot it."""
        return self._call(ticks, self.logic.boot, memory, cause, self._count(ticks))

    def resume(self, ticks: int) -> None:
        """Go on with logic that took up a saved state instead of booting."""
        self.deadline = self._deadline(self.logic.next_deadline(), ticks)

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        """Give it a new sample."""
        return self._call(ticks, self.logic.sample, self._count(ticks), readings)

    def advance(self, ticks: int) -> Outcome:
        """Tell it that its deadline has come; the next one must lie ahead."""
        outcome = self._call(ticks, self.logic.advance, self._count(ticks))
        if self.deadline is not None and self.deadline <= ticks:
            detail = f"next_deadline() stays at {self.deadline} at tick {ticks}"
            raise FirmwareFaultError(FirmwareFault.BAD_DEADLINE, detail)
        return outcome

    def handle(self, ticks: int, request: Request) -> Outcome:
        """Let it answer a request."""
        outcome = self._call(ticks, self.logic.handle, self._count(ticks), request)
        kind = type(request.body)
        if not isinstance(outcome.reply, (answer_type(kind), Refused)):
            raise _bad(f"handle() answered {kind.__name__} with {type(outcome.reply).__name__}")
        return outcome

    def _call(self, ticks: int, method: Callable[..., Outcome], *arguments: Any) -> Outcome:
        try:
            outcome = method(*arguments)
            count = self.logic.next_deadline()
        except (PowerLostError, FirmwareFaultError):  # a watchdog beside the logic names its fault
            raise
        except (Exception, SystemExit) as error:  # logic that exits does not end the emulator
            detail = format_exception_only(error)[-1].strip()
            raise FirmwareFaultError(FirmwareFault.RAISED, detail) from error
        deadline = None if count is None else self._deadline(count, ticks)
        _check(outcome)
        self.deadline = deadline
        return outcome

    def _count(self, ticks: int) -> int:
        return (ticks + self._preset) % COUNTS

    def _deadline(self, count: object, ticks: int) -> int | None:
        """The count without end that the logic means, `ticks` being now."""
        if count is None:
            return None
        if not (type(count) is int and 0 <= count < COUNTS):
            detail = f"next_deadline() is {type(count).__name__}, no count of the counter's"
            raise FirmwareFaultError(FirmwareFault.BAD_DEADLINE, detail)
        return ticks + (count - self._preset - ticks + COUNTS // 2) % COUNTS - COUNTS // 2


def _check(outcome: object) -> None:
    """Every field of an outcome: what the device builds from it must not fail later."""
    if type(outcome) is not Outcome:
        raise _bad(f"returned {type(outcome).__name__}, not Outcome")
    _, actuation, events, alarms, beliefs, kept = outcome
    if actuation is not None:
        _check_actuation(actuation)
    if type(events) is not tuple or events:
        _check_items(events, "event", _is_event)
    if type(alarms) is not tuple or alarms:
        _check_items(alarms, "alarm", lambda alarm: type(alarm) is AlarmOccurrence)
    if beliefs is not None and not _is_beliefs(beliefs):
        raise _bad("beliefs are not what they should be")
    if kept is not None:
        _check_kept(kept)


def _check_items(items: object, what: str, is_sound: Callable[[object], bool]) -> None:
    if not isinstance(items, tuple | list):
        raise _bad(f"{what}s are {type(items).__name__}")
    if len(items) > MAX_ITEMS:
        raise _bad(f"{len(items)} {what}s at once")
    for item in items:
        if not is_sound(item):
            raise _bad(f"an {what} is not sound: {type(item).__name__}")


def _check_actuation(actuation: object) -> None:
    if type(actuation) is not Actuation:
        raise _bad(f"actuation is {type(actuation).__name__}")
    sounder, patient_signal, valve_open, set_rtc_s = actuation
    if not isinstance(sounder, Sounder) or type(patient_signal) is not bool:
        raise _bad("actuation of sounder or patient signal")
    if not (valve_open is None or type(valve_open) is bool):
        raise _bad("actuation of the valve")
    if not (set_rtc_s is None or _is_int(set_rtc_s, 0, MAX_UNIX_S)):
        raise _bad("actuation of the real-time clock")


def _check_kept(kept: object) -> None:
    if type(kept) is not Kept:
        raise _bad(f"the command that is kept is {type(kept).__name__}")
    command_id, reference, events = kept
    if not all(
        number is None or _is_int(number, 0, MAX_SAFE) for number in (command_id, reference)
    ):
        raise _bad("the command that is kept")
    _check_items(events, "event", _is_event)


def _is_event(event: object) -> bool:
    if type(event) is not Event or not isinstance(event.kind, EventKind):
        return False
    _, subject, value, priority = event
    known = priority is None or isinstance(priority, Priority)
    numbers = _is_int(subject, -MAX_SAFE, MAX_SAFE) and _is_int(value, -MAX_SAFE, MAX_SAFE)
    return known and numbers


def _is_beliefs(beliefs: object) -> bool:
    if type(beliefs) is not Beliefs:
        return False
    flow, residual, delivered, dose, alarms, causes, config_id, drug, volumes, doses = beliefs
    numbers = (
        type(delivered) is int
        and (dose is None or type(dose) is int)
        and type(config_id) is int
        and 0 <= config_id <= MAX_CONFIG_ID
        and (volumes is None or _is_between(volumes))
        and (doses is None or _is_between(doses))
    )
    return (
        numbers
        and type(drug) is str
        and (flow is None or _is_interval(flow))
        and (residual is None or _is_interval(residual))
        and type(alarms) is tuple
        and (not alarms or ALARM_TYPES.issuperset(map(type, alarms)))
        and type(causes) is tuple
        and (not causes or CAUSE_TYPES.issuperset(map(type, causes)))
    )


def _is_interval(value: object) -> bool:
    if type(value) is not Interval:
        return False
    low, estimate, high, quality = value
    numbers = type(low) is int and type(estimate) is int and type(high) is int
    return numbers and type(quality) is Quality


def _is_between(value: object) -> bool:
    if type(value) is not tuple or len(value) != 2 or not type(value[0]) is type(value[1]) is int:
        return False
    return bool(0 <= value[0] <= value[1])


def _is_int(value: object, low: int, high: int) -> TypeGuard[int]:
    return isinstance(value, int) and low <= value <= high


def _bad(detail: str) -> FirmwareFaultError:
    return FirmwareFaultError(FirmwareFault.BAD_OUTCOME, detail)
