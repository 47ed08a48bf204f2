"""What many cases do to a device, and how they find out what became of it."""

from typing import Final

from hil.conformance import check
from hil.conformance.errors import FailedError, NotOfferedError
from hil.conformance.probe import Probe, Seat
from hil.rig import SILENCE
from protocol import messages as m
from protocol.vocabulary import AlarmId, Capability, EventKind, RefillReason

BELOW_NL: Final = 100_000
"""Between the limits that make both reservoir alarms sound."""


def deed(probe: Probe) -> m.Command:
    """A command that any device carries out as often as it is told, and that hurts nothing."""
    bare = Capability.ACTUATION in probe.rig.capabilities
    return SILENCE if bare else m.RunSelfTest()


def executed(reply: m.Reply) -> m.Reply:
    """The command was carried out."""
    check.that(not isinstance(reply, m.Refused), "the command is carried out", reply)
    return reply


def times_done(probe: Probe, since: int, command_id: int) -> int:
    """How often the log says that a command was carried out."""
    entries = probe.log(since)
    return sum(e.kind is EventKind.COMMAND_DONE and e.value == command_id for e in entries)


def logged(probe: Probe, since: int, kind: EventKind) -> list[m.LogEntry]:
    """The entries of a kind."""
    return [entry for entry in probe.log(since) if entry.kind is kind]


def command_id(packet: m.Packet) -> int:
    """Of a command."""
    assert isinstance(packet.header, m.CommandHeader)
    return packet.header.command_id


def id_of(packet: m.Packet) -> int:
    """Of a request."""
    assert isinstance(packet.header, m.AskHeader | m.CommandHeader | m.ReplyHeader)
    return packet.header.request_id


def last_refill(report: m.ConfigurationReport) -> tuple[m.Refill, int]:
    """The refill the device remembers, and its id."""
    if report.last_refill is None or report.last_refill_id is None:
        raise NotOfferedError("the device was never filled")
    return report.last_refill, report.last_refill_id


def same_again(probe: Probe) -> m.Refill:
    """A refill that declares what is true without a syringe: all of it drawn, and put back."""
    refill, _ = last_refill(probe.configured()[0])
    probe.status()
    if probe.level_nl is None:  # between a reset or a refill and the next sample
        raise NotOfferedError("the device does not tell what is in its reservoir")
    level_nl = max(probe.level_nl, 1)
    return refill.model_copy(update={"withdrawn_nl": level_nl, "filled_nl": level_nl})


def commit(probe: Probe, seat: Seat, refill: m.Refill) -> m.Reply:
    """Declare a refill, however soon after the one before."""
    _, refill_id = last_refill(probe.configured()[0])
    other = RefillReason.OTHER
    return seat.do(m.CommitRefill(refill=refill, reason=other, previous_refill_id=refill_id))


def write(probe: Probe, seat: Seat, new: m.Configuration) -> m.Done:
    """Write a configuration on top of the one in force."""
    body = m.WriteConfiguration(base_config_id=probe.config_id, configuration=new)
    return check.done(seat.do(body))


def restore_later(probe: Probe, old: m.Configuration) -> None:
    """Write the old configuration again when the case is over."""

    def restore() -> None:
        if probe.configured()[1] != old:
            write(probe, _fresh(probe), old)
            probe.close_all()

    probe.later(restore)


def sound_reservoir_alarms(probe: Probe, seat: Seat, *, both: bool = True) -> m.Configuration:
    """Raise low, and with `both` empty: their limits are above the level.

    The configuration before, which comes back when the case is over. The refill date, which has
    come meanwhile, is put right by a refill that changes nothing.
    """
    _, old = probe.configured()
    probe.later(lambda: _refill(probe))
    restore_later(probe, old)
    top_nl = old.capacity_nl - 1
    limits = {"low_volume_nl": top_nl, "empty_volume_nl": top_nl - BELOW_NL if both else 0}
    write(probe, seat, old.model_copy(update=limits))
    probe.wait("2 min")
    return old


def occurrence(probe: Probe, alarm: AlarmId) -> m.AlarmOccurrence:
    """The open one of that alarm; FailedError when there is none."""
    found = [one for one in probe.alarms() if one.alarm is alarm]
    if not found:
        raise FailedError(f"{alarm.name.lower()} is in the alarm list", "it is not")
    return found[-1]


def _refill(probe: Probe) -> None:
    seat = _fresh(probe)
    check.done(seat.do(m.BeginRefill()))
    check.done(commit(probe, seat, same_again(probe)))
    probe.wait("2 min")


def _fresh(probe: Probe) -> Seat:
    """The right to write, from whichever session of this probe has it."""
    probe.close_all()
    return probe.open()
