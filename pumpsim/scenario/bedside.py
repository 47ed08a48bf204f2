"""Where a scenario takes place: one pump within reach, its patient, and time that can pass.

The clinic and the player know nothing else, so that the same scenario is played on a device in this
process and on a rig.
"""

from typing import Any, Protocol

from protocol import messages as m
from protocol.plain import type_name
from protocol.vocabulary import Refusal


class RefusedError(Exception):
    """The pump refused a request; nothing was changed by it."""

    def __init__(self, request: m.Body, reason: Refusal) -> None:
        """Keep the reason apart from the sentence."""
        self.request = type_name(type(request))
        self.reason = reason
        super().__init__(f"the pump refused {self.request}: {reason.name.lower()}")


class ProgrammerPort(Protocol):
    """A clinician's programmer. `ask` and `command` raise RefusedError when the pump refuses."""

    def open(self) -> None:
        """Come into reach of the pump."""

    def close(self) -> None:
        """End the session and leave."""

    def ask(self, body: m.Ask) -> m.Reply:
        """The reply to a request that changes nothing."""

    def command(self, body: m.Command) -> m.Reply:
        """The reply to a request that changes something."""


class Bedside(Protocol):
    """One pump and its patient; instants are counted from the beginning of the scenario."""

    @property
    def programmer(self) -> ProgrammerPort:
        """Always the same one."""

    def now_ns(self) -> int:
        """The present instant."""

    def wait_until(self, until_ns: int) -> None:
        """Let time pass."""

    def act(self, stimulus: Any) -> dict[str, int]:
        """Let it happen now; what came of it. ValueError, and no change, when it cannot be."""

    def residual_nl(self) -> int:
        """What is truly left in the reservoir."""
