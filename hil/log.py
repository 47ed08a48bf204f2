"""The event log of a device, in words: what happened, to what, on whose word."""

from collections.abc import Callable
from typing import Any, Final

from hil.show import date, duration
from protocol import messages as m
from protocol.plain import BY_CODE, TYPE_NAMES, to_plain
from protocol.vocabulary import (
    AlarmId,
    EventKind,
    FirmwareFault,
    Refusal,
    ResetCause,
    Role,
    Sounder,
    Word,
)

ALARMS: Final = (
    EventKind.ALARM_RAISED,
    EventKind.ALARM_ENDED,
    EventKind.ALARM_ACKNOWLEDGED,
    EventKind.ALARM_REMINDED,
    EventKind.AUDIO_PAUSED,
    EventKind.AUDIO_RESUMED,
)
WORDS: Final[dict[EventKind, type[Word]]] = {
    **dict.fromkeys(ALARMS, AlarmId),
    EventKind.BOOT: ResetCause,
    EventKind.SESSION_OPENED: Role,
    EventKind.SESSION_ENDED: Role,
    EventKind.SESSION_REFUSED: Refusal,
    EventKind.COMMAND_REFUSED: Refusal,
    EventKind.FIRMWARE_FAULT: FirmwareFault,
    EventKind.ACTUATED: Sounder,
}
"""What the subject of a kind is a word of; of the others it is a number, or says nothing."""
VALUES: Final[dict[EventKind, Callable[[int], str]]] = {
    **dict.fromkeys(ALARMS, "occurrence {}".format),
    EventKind.BOOT: "{} resets so far".format,
    EventKind.COMMAND_DONE: "command {}".format,
    EventKind.COMMAND_REFUSED: "command {}".format,
    EventKind.CONFIGURATION_WRITTEN: "number {}".format,
    EventKind.CLOCK_SET: lambda value: f"to {date(value)}",
    EventKind.TIME_GAP: "{} ms".format,
    EventKind.PRESSURE_TRANSIENT: "{} Pa/min".format,
    EventKind.LOG_OVERWRITTEN: "{} entries".format,
    EventKind.REFILL_COMMITTED: lambda value: f"{value / 1e6:.3f} mL",
    EventKind.BOLUS_ACCESS_ENDED: lambda value: f"{value / 1e6:.3f} mL",
    EventKind.OCCLUSION_RELEASED: lambda value: f"{value / 1e6:.3f} mL",
    EventKind.EXPLANTED: lambda value: f"{value / 1e6:.3f} mL",
}


def plain(entry: m.LogEntry) -> dict[str, Any]:
    """For programs: as on the link, and the names of subject and command where they have one."""
    command = None if entry.command is None else _command(entry.command)
    return {**to_plain(entry), "subject_name": _subject(entry), "command_name": command}


def line(entry: m.LogEntry) -> str:
    """For people."""
    value = VALUES.get(entry.kind, str)(entry.value) if entry.value else ""
    asked = "" if entry.role is None else f"by {entry.role.name.lower()}"
    alike = f"({entry.repeats} more alike)" if entry.repeats else ""
    refused = "" if entry.command is None else _command(entry.command) or entry.command
    words = (_subject(entry) or entry.subject or "", refused, value, asked, alike)
    said = "  ".join(str(word) for word in words if word)
    at = duration(entry.uptime_ms // 1_000)
    clock = "clock unset" if entry.rtc_s is None else date(entry.rtc_s)
    doubt = "" if entry.rtc_valid or entry.rtc_s is None else "?"
    when = f"life {entry.boot_id}  {at}  {clock}{doubt}"
    return f"{entry.sequence:6d}  {when}  {entry.kind.name.lower():<22} {said}".rstrip()


def _subject(entry: m.LogEntry) -> str | None:
    if entry.kind is EventKind.COMMAND_DONE:
        return _command(entry.subject)
    words: type[Word] | tuple[Word, ...] = WORDS.get(entry.kind, ())
    return next((word.name.lower() for word in words if word == entry.subject), None)


def _command(code: int) -> str | None:
    body = BY_CODE.get(code)
    return None if body is None else TYPE_NAMES[body]
