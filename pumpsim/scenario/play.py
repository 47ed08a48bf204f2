"""Play a scenario: everything that happens to a pump, in order, in virtual time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pumpsim.device import Device
from pumpsim.scenario.file import Occurrence, Scenario, when
from pumpsim.scenario.recorder import Recorder
from pumpsim.scenario.visits import Clinic, Visit
from pumpsim.scenario.watch import Watch
from pumpsim.stimuli import HOUR
from pumpsim.trace import Trace

SLICE_NS: Final = 6 * HOUR
"""Between two looks at `stop` and the progress line: a few milliseconds of work."""

Progress = Callable[[float], None]
"""Told the share of the run that is done, now and then."""


@dataclass(slots=True)
class Run:
    """One run of a scenario: `play` it, then read the parts."""

    scenario: Scenario
    device: Device
    watch: Watch
    clinic: Clinic
    stop: bool = False

    @classmethod
    def prepare(
        cls, scenario: Scenario, seed: int | None, trace: Trace, *, record: bool = False
    ) -> "Run":
        """Implant the pump; ConfigError when its logic cannot be loaded."""
        watch = Watch(trace)
        device = Device(scenario.pump, scenario.seed if seed is None else seed, watch)
        if record:
            watch.recorder = Recorder(device, scenario.length_ns)
        trace.begin(device, scenario.name)
        device.implant()
        return cls(scenario, device, watch, Clinic(device, scenario.fills))

    def play(self, progress: Progress | None = None) -> None:
        """Let everything happen, in order; ConfigError when something turns out impossible."""
        for occurrence in self.scenario.occurrences:
            if not self._advance(occurrence.at_ns, progress):
                return
            self._happen(occurrence)
        self._advance(self.scenario.length_ns, progress)

    def _advance(self, until_ns: int, progress: Progress | None) -> bool:
        device = self.device
        while device.now_ns < until_ns and not self.stop:
            device.advance(min(device.now_ns + SLICE_NS, until_ns))
            if progress is not None:
                progress(device.now_ns / self.scenario.length_ns)
        return not self.stop

    def _happen(self, occurrence: Occurrence) -> None:
        action = occurrence.action
        try:
            if isinstance(action, Visit):
                self.clinic.receive(action)
            else:
                self.device.stimulate(occurrence.at_ns, action)
        except ValueError as error:
            reason = f"{when(occurrence.at_ns)}: {error}"
            raise self.scenario.complain(occurrence.event, reason) from None
