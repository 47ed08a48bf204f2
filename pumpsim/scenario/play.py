"""Play a scenario: everything that happens to a pump, in order, in virtual time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from pumpsim.device import Device
from pumpsim.scenario.bedside import Bedside
from pumpsim.scenario.file import Occurrence, Scenario, when
from pumpsim.scenario.programmer import DeviceBedside
from pumpsim.scenario.recorder import Recorder
from pumpsim.scenario.visits import Clinic, Visit
from pumpsim.scenario.watch import Watch
from pumpsim.stimuli import HOUR
from pumpsim.trace import Trace

SLICE_NS: Final = 6 * HOUR
"""Between two looks at `stop` and the progress line: a few milliseconds of work."""

Progress = Callable[[float], None]
"""Told the share of the run that is done, now and then."""


class Player:
    """One scenario at one bedside."""

    def __init__(self, scenario: Scenario, bedside: Bedside) -> None:
        """Nothing has happened yet."""
        self.clinic = Clinic(bedside, scenario.pump, scenario.fills)
        self._scenario = scenario
        self._bedside = bedside

    def steps(self, slice_ns: int = SLICE_NS) -> Iterator[int]:
        """Let everything happen, in order; the instant after each slice of time.

        ConfigError when something turns out impossible.
        """
        for occurrence in self._scenario.occurrences:
            yield from self._pass(occurrence.at_ns, slice_ns)
            self._happen(occurrence)
        yield from self._pass(self._scenario.length_ns, slice_ns)

    def _pass(self, until_ns: int, slice_ns: int) -> Iterator[int]:
        while (now_ns := self._bedside.now_ns()) < until_ns:
            reached_ns = min(now_ns + slice_ns, until_ns)
            self._bedside.wait_until(reached_ns)
            yield reached_ns

    def _happen(self, occurrence: Occurrence) -> None:
        action = occurrence.action
        try:
            if isinstance(action, Visit):
                self.clinic.receive(action)
            else:
                self._bedside.act(action)
        except ValueError as error:
            reason = f"{when(occurrence.at_ns)}: {error}"
            raise self._scenario.complain(occurrence.event, reason) from None


@dataclass(slots=True)
class Run:
    """One run of a scenario in process: `play` it, then read the parts."""

    scenario: Scenario
    device: Device
    watch: Watch
    player: Player
    stop: bool = False

    @classmethod
    def prepare(
        cls, scenario: Scenario, seed: int | None, trace: Trace, *, record: bool = False
    ) -> "Run":
        """Implant the pump; ConfigError when its logic cannot be loaded."""
        watch = Watch(trace)
        device = Device(scenario.pump, scenario.seed if seed is None else seed, watch)
        watch.follow(device)
        if record:
            watch.recorder = Recorder(device, scenario.length_ns)
        trace.begin(device, scenario.name)
        device.implant()
        return cls(scenario, device, watch, Player(scenario, DeviceBedside(device)))

    @property
    def clinic(self) -> Clinic:
        """Who received the patient."""
        return self.player.clinic

    def play(self, progress: Progress | None = None) -> None:
        """Let everything happen until the end, or until `stop`."""
        for now_ns in self.player.steps():
            if progress is not None:
                progress(now_ns / self.scenario.length_ns)
            if self.stop:
                return
