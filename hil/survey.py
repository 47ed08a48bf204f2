"""What a device is, does and complains about, asked once."""

from dataclasses import dataclass
from typing import Any, TypeVar

from hil import show
from hil.client import Client
from hil.clock import unix_s
from hil.errors import PeerError
from hil.exchange import told
from protocol import messages as m
from protocol.plain import to_plain
from protocol.vocabulary import Capability

A = TypeVar("A")


@dataclass(frozen=True)
class Survey:
    """The answers. A device with control logic tells a status, a bare one its readings."""

    identity: m.Identity
    status: m.StatusPart | None
    alarms: tuple[m.AlarmOccurrence, ...]
    readings: m.ReadingsReport | None
    host_s: int  # unix second of this host when it was asked

    def plain(self) -> dict[str, Any]:
        """For programs: names and words as in JSON on the link; what is unknown is null."""
        return {
            "identity": to_plain(self.identity),
            "status": None if self.status is None else to_plain(self.status),
            "alarms": [to_plain(alarm) for alarm in self.alarms],
            "readings": None if self.readings is None else to_plain(self.readings),
        }

    def lines(self) -> list[str]:
        """For people."""
        lines = show.identity_lines(self.identity)
        if self.status is not None:
            lines += show.status_lines(self.status, self.host_s)
            lines += show.alarm_lines(self.alarms)
        elif self.readings is not None:
            lines += show.readings_lines(self.readings)
        return lines


def survey(dut: Client, identity: m.Identity) -> Survey:
    """Ask for everything worth a look; PeerError when the device denies what it offers."""
    if Capability.CONTROL_LOGIC not in identity.capabilities:
        return Survey(identity, None, (), _given(dut.read_readings()), unix_s())
    status = _given(dut.status()).status
    return Survey(identity, status, _given(dut.alarms()), None, unix_s())


def _given(answer: A | m.Refused) -> A:
    if isinstance(answer, m.Refused):
        raise PeerError(f"the device refused what it says it offers: {told(answer)}")
    return answer
