"""Control logic that believes the programmed rate, whatever its sensors say: what went wrong once.

SynchroMed II computed its low-reservoir alarm from the programmed rate, so that a pump that infused
too fast ran empty in silence (docs/domain.md, section 4). This is the reference logic with its
measuring replaced by that belief: no sensor is looked at, and what a refill left is the label's
word. Lay it beside the truth and beside the reference: `scenarios/recalled-*`.
"""

from typing import Any

from protocol.control import Event, Interval, Memory, Outcome, Readings, Request
from protocol.vocabulary import Quality, ResetCause
from pumpsim.firmware.measure import Model
from pumpsim.firmware.reference import ReferenceLogic
from pumpsim.firmware.state import State


def by_programmed_rate(state: State, model: Model, elapsed: int, events: list[Event]) -> None:
    """The flow is the nominal one; what is left is what was declared, less that flow."""
    del events  # nothing is ever seen that would have to be logged
    configuration, refill = model.configuration, state.refills.refill
    nominal = configuration.nominal_flow_nl_per_h
    state.flow = Interval(nominal, nominal, nominal, Quality.GOOD)
    state.account.deliver(elapsed, nominal)
    state.dose_limit.feed(elapsed, nominal, state.account)
    filled_nl = 0 if refill is None else refill.filled_nl
    state.fill.level_nl = max(filled_nl - state.account.since_refill_nl, 0)
    volume = state.fill.volume()
    assert volume is not None
    state.refills.predict(state.now, volume, nominal, configuration)


class ProgrammedRateLogic:
    """The `ControlLogic` of a pump that cannot be wrong about its flow."""

    name = "programmed rate"

    def __init__(self) -> None:
        """The reference logic, measuring nothing."""
        self._logic = ReferenceLogic(by_programmed_rate)

    def boot(self, memory: Memory, cause: ResetCause, ticks: int) -> Outcome:
        """See `ControlLogic`."""
        return self._logic.boot(memory, cause, ticks)

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        """See `ControlLogic`."""
        return self._logic.sample(ticks, readings)

    def advance(self, ticks: int) -> Outcome:
        """See `ControlLogic`."""
        return self._logic.advance(ticks)

    def handle(self, ticks: int, request: Request) -> Outcome:
        """See `ControlLogic`."""
        return self._logic.handle(ticks, request)

    def next_deadline(self) -> int | None:
        """See `ControlLogic`."""
        return self._logic.next_deadline()

    def save(self) -> dict[str, Any]:
        """See `Restorable`."""
        return self._logic.save()

    def load(self, memory: Memory, state: dict[str, Any]) -> None:
        """See `Restorable`."""
        self._logic.load(memory, state)
