"""What the bench tells a person: short lines, units on every number, nothing to decode."""

from datetime import UTC, datetime, timedelta
from typing import Final

from protocol import messages as m
from protocol.control import TICKS_PER_S, Beliefs, Interval
from protocol.vocabulary import AlarmId

UNKNOWN = "unknown"
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LAST_S: Final = 253_402_300_799
"""The end of the year 9999, where Python's calendar ends; a pump's clock goes on."""
MAX_OFF_S: Final = 100
"""Parameter ppm_host: a clock further from the host's is told (TIM-06)."""


def duration(seconds: int) -> str:
    """Days, hours, minutes, seconds: "12 d 03:04:05"."""
    sign = "-" if seconds < 0 else ""
    days, rest = divmod(abs(seconds), 86_400)
    clock = f"{rest // 3_600:02d}:{rest % 3_600 // 60:02d}:{rest % 60:02d}"
    return f"{sign}{days} d {clock}"


def date(unix_s: int) -> str:
    """A day and a time of day, UTC (TIM-04)."""
    if unix_s > LAST_S:
        return f"second {unix_s} since 1970"
    return f"{EPOCH + timedelta(seconds=unix_s):%Y-%m-%d %H:%M:%S} UTC"


def status_lines(status: m.StatusPart, host_s: int) -> list[str]:
    """What the pump believes; `host_s` is the unix second of whoever asks."""
    due_s = status.refill_due_in_s
    due = "refill OVERDUE by" if due_s is not None and due_s < 0 else "refill due in"
    opened = [
        name
        for name, is_open in (
            ("refill window open", status.refill_open),
            ("bolus access open", status.bolus_access_open),
        )
        if is_open
    ]
    return [
        _row("flow", _estimate(status.flow_nl_per_h, 24 / 1e6, "mL/day")),
        _row("residual volume", _estimate(status.residual_volume_nl, 1e-6, "mL")),
        _row(
            "delivered",
            _pair(
                (status.delivered_since_refill_nl, status.delivered_since_refill_between_nl),
                (status.delivered_total_nl, status.delivered_total_between_nl),
                "mL",
            ),
        ),
        _row(
            f"dose {status.drug or ''}",
            _pair(
                (status.dose_since_refill_ng, status.dose_since_refill_between_ng),
                (status.dose_total_ng, status.dose_total_between_ng),
                "mg",
            ),
        ),
        _row(due, UNKNOWN if due_s is None else duration(abs(due_s))),
        *(_row("now", name) for name in opened),
        _row("reservoir", _scaled(status.reservoir_pressure_pa, 1e-3, "kPa abs")),
        _row("catheter", _scaled(status.catheter_pressure_pa, 1e-3, "kPa abs")),
        _row("pocket", _scaled(status.pocket_pressure_pa, 1e-3, "kPa abs")),
        _row("temperature", _celsius(status.temperature_mk)),
        _row("battery", _scaled(status.battery_mv, 1e-3, "V", 3)),
        _row("clock", _clock(status, host_s)),
    ]


def identity_lines(identity: m.Identity) -> list[str]:
    """Who the device is."""
    offers = ", ".join(c.name.lower() for c in identity.capabilities)
    return [
        _row("device", f"{identity.device_id} ({identity.model})"),
        _row("firmware", identity.firmware),
        _row("offers", offers or "the core only"),
    ]


def readings_lines(report: m.ReadingsReport) -> list[str]:
    """The latest raw sample, as the converter gave it."""
    if report.readings is None:
        return [_row("readings", "none yet")]
    age = (report.now_ticks - report.ticks) // TICKS_PER_S
    rows = [_row("sample", f"number {report.readings.sequence}, {duration(age)} old")]
    for name, value in report.readings.model_dump(exclude={"sequence"}).items():
        rows.append(_row(name, "missing" if value is None else str(value)))
    return rows


def alarm_lines(alarms: tuple[m.AlarmOccurrence, ...]) -> list[str]:
    """One line per occurrence."""
    if not alarms:
        return [_row("alarms", "none")]
    lines = []
    for alarm in alarms:
        raised_ms = alarm.raised_uptime_ms
        since = "before the last reset"
        if raised_ms is not None:
            since = f"raised at uptime {duration(raised_ms // 1_000)}"
        lines.append(_row(alarm.priority.name, f"{alarm_words(alarm)}, {since}"))
    return lines


def alarm_words(alarm: m.AlarmOccurrence) -> str:
    """What it is, and how it stands."""
    words = [f"{alarm.alarm.name.lower()} #{alarm.occurrence}"]
    words.append("present" if alarm.present else "ended")
    if alarm.acknowledged:
        words.append("acknowledged")
    if alarm.audio_paused:
        words.append("audio paused")
    return " ".join(words)


def belief_lines(beliefs: Beliefs | None) -> list[str]:
    """What logic on the bench believes."""
    if beliefs is None:
        return [_row("believes", "nothing")]
    present = ", ".join(AlarmId(alarm).name.lower() for alarm in beliefs.alarms)
    return [
        _row("flow", _estimate(beliefs.flow_nl_per_h, 24 / 1e6, "mL/day")),
        _row("residual volume", _estimate(beliefs.residual_volume_nl, 1e-6, "mL")),
        _row("delivered", f"{beliefs.delivered_total_nl / 1e6:.3f} mL{_bounds(beliefs)}"),
        _row("alarms present", present or "none"),
    ]


def _bounds(beliefs: Beliefs) -> str:
    between = beliefs.delivered_between_nl
    return "" if between is None else f"  ({_between(*between)})"


def _row(name: str, value: str) -> str:
    return f"{name.strip():<22}{value}"


def _estimate(value: m.Estimate | Interval | None, factor: float, unit: str) -> str:
    if value is None:
        return UNKNOWN
    low, middle, high = (v * factor for v in (value.low, value.estimate, value.high))
    return f"{middle:.3f} {unit}  ({low:.3f} to {high:.3f}, {value.quality.name.lower()})"


Amount = tuple[int | None, m.Bounds | None]
"""As it is told, and between what it lies."""


def _pair(since: Amount, total: Amount, unit: str) -> str:
    if since[0] is None or total[0] is None:
        return UNKNOWN
    return f"{_amount(since, unit)} since the refill, {_amount(total, unit)} in all"


def _amount(amount: Amount, unit: str) -> str:
    value, between = amount
    words = UNKNOWN if value is None else f"{value / 1e6:.3f} {unit}"
    return words if between is None else f"{words} ({_between(between.low, between.high)})"


def _between(low: int, high: int) -> str:
    return f"{low / 1e6:.3f} to {high / 1e6:.3f}"


def _clock(status: m.StatusPart, host_s: int) -> str:
    if status.rtc_s is None:
        return UNKNOWN
    words = [date(status.rtc_s)]
    if not status.rtc_valid:
        words.append("not to be trusted")
    off_s = status.rtc_s - host_s
    if abs(off_s) > MAX_OFF_S:
        words.append(f"{duration(abs(off_s))} {'ahead of' if off_s > 0 else 'behind'} this host")
    return ", ".join(words)


def _scaled(value: int | None, factor: float, unit: str, places: int = 2) -> str:
    return UNKNOWN if value is None else f"{value * factor:.{places}f} {unit}"


def _celsius(value_mk: int | None) -> str:
    return UNKNOWN if value_mk is None else f"{(value_mk - 273_150) / 1e3:.2f} degC"
