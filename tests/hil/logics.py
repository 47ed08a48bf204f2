"""Control logic for tests: some that watches the clock, and some that breaks its contract."""

from protocol.control import (
    TICK_BITS,
    TICKS_PER_S,
    Actuation,
    Event,
    Memory,
    Outcome,
    PowerLostError,
    Readings,
    Request,
)
from protocol.messages import Done
from protocol.vocabulary import EventKind, ResetCause, Sounder

COUNTS = 1 << TICK_BITS


class Metronome:
    """Beeps on and off every 25 s by deadline, and every third sample by sample."""

    PERIOD = 25 * TICKS_PER_S

    def __init__(self) -> None:
        self._due: int | None = None
        self._on = False

    def boot(self, memory: Memory, cause: ResetCause, ticks: int) -> Outcome:
        del memory, cause
        self._due = (ticks + self.PERIOD) % COUNTS
        return Outcome(actuation=Actuation(Sounder.OFF, patient_signal=False))

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        if readings.sequence % 3:
            return Outcome()
        return Outcome(events=(Event(EventKind.SELF_TEST, value=ticks),))

    def advance(self, ticks: int) -> Outcome:
        assert self._due is not None
        self._due = (self._due + self.PERIOD) % COUNTS
        self._on = not self._on
        sounder = Sounder.LOW if self._on else Sounder.OFF
        beep = Actuation(sounder, patient_signal=self._on)
        return Outcome(actuation=beep, events=(Event(EventKind.SELF_TEST, value=ticks),))

    def handle(self, ticks: int, request: Request) -> Outcome:
        del ticks, request
        return Outcome(reply=Done())

    def next_deadline(self) -> int | None:
        return self._due


class Raising(Metronome):
    """Fails at every fifth sample."""

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        if readings.sequence % 5 == 4:
            raise ZeroDivisionError("five")
        return super().sample(ticks, readings)


class Nonsense(Metronome):
    """Returns what is no outcome."""

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        del ticks, readings
        return "beep"  # type: ignore[return-value]


class Unpowered(Metronome):
    """Its memory loses power once."""

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        if readings.sequence == 2:
            raise PowerLostError
        return super().sample(ticks, readings)


class Unbootable(Metronome):
    """Never starts."""

    def boot(self, memory: Memory, cause: ResetCause, ticks: int) -> Outcome:
        raise RuntimeError("dead board", memory, cause, ticks)


class Unmakeable(Metronome):
    """Cannot even be made."""

    def __init__(self) -> None:
        raise OSError("no board")


class LateStarter(Metronome):
    """Boots at its fourth try; its memory counts them."""

    def boot(self, memory: Memory, cause: ResetCause, ticks: int) -> Outcome:
        tries = (memory.read(0, 1)[0] + 1) % 256  # blank is 255
        memory.write(0, bytes([tries]))
        if tries < 3:
            raise RuntimeError("cold", tries)
        return super().boot(memory, cause, ticks)


class Unanswering(Metronome):
    """Fails at every request."""

    def handle(self, ticks: int, request: Request) -> Outcome:
        raise RuntimeError("what?", ticks, request)


class BootLoop(Metronome):
    """Is due at once, and fails when it is called."""

    def boot(self, memory: Memory, cause: ResetCause, ticks: int) -> Outcome:
        outcome = super().boot(memory, cause, ticks)
        self._due = ticks
        return outcome

    def advance(self, ticks: int) -> Outcome:
        raise RuntimeError("again", ticks)


class Valve(Metronome):
    """Wants a valve that the device has not."""

    def boot(self, memory: Memory, cause: ResetCause, ticks: int) -> Outcome:
        super().boot(memory, cause, ticks)
        return Outcome(actuation=Actuation(Sounder.HIGH, patient_signal=False, valve_open=False))


class ClockSetter(Metronome):
    """Sets the real-time clock when it starts."""

    def boot(self, memory: Memory, cause: ResetCause, ticks: int) -> Outcome:
        super().boot(memory, cause, ticks)
        beep = Actuation(Sounder.OFF, patient_signal=False, set_rtc_s=1_800_000_000)
        return Outcome(actuation=beep)


NOT_CALLABLE = 7


class Half:
    """Has only one of the methods."""

    def next_deadline(self) -> int | None:
        return None


class Unmade(Metronome):
    """Its constructor fails."""

    def __init__(self) -> None:
        raise LookupError("no table for this sensor")
