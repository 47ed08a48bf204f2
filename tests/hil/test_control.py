"""Control logic on the bench decides what the same logic decides inside a device."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hil.clock import NS_PER_S
from hil.control import AlarmNote, Controller, SounderNote, Summary
from hil.emulated.bench import EmulatedPort
from hil.errors import LocalError
from hil.exchange import Exchange
from hil.hosted import FaultNote
from hil.port import Item
from hil.rig import Rig, open_rig
from protocol import messages as m
from protocol.control import ControlLogic, Memory, Outcome, Readings, Request
from protocol.vocabulary import AlarmId, FirmwareFault, ResetCause, Sounder
from pumpsim.device import Device
from pumpsim.firmware import ReferenceLogic
from pumpsim.pumpfile import PumpFile, demo, load
from pumpsim.stimuli import ADAPTER
from tests.hil import logics

HOUR_NS = 3_600 * NS_PER_S
DAY_NS = 24 * HOUR_NS
PERIOD_NS = 60 * NS_PER_S
BARE = "sim:?bare=1"
NEARLY_EMPTY = """
[pump]
id = "demo"
[fill]
volume = "6 mL"
[alarms]
refill_interval = "3 d"
refill_grace = "1 d"
refill_min_interval = "1 d"
"""
"""It lives through in days what a full pump does in weeks."""
FAST = {"kind": "plant_condition", "name": "restrictor_conductance_factor", "value": 1.4}


class Seen:
    """Watches a run on the bench."""

    def __init__(self) -> None:
        self.alarms: list[AlarmNote] = []
        self.sounded: list[SounderNote] = []
        self.faults: list[FaultNote] = []
        self.elapsed_ns = 0

    def alarm(self, note: AlarmNote) -> None:
        self.alarms.append(note)

    def sounder(self, note: SounderNote) -> None:
        self.sounded.append(note)

    def fault(self, note: FaultNote) -> None:
        self.faults.append(note)

    def progress(self, elapsed_ns: int, duration_ns: int) -> None:
        assert self.elapsed_ns <= elapsed_ns <= duration_ns
        self.elapsed_ns = elapsed_ns


class Decided:
    """Taps a device with control logic of its own."""

    def __init__(self) -> None:
        self.outcomes: list[tuple[int, Outcome]] = []

    def decided(self, now_ns: int, ticks: int, outcome: Outcome) -> None:
        del now_ns
        self.outcomes.append((ticks, outcome))

    def hour(self, now_ns: int) -> None: ...
    def sampled(self, now_ns: int, ticks: int, readings: Readings) -> None: ...
    def booted(self, now_ns: int, cause: ResetCause, boot_id: int) -> None: ...
    def received(self, now_ns: int, link: str, packet: m.Packet) -> None: ...
    def sent(self, now_ns: int, link: str, packet: m.Packet) -> None: ...
    def stimulated(self, now_ns: int, stimulus: Any) -> None: ...


def inside(
    logic: str, duration_ns: int, *stimuli: dict[str, Any], pump: PumpFile | None = None
) -> Decided:
    pump = pump or demo()
    pump = pump.model_copy(update={"pump": pump.pump.model_copy(update={"logic": logic})})
    tap = Decided()
    device = Device(pump, 1, tap)
    device.implant()
    for stimulus in stimuli:
        device.stimulate(0, ADAPTER.validate_python(stimulus))
    device.advance(duration_ns)
    return tap


def outside(
    make: Callable[[], ControlLogic], duration_ns: int, *stimuli: dict[str, Any], uri: str = BARE
) -> tuple[Summary, Seen]:
    seen = Seen()
    with open_rig(uri) as rig:
        controller = Controller(rig, make, seen)
        for stimulus in stimuli:
            rig.laboratory.stimulate(stimulus)
        return controller.run(duration_ns), seen


@pytest.mark.slow
def test_the_reference_logic_raises_the_same_alarms_at_the_same_ticks(tmp_path: Path) -> None:
    path = tmp_path / "nearly-empty.toml"
    path.write_text(NEARLY_EMPTY, encoding="utf-8")
    tap = inside("pumpsim.firmware:ReferenceLogic", 5 * DAY_NS, FAST, pump=load(path))
    summary, seen = outside(ReferenceLogic, 5 * DAY_NS, FAST, uri=f"sim:{path}?bare=1")
    expected = [AlarmNote(ticks, alarm) for ticks, o in tap.outcomes for alarm in o.alarms]
    assert {note.alarm.alarm for note in expected} >= {
        AlarmId.OVER_INFUSION,
        AlarmId.EMPTY_RESERVOIR,
        AlarmId.REFILL_OVERDUE,
    }
    assert list(summary.alarms) == seen.alarms == expected
    assert summary.samples == 5 * 24 * 60 + 1
    assert summary.missed == summary.repeated == summary.reboots == 0
    assert not summary.refusals
    assert seen.elapsed_ns == 5 * DAY_NS


def test_deadlines_between_samples_are_decided_at_the_same_ticks() -> None:
    tap = inside("tests.hil.logics:Metronome", 6 * HOUR_NS)
    expected = [
        (ticks, o.actuation, tuple(o.events))
        for ticks, o in tap.outcomes
        if o.actuation is not None or o.events
    ]
    decided: list[Any] = []

    class Noted(logics.Metronome):
        def sample(self, ticks: int, readings: Readings) -> Outcome:
            return self.note(ticks, super().sample(ticks, readings))

        def advance(self, ticks: int) -> Outcome:
            return self.note(ticks, super().advance(ticks))

        @staticmethod
        def note(ticks: int, outcome: Outcome) -> Outcome:
            if outcome.actuation is not None or outcome.events:
                decided.append((ticks, outcome.actuation, tuple(outcome.events)))
            return outcome

    outside(Noted, 6 * HOUR_NS)
    assert len(expected) > 6 * 120
    assert decided == expected[1:]  # the first is the boot's


def test_outputs_reach_the_device_before_the_next_sample() -> None:
    with open_rig(BARE) as rig:
        played = []

        class Listening(logics.Metronome):
            def sample(self, ticks: int, readings: Readings) -> Outcome:
                if readings.sequence % 5:  # every fifth sample falls together with a deadline
                    played.append((self._on, rig.laboratory.truth()["actuation"]["sounder"]))
                return super().sample(ticks, readings)

        summary = Controller(rig, Listening, Seen()).run(HOUR_NS)
    assert summary.outputs == 144 + 1
    assert {on for on, _ in played} == {True, False}
    assert all(on == (sounder == Sounder.LOW) for on, sounder in played)


def test_the_device_is_left_quiet() -> None:
    with open_rig(BARE) as rig:
        summary = Controller(rig, logics.Metronome, Seen()).run(30 * NS_PER_S)
        assert [note.sounder for note in summary.sounder] == [Sounder.LOW]
        assert rig.laboratory.truth()["actuation"]["sounder"] == Sounder.LOW
    assert rig.laboratory.truth()["actuation"]["sounder"] == Sounder.OFF


def test_a_device_that_decides_for_itself_is_refused() -> None:
    with open_rig("sim:") as rig, pytest.raises(LocalError, match="bare"):
        Controller(rig, ReferenceLogic, Seen())


@pytest.mark.parametrize(
    ("logic", "fault", "times"),
    [
        (logics.Raising, FirmwareFault.RAISED, 2),  # of the samples 0 to 10, the 4th and the 9th
        (logics.Nonsense, FirmwareFault.BAD_OUTCOME, 11),
        (logics.Unpowered, None, 1),
    ],
)
def test_broken_logic_is_named_counted_and_booted_again(
    logic: Callable[[], ControlLogic], fault: FirmwareFault | None, times: int
) -> None:
    summary, seen = outside(logic, 600 * NS_PER_S)
    assert [note.fault for note in seen.faults] == [fault] * times
    assert list(summary.faults) == seen.faults
    assert summary.samples == 11


class Noted:
    """Logic that keeps a diary of what it is called for, save deadlines.

    A device's ticks begin within a tick of the crystal when it boots, those on the bench with one.
    """

    def __init__(self, make: Callable[[], ControlLogic], diary: list[tuple[str, int]]) -> None:
        self._diary = diary
        self._diary.append(("made", 0))
        self._logic = make()

    def boot(self, memory: Memory, cause: ResetCause, ticks: int) -> Outcome:
        self._diary.append(("boot", cause))
        return self._logic.boot(memory, cause, ticks)

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        self._diary.append(("sample", readings.sequence))
        return self._logic.sample(ticks, readings)

    def advance(self, ticks: int) -> Outcome:
        return self._logic.advance(ticks)

    def handle(self, ticks: int, request: Request) -> Outcome:
        self._diary.append(("handle", request.body.code))
        return self._logic.handle(ticks, request)

    def next_deadline(self) -> int | None:
        return self._logic.next_deadline()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("logic", "boots"),  # of the samples 0 to 360
    [
        (logics.Raising, 1 + 72),  # every fifth sample fails, and the next one does not
        (logics.Nonsense, 2 + 359),  # at once, then with each sample from the third on
        (logics.Unpowered, 1 + 1),
        (logics.Unbootable, 2 + 361),
        (logics.Unmakeable, 0),
        (logics.LateStarter, 2 + 2),
        (logics.BootLoop, 2 + 2 * 360),
        (logics.Unanswering, 2 + 1),
    ],
)
def test_failing_logic_boots_at_the_same_samples_as_in_a_device(
    logic: Callable[[], ControlLogic], boots: int
) -> None:
    """RST-04, RST-11."""
    length_ns = 6 * HOUR_NS + PERIOD_NS // 2  # so that what is due with the last sample is seen
    expected: list[tuple[str, int]] = []
    device = Device(demo(), 1)
    device.logic = lambda: Noted(logic, expected)
    device.implant()
    device.advance(length_ns)
    diary: list[tuple[str, int]] = []
    summary, seen = outside(lambda: Noted(logic, diary), length_ns)
    assert diary == expected
    assert sum(call == "boot" for call, _ in diary) == boots
    assert seen.elapsed_ns == length_ns
    assert list(summary.faults) == seen.faults


def test_an_output_the_device_has_not_is_refused_and_told() -> None:
    summary, _ = outside(logics.Valve, 60 * NS_PER_S)
    assert "actuate: no_valve (this device moves no lockout valve)" in list(summary.refusals)
    assert Sounder.HIGH not in [note.sounder for note in summary.sounder]  # wanted, never heard


def test_the_clock_is_set_through_the_link() -> None:
    summary, _ = outside(logics.ClockSetter, 60 * NS_PER_S)
    assert not summary.refusals
    with open_rig(BARE) as rig:
        Controller(rig, logics.ClockSetter, Seen()).run(60 * NS_PER_S)
        report = rig.dut.read_readings()
    assert isinstance(report, m.ReadingsReport)
    assert report.readings is not None
    assert report.readings.rtc_s in (1_800_000_059, 1_800_000_060)


class Sieve:
    """A port that loses or repeats samples."""

    def __init__(self, port: EmulatedPort, lost: set[int], doubled: set[int]) -> None:
        self.name = "sieve"
        self._port = port
        self._lost = lost
        self._doubled = doubled
        self._again: Item | None = None

    def send(self, packet: m.Packet) -> None:
        self._port.send(packet)

    def receive(self, timeout_s: float) -> Item | None:
        if self._again is not None:
            again, self._again = self._again, None
            return again
        item = self._port.receive(timeout_s)
        if isinstance(item, m.Packet) and isinstance(item.body, m.Sampled):
            sequence = item.body.readings.sequence
            if sequence in self._lost:
                return self.receive(timeout_s)
            if sequence in self._doubled:
                self._again = item
        return item

    def ready(self) -> bool:
        return self._port.ready()

    def close(self) -> None:
        self._port.close()


def through(rig: Rig, lost: set[int], doubled: set[int]) -> None:
    port = rig.dut.exchange.port
    assert isinstance(port, EmulatedPort)
    rig.dut.exchange = Exchange(Sieve(port, lost, doubled))


def test_lost_samples_are_counted_and_repeated_ones_not_used_again() -> None:
    used = []

    class Counting(logics.Metronome):
        def sample(self, ticks: int, readings: Readings) -> Outcome:
            used.append(readings.sequence)
            return super().sample(ticks, readings)

    with open_rig(BARE) as rig:
        through(rig, lost={3, 4, 8}, doubled={5, 10})
        summary = Controller(rig, Counting, Seen()).run(720 * NS_PER_S)
    assert used == [0, 1, 2, 5, 6, 7, 9, 10, 11, 12]
    assert summary.missed == 3
    assert summary.repeated == 2
    assert summary.samples == len(used)


def test_after_a_silence_the_subscription_is_made_again() -> None:
    class Deaf(Seen):
        """Somebody takes the subscription away when ten minutes have passed."""

        taken = False

        def progress(self, elapsed_ns: int, duration_ns: int) -> None:
            if elapsed_ns >= 600 * NS_PER_S and not self.taken:
                self.taken = True
                rig.dut.subscribe_samples(enabled=False)
            super().progress(elapsed_ns, duration_ns)

    with open_rig(BARE) as rig:
        summary = Controller(rig, logics.Metronome, Deaf()).run(HOUR_NS)
    assert 2 <= summary.missed <= 4
    assert summary.samples == 61 - summary.missed


def test_when_the_device_resets_the_logic_boots_from_its_memory() -> None:
    boots: list[tuple[ResetCause, int, bytes]] = []

    class Noted(logics.Metronome):
        def boot(self, memory: Any, cause: ResetCause, ticks: int) -> Outcome:
            boots.append((cause, ticks, memory.read(0, 3)))
            memory.write(0, b"abc")
            return super().boot(memory, cause, ticks)

    class Resetting(Seen):
        done = False

        def progress(self, elapsed_ns: int, duration_ns: int) -> None:
            if elapsed_ns >= 630 * NS_PER_S and not self.done:
                self.done = True
                rig.laboratory.stimulate({"kind": "power_cycle", "cause": "brown_out"})
            super().progress(elapsed_ns, duration_ns)

    with open_rig(BARE) as rig:
        summary = Controller(rig, Noted, Resetting()).run(HOUR_NS)
    assert boots == [
        (ResetCause.POWER_ON, 0, b"\xff\xff\xff"),
        (ResetCause.BROWN_OUT, 0, b"abc"),
    ]
    assert summary.reboots == 1
    assert summary.missed == 0
    assert not summary.faults
