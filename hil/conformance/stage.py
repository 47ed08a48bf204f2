"""The state every case begins in, and the one the device is left in: quiet, nothing open."""

from typing import Final

from hil.conformance.check import shown
from hil.conformance.deeds import deed
from hil.conformance.errors import FailedError
from hil.conformance.probe import NAME, Probe, Seat
from hil.errors import RigError
from protocol import messages as m
from protocol.vocabulary import Capability, Refusal, Role

IDLE: Final = "11 min"
"""Longer than a session lives without traffic (T_comm)."""
YOUNG_MS: Final = 1_000
"""Uptime 0 is to be the past: a command that was valid until then has expired."""
TAKEN: Final = (Refusal.BUSY, Refusal.TOO_MANY_SESSIONS)


def claim(probe: Probe) -> None:
    """See to it that nobody else holds the device; RigError when somebody does.

    In virtual time sessions that somebody left open are waited out.
    """
    probe.rig.make_safe()
    taken = _taken(probe)
    if taken is not None and probe.rig.clock.virtual:
        probe.seats.clear()
        probe.wait(IDLE)
        taken = _taken(probe)
    if taken is not None:
        raise RigError(
            f"somebody else has sessions open on the device ({shown(taken)}): "
            "close them, or wait 10 minutes until they end by themselves"
        )


def prepare(probe: Probe) -> None:
    """Undo what the case before left; RigError when the device does not let itself be tidied."""
    try:
        _unsubscribe(probe)
        probe.undo()
        _close_windows(probe)
        probe.close_all()
        probe.settle()
        if probe.uptime_ms < YOUNG_MS:
            probe.wait("2 s")
    except FailedError as error:
        raise RigError(f"the device cannot be brought to a known state: {error}") from None
    finally:
        probe.forget()


def leave(probe: Probe, known: frozenset[int]) -> list[str]:
    """Put the device back quiet: acknowledge what the kit has raised, and tell what still stands.

    `known` are the occurrences that were open before.
    """
    prepare(probe)
    if Capability.CONTROL_LOGIC not in probe.rig.capabilities:
        return []
    try:
        seat = probe.open()
        for one in probe.alarms():
            if one.occurrence not in known and not one.acknowledged:
                seat.do(m.AcknowledgeAlarm(alarm=one.alarm, occurrence=one.occurrence))
        probe.close_all()
        left = [one for one in probe.alarms() if one.occurrence not in known]
    except FailedError as error:
        raise RigError(f"the device cannot be left quiet: {error}") from None
    return [f"still there, and acknowledged: {one.alarm.name.lower()}" for one in left]


def open_alarms(probe: Probe) -> frozenset[int]:
    """The occurrences that are open now."""
    if Capability.CONTROL_LOGIC not in probe.rig.capabilities:
        return frozenset()
    try:
        return frozenset(one.occurrence for one in probe.alarms())
    except FailedError as error:
        raise RigError(f"the device does not list its alarms: {error}") from None


def _taken(probe: Probe) -> m.Refused | None:
    reply = probe.ask(m.Open(role=Role.CLINICIAN, client=NAME))
    if isinstance(reply, m.Opened):
        seat = Seat(probe, reply)
        probe.seats.append(seat)
        reply = seat.do(deed(probe))
    return reply if isinstance(reply, m.Refused) and reply.reason in TAKEN else None


def _unsubscribe(probe: Probe) -> None:
    if probe.subscribed:
        probe.ask(m.SubscribeTelemetry(period_ms=0))
        probe.ask(m.SubscribeSamples(enabled=False))
        probe.subscribed = False


def _close_windows(probe: Probe) -> None:
    """A refill window or a bolus access that is open ends, with nothing put in."""
    if Capability.CONTROL_LOGIC not in probe.rig.capabilities:
        return
    status = probe.status()
    if not status.refill_open and not status.bolus_access_open:
        return
    probe.close_all()
    seat = probe.open()
    if status.refill_open:
        seat.do(m.AbortRefill())
    if status.bolus_access_open:
        seat.do(m.EndBolusAccess(injected_nl=0))
