"""Control logic outside the device: samples with their ticks in, decisions out. Pure.

It is treated as the device treats its own: booted on a blank memory, told its configuration by the
same commands, called for a deadline before the sample that lies behind it, booted again when it
breaks its contract. So the same logic, given the same samples, decides the same.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from protocol.control import (
    Beliefs,
    ControlLogic,
    Outcome,
    PowerLostError,
    Readings,
    Request,
)
from protocol.guard import FirmwareFaultError, Guard, made
from protocol.memory import RamMemory
from protocol.messages import ConfigurationReport, Refused
from protocol.provision import provision
from protocol.vocabulary import FirmwareFault, ResetCause, Role

MAX_FAULTS: Final = 1_000
"""Logic that failed so often is not booted again: a boot loop ends."""


class Decision(NamedTuple):
    """An outcome that says something, at the device's tick count."""

    ticks: int
    outcome: Outcome


class FaultNote(NamedTuple):
    """The logic broke its contract (or, without a fault, asked for a reset by PowerLostError)."""

    ticks: int
    fault: FirmwareFault | None
    detail: str

    @property
    def name(self) -> str:
        """Of the fault, in words."""
        return "power_lost" if self.fault is None else self.fault.name.lower()


class HostedLogic:
    """One logic on one memory; ticks are those of the device whose samples it gets."""

    def __init__(self, make: Callable[[], ControlLogic]) -> None:
        """Not booted yet."""
        self.faults: list[FaultNote] = []
        self.beliefs: Beliefs | None = None
        self._make = make
        self._memory = RamMemory()
        self._guard: Guard | None = None
        self._boot_ticks = 0
        self._ticks = 0
        self._decisions: list[Decision] = []

    @property
    def mute(self) -> bool:
        """It failed while it booted, or far too often, and decides nothing any more."""
        return self._guard is None

    def boot(self, ticks: int, cause: ResetCause) -> None:
        """Begin a life at that tick of the device; its own ticks count from 0."""
        self._boot_ticks, self._ticks = ticks, 0
        self.beliefs = None
        self._guard = None
        if len(self.faults) >= MAX_FAULTS:
            return
        try:
            guard = Guard(made(self._make))
            self._note(guard.boot(self._memory, cause, 0))
        except (FirmwareFaultError, PowerLostError) as error:
            self._note_fault(error)
        else:
            self._guard = guard

    def provision(self, report: ConfigurationReport) -> list[Refused]:
        """Tell it what the factory and the clinic tell a pump; what it refused."""
        refused = []
        for command in provision(report):
            request = Request(command, Role.SERVICE, 0)
            outcome = self._call(partial(Guard.handle, request=request))
            if outcome is not None and isinstance(outcome.reply, Refused):
                refused.append(outcome.reply)
        return refused

    def sample(self, ticks: int, readings: Readings) -> None:
        """Deadlines that lie before the sample first, then the sample."""
        self.advance(ticks)
        self._ticks = ticks - self._boot_ticks
        self._call(partial(Guard.sample, readings=readings))

    def advance(self, ticks: int) -> None:
        """Everything that is due up to that tick of the device."""
        while (due := self.next_deadline()) is not None and due <= ticks:
            self._ticks = max(due - self._boot_ticks, self._ticks)
            self._call(Guard.advance)

    def next_deadline(self) -> int | None:
        """The device's tick at which `advance` has something to do."""
        if self._guard is None or self._guard.deadline is None:
            return None
        return self._guard.deadline + self._boot_ticks

    def take_decisions(self) -> list[Decision]:
        """What was decided since the last call."""
        taken, self._decisions = self._decisions, []
        return taken

    def _call(self, act: Callable[[Guard, int], Outcome]) -> Outcome | None:
        """One call into the logic; None when it is mute, or failed and was booted again."""
        if self._guard is None:
            return None
        try:
            outcome = act(self._guard, self._ticks)
        except (FirmwareFaultError, PowerLostError) as error:
            self._note_fault(error)
            lost = isinstance(error, PowerLostError)
            cause = ResetCause.BROWN_OUT if lost else ResetCause.FIRMWARE_FAULT
            self.boot(self._boot_ticks + self._ticks, cause)
            return None
        self._note(outcome)
        return outcome

    def _note(self, outcome: Outcome) -> None:
        if outcome.beliefs is not None:
            self.beliefs = outcome.beliefs
        if outcome.events or outcome.alarms or outcome.actuation is not None:
            self._decisions.append(Decision(self._boot_ticks + self._ticks, outcome))

    def _note_fault(self, error: FirmwareFaultError | PowerLostError) -> None:
        fault = error.fault if isinstance(error, FirmwareFaultError) else None
        self.faults.append(FaultNote(self._boot_ticks + self._ticks, fault, str(error)))
