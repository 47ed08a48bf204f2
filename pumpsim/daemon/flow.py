"""What keeps one link from drowning: telemetry and error replies have a rate of the wall clock.

Replies, alarms and events always pass; telemetry above the rate is left out, and the next one says
how many were (COM-10).
"""

import time
from typing import Final

from protocol.messages import Packet, Telemetry

MAX_TELEMETRY_PER_S: Final = 200.0
MAX_ERRORS_PER_S: Final = 5.0
BURST_S: Final = 1.0


class Budget:
    """So many a second, with a second's worth saved up at most."""

    def __init__(self, per_s: float) -> None:
        """Full at first."""
        self._per_s = per_s
        self._tokens = per_s * BURST_S
        self._at_ns = time.monotonic_ns()

    def take(self) -> bool:
        """Spend one, if there is one."""
        now_ns = time.monotonic_ns()
        gained = (now_ns - self._at_ns) / 1e9 * self._per_s
        self._tokens = min(self._tokens + gained, self._per_s * BURST_S)
        self._at_ns = now_ns
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


class TelemetryGate:
    """Lets telemetry through at the rate, and counts what it keeps back."""

    def __init__(self) -> None:
        """Open, with nothing dropped."""
        self._budget = Budget(MAX_TELEMETRY_PER_S)
        self._dropped = 0

    def admit(self, packet: Packet, *, congested: bool) -> Packet | None:
        """The packet to send, or None when it is left out."""
        body = packet.body
        if not isinstance(body, Telemetry):
            return packet
        if congested or not self._budget.take():
            self._dropped += 1
            return None
        if self._dropped:
            packet = Packet(packet.header, body.model_copy(update={"dropped": self._dropped}))
            self._dropped = 0
        return packet
