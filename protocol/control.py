"""The contract between control logic and whatever runs it: a pump, a bench host, a board.

Control logic never sees the plant's time. It lives on `ticks`, what the counter of its own
oscillator reads, and on the readings it is given. The counter is `TICK_BITS` wide and wraps, after
36.4 h, as hardware counters do: only differences of counts mean anything (TIM-01, decision 0005).
Given the same readings at the same ticks it must decide the same, wherever it runs.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable

from protocol.messages import AlarmOccurrence, Body
from protocol.vocabulary import (
    AlarmId,
    Cause,
    EventKind,
    Priority,
    Quality,
    ResetCause,
    Role,
    Sounder,
)

TICKS_PER_S = 32_768
"""Nominal rate of the oscillator (domain: a watch crystal)."""
TICK_BITS: Final = 32
"""Width of the counter: `ticks` and deadlines are counts below 2 ** TICK_BITS."""


class Readings(NamedTuple):
    """One sample of every sensor, as the converter delivers it. A missing value is None.

    `sequence` grows by one with each sample, so that a repeated sample can be told from a new one
    (SEN-06). Pressures are absolute; the pulse is the amplitude of the catheter pressure.
    """

    sequence: int
    reservoir_pressure_pa: int | None
    catheter_pressure_pa: int | None
    catheter_pulse_pa: int | None
    pocket_pressure_pa: int | None
    temperature_mk: int | None
    fill_level_nl: int | None
    battery_mv: int | None
    rtc_s: int | None
    rtc_valid: bool


class Actuation(NamedTuple):
    """What the logic wants its outputs to be, absolutely; the last one stands until the next."""

    sounder: Sounder
    patient_signal: bool
    valve_open: bool | None = None  # None: no valve
    set_rtc_s: int | None = None  # sets the real-time clock once


class Event(NamedTuple):
    """Something for the log. Sequence, boot and times are added by whoever keeps the log."""

    kind: EventKind
    subject: int = 0
    value: int = 0
    priority: Priority | None = None


class Interval(NamedTuple):
    """An estimate and the bounds that hold the truth while sensors keep their declared error."""

    low: int
    estimate: int
    high: int
    quality: Quality


Between = tuple[int, int]
"""Not less, and not more."""


class Beliefs(NamedTuple):
    """What the logic believes, to be laid beside the truth by whoever watches."""

    flow_nl_per_h: Interval | None
    residual_volume_nl: Interval | None
    delivered_total_nl: int
    dose_total_ng: int | None
    alarms: tuple[AlarmId, ...]
    causes: tuple[Cause, ...] = ()  # all that the symptoms allow
    config_id: int = 0  # of the configuration it goes by: headers tell it (FLW-07); 0 is none
    drug: str = ""  # in the reservoir, whose dose it is; empty while unknown
    delivered_between_nl: Between | None = None  # the total: not less, and not more (DOS-01)
    dose_between_ng: Between | None = None


class Kept(NamedTuple):
    """The last command whose effect memory holds; without an id there is none yet.

    Logic that writes it in one go with the effect, and tells it at boot, lets a command have an
    outcome whose handling was cut short (COM-04, COM-09).
    """

    command_id: int | None = None
    reference: int | None = None  # of the `Done` that never left
    events: Sequence[Event] = ()  # for the log, likewise


class Outcome(NamedTuple):
    """What one call led to. `None` and `()` say: nothing new."""

    reply: Body | None = None
    actuation: Actuation | None = None
    events: Sequence[Event] = ()
    alarms: Sequence[AlarmOccurrence] = ()  # those that were raised or changed, as they stand now
    beliefs: Beliefs | None = None
    kept: Kept | None = None  # at boot; None: logic that keeps no account of it


NOTHING = Outcome()


class Request(NamedTuple):
    """A request that passed the session's checks, and who made it."""

    body: Body
    role: Role
    session_id: int
    command_id: int | None = None  # of a command by a client


class PowerLostError(Exception):
    """Supply failed during a memory operation. Logic lets it pass; the device boots it again."""


class MemoryFailedError(Exception):
    """A memory operation failed and said so (NVM-07)."""


class Memory(Protocol):
    """Non-volatile memory, byte addressed.

    Any primitive may raise PowerLostError or MemoryFailedError. A write is durable only
    once `sync` has returned; until then it may be lost, torn or reordered.
    """

    @property
    def size(self) -> int:
        """Bytes there are; addresses run from 0 to size - 1."""

    def read(self, address: int, length: int) -> bytes:
        """The bytes as they stand. Erased memory reads 0xFF."""

    def write(self, address: int, data: bytes) -> None:
        """Put `data` at `address`."""

    def sync(self) -> None:
        """Make every write so far durable."""


class ControlLogic(Protocol):
    """A pump's mind: one object from boot to reset.

    The runner calls `boot` once, then `sample` for every new sample, `advance` when a deadline
    comes without one, `handle` for every request. No call may block. An exception other than
    PowerLostError, a wrong type, or a deadline that never moves is a firmware fault (RST-11).
    """

    def boot(self, memory: Memory, cause: ResetCause, ticks: int) -> Outcome:
        """Start from what memory holds. Blank memory means: not configured."""

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        """Take a new sample: never one that was given before."""

    def advance(self, ticks: int) -> Outcome:
        """The deadline has come without new readings."""

    def handle(self, ticks: int, request: Request) -> Outcome:
        """Answer a request; `reply` is never None here. A session's end arrives as `Close`."""

    def next_deadline(self) -> int | None:
        """The tick count at which `advance` is wanted, or None.

        Of all the times the counter reads it, the nearest to the call before is meant: a deadline
        lies less than half of the counter's range ahead.
        """


@runtime_checkable
class Restorable(Protocol):
    """Optional: logic whose whole state can be saved, so that a snapshot can hold it."""

    def save(self) -> dict[str, Any]:
        """The state as plain data: what JSON can hold."""

    def load(self, memory: Memory, state: dict[str, Any]) -> None:
        """Take the place of `boot`: go on as if nothing had happened."""
