"""A place to watch a device from: everything that crosses a boundary, as it happens."""

from typing import Any, Protocol

from protocol.control import Outcome, Readings
from protocol.messages import Packet
from protocol.vocabulary import ResetCause


class Tap(Protocol):
    """What traces and plots are made from. Wall time has no part in it."""

    def booted(self, now_ns: int, cause: ResetCause, boot_id: int) -> None:
        """A life of the device began."""

    def sampled(self, now_ns: int, ticks: int, readings: Readings) -> None:
        """The sensors were read."""

    def hour(self, now_ns: int) -> None:
        """An hour of plant time is full, and its last sample decided upon."""

    def decided(self, now_ns: int, ticks: int, outcome: Outcome) -> None:
        """The logic said something: events, alarms, actuation or a reply."""

    def received(self, now_ns: int, link: str, packet: Packet) -> None:
        """A packet came in."""

    def sent(self, now_ns: int, link: str, packet: Packet) -> None:
        """A packet went out."""

    def stimulated(self, now_ns: int, stimulus: Any) -> None:
        """The laboratory or the patient's life acted."""
