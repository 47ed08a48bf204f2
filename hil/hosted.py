"""Control logic outside the device: samples with their ticks in, decisions out. Pure.

It is treated as the device treats its own: booted on a blank memory, told its configuration by the
same commands, called for a deadline before the sample that lies behind it, booted again when it
breaks its contract, at once or with the next sample. So the same logic, given the same samples,
decides the same.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from protocol.control import (
    Beliefs,
    ControlLogic,
    Outcome,
    PowerLostError,
    Readings,
    Request,
)
from protocol.guard import FirmwareFaultError, Guard, made, restart_cause
from protocol.memory import RamMemory
from protocol.messages import ConfigurationReport, Refused
from protocol.provision import provision
from protocol.vocabulary import FirmwareFault, ResetCause, Role


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
        self.beliefs: Beliefs | None = None
        self._make = make
        self._memory = RamMemory()
        self._guard: Guard | None = None  # None while it waits for a sample to boot with
        self._shaky = False  # it has failed since it last took a sample
        self._boot_ticks = 0
        self._ticks = 0
        self._decisions: list[Decision] = []
        self._faults: list[FaultNote] = []

    def boot(self, ticks: int, cause: ResetCause) -> None:
        """Begin a life at that tick of the device; its own ticks count from 0."""
        self._boot_ticks, self._ticks = ticks, 0
        self.beliefs = None
        self._guard = None
        try:
            guard = Guard(made(self._make))
            self._note(guard.boot(self._memory, cause, 0))
        except (FirmwareFaultError, PowerLostError) as error:
            self._fail(error)
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
        """Deadlines that lie before the sample first, then the sample.

        Logic that boots with a sample takes it before anything that is due at once.
        """
        if ticks > self._boot_ticks:
            self.advance(ticks)
        if self._guard is None:
            self.boot(ticks, ResetCause.FIRMWARE_FAULT)  # it failed twice, and gets another chance
        self._ticks = ticks - self._boot_ticks
        if self._call(partial(Guard.sample, readings=readings)) is not None:
            self._shaky = False

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

    def take_faults(self) -> list[FaultNote]:
        """How it failed since the last call."""
        taken, self._faults = self._faults, []
        return taken

    def _call(self, act: Callable[[Guard, int], Outcome]) -> Outcome | None:
        """One call into the logic; None when it waits to be booted, or failed."""
        if self._guard is None:
            return None
        try:
            outcome = act(self._guard, self._ticks)
        except (FirmwareFaultError, PowerLostError) as error:
            self._fail(error)
            return None
        self._note(outcome)
        return outcome

    def _note(self, outcome: Outcome) -> None:
        if outcome.beliefs is not None:
            self.beliefs = outcome.beliefs
        if outcome.events or outcome.alarms or outcome.actuation is not None:
            self._decisions.append(Decision(self._boot_ticks + self._ticks, outcome))

    def _fail(self, error: FirmwareFaultError | PowerLostError) -> None:
        """It starts anew, at once or with the next sample, as it would in a device."""
        ticks = self._boot_ticks + self._ticks
        fault = error.fault if isinstance(error, FirmwareFaultError) else None
        self._faults.append(FaultNote(ticks, fault, str(error)))
        self._guard = None
        cause = restart_cause(error, shaky=self._shaky)
        self._shaky = True
        if cause is not None:
            self.boot(ticks, cause)
