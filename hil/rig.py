"""A rig: the device under test, a clock, a laboratory, and what was measured.

    with open_rig("sim:") as rig:
        rig.laboratory.stimulate({"kind": "fever", "rise": "2 K"})
        rig.wait("6 h")
        rig.measure("pump temperature", 38.9, "degC")

A script sees nothing else, so that it runs unchanged wherever the URI points.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hil.client import Client
from hil.clock import Clock, RemoteClock, WallClock
from hil.errors import LocalError, NotSafeError
from hil.exchange import Exchange
from hil.instruments.bench import Instruments
from hil.instruments.kinds import Sensors
from hil.instruments.laboratory import instruments
from hil.laboratory import ControlApi, Laboratory, NoLaboratory, RemoteLaboratory
from hil.port import Codec, JsonCodec, Link, LinkPort, Port, RawPort, StreamCodec
from hil.record import InstrumentRow, Measurement
from hil.target import (
    EXAMPLES,
    BoardTarget,
    LinkTarget,
    MqttTarget,
    SerialTarget,
    SimTarget,
    TcpTarget,
    parse,
)
from protocol.messages import Actuate, ConfigurationReport, Identity
from protocol.quantity import QuantityError, parse_int
from protocol.vocabulary import Capability, Sounder

if TYPE_CHECKING:
    from hil.emulated.bench import EmulatedClock, EmulatedLaboratory, EmulatedPort
    from hil.emulated.chaos import LinkChaos
    from hil.rigfile import RigFile

SILENCE: Final = Actuate(sounder=Sounder.OFF, patient_signal=False)


@dataclass
class Rig:
    """Use it in a `with` block: it leaves everything safe, and gives every port back."""

    dut: Client
    clock: Clock
    laboratory: Laboratory
    identity: Identity
    instruments: Instruments = field(default_factory=Instruments)
    evidence: list[Measurement] = field(default_factory=list)
    rows: list[InstrumentRow] = field(default_factory=list)
    """The instruments of a rig file, with their calibration."""
    sensors: Sequence[Sensors] = ()
    """What takes the place of a device, unit by unit."""
    save: Callable[[], dict[str, Any]] | None = None
    """The whole rig as plain data for `open_rig`; None where the device lives on by itself."""
    reopen: "Callable[[Mapping[str, Any]], Rig] | None" = None
    """Another rig, as `save` described this one; None where nobody can make it."""
    _held: ExitStack = field(default_factory=ExitStack)

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the device offers beyond the core."""
        return frozenset(self.identity.capabilities)

    @property
    def has_laboratory(self) -> bool:
        """Whether anything on this rig can act on the pump beside its link."""
        return not isinstance(self.laboratory, NoLaboratory)

    def wait(self, duration: str) -> None:
        """Let a duration such as "6 h" pass; notices are kept meanwhile. LocalError for no such."""
        until_ns = self.clock.now_ns() + duration_ns(duration)
        while self.clock.wait(until_ns, self.dut.exchange) < until_ns:
            self.dut.exchange.collect()

    def measure(self, name: str, value: float, unit: str) -> None:
        """Put a number on record, at the present instant."""
        self.evidence.append(Measurement(name, value, unit, self.clock.now_ns()))

    def make_safe(self) -> None:
        """End what this bench started: the device quiet, then bath, outlet and supply let go.

        Only instruments that somebody took in hand are touched. One that fails keeps no other from
        being told; NotSafeError has a sentence for each, and it stays in hand.
        """
        failures = _failure("the device was not told", self._quieten)
        instruments, in_hand = self.instruments, self.instruments.in_hand()
        for kind, what, act in (
            ("bath", "the bath was not stopped", lambda: instruments.bath.stop()),
            ("pressure", "the outlet was not vented", lambda: instruments.pressure.vent()),
            ("supply", "the supply is not off", lambda: instruments.supply.switch(on=False)),
        ):
            if kind in in_hand and not (failed := _failure(what, act)):
                instruments.let_go(kind)
            elif kind in in_hand:
                failures += failed
        if failures:
            raise NotSafeError(failures)

    def close(self) -> None:
        """Give every port back, and leave all as it is."""
        self._held.close()

    def __enter__(self) -> "Rig":
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        try:
            self.make_safe()
        except NotSafeError as unsafe:
            if error is None:
                raise
            for sentence in unsafe.sentences:
                error.add_note(sentence)
        finally:
            self.close()

    def _quieten(self) -> None:
        if self.dut.telemetry:
            self.dut.subscribe_telemetry(0)
        if self.dut.samples:
            self.dut.subscribe_samples(enabled=False)
        if self.dut.actuated:
            self.dut.actuate(SILENCE)
        self.dut.close_session()


def _failure(what: str, act: Callable[[], object]) -> list[str]:
    """The sentence when it fails, whatever it fails by: what else is to be told is told."""
    try:
        act()
    except Exception as error:  # noqa: BLE001
        return [f"not safe: {what}: {error}"]
    return []


def duration_ns(text: str) -> int:
    """A duration such as "14 d"; LocalError when the text is none, or not positive."""
    try:
        value_ns = parse_int(text, "duration")
    except QuantityError as error:
        raise LocalError(str(error)) from None
    if value_ns <= 0:
        raise LocalError(f"{text!r} is no time to wait")
    return value_ns


def open_rig(name: str, state: Mapping[str, Any] | None = None) -> Rig:
    """The rig that a URI names, or a rig file: FILE.toml.

    LocalError for a bad URI or file, RigError when something is not there, or somebody else holds
    it. `state` is what `Rig.save` gave: the rig goes on from there.
    """
    return _open_file(Path(name)) if is_file(name) else _open_uri(name, state)


def is_file(name: str) -> bool:
    """Whether that is a rig file, and no URI."""
    return name.endswith(".toml") and name.partition(":")[0] not in EXAMPLES


def _open_file(path: Path) -> Rig:
    """The device first, then what stands around it; nobody else may hold the rig."""
    from hil import lock, opening, rigfile

    file = rigfile.load(path)
    with ExitStack() as held:
        held.enter_context(lock.held(file.places(path)))
        rig = _open_board(file) if file.is_board else _open_uri(file.dut, None)
        held.push(rig._held)  # noqa: SLF001
        stands, rows = opening.open_all(file, rig.clock, rig.laboratory, held)
        return replace(
            rig,
            instruments=stands,
            rows=rig.rows + rows,
            save=None,
            reopen=None,
            _held=held.pop_all(),
        )


def _open_uri(uri: str, state: Mapping[str, Any] | None) -> Rig:
    target = parse(uri)
    if isinstance(target, SimTarget):
        return _open_emulated(target, state)
    if state is not None:
        raise LocalError(f"{uri} is no rig that can be put back to where it was")
    if isinstance(target, BoardTarget):
        raise LocalError(f"{uri} is made of the sensors of a rig file: give that, FILE.toml")
    chaos = _chaos(target)
    link, codec = _open_link(target)
    if chaos is not None:
        from hil.emulated.chaos import ChaoticLink

        link = ChaoticLink(link, chaos)
    with ExitStack() as held:
        arrived = threading.Event()
        port = LinkPort(link, codec, arrived)
        held.callback(port.close)
        dut = Client(Exchange(port))
        identity = dut.identify()
        clock, laboratory = around(target.control, arrived, identity.device_id, held)
        stands = Instruments() if target.control is None else instruments(laboratory, clock)
        return Rig(dut, clock, laboratory, identity, stands, _held=held.pop_all())


def around(
    control: str | None, arrived: threading.Event, device_id: str, held: ExitStack
) -> tuple[Clock, Laboratory]:
    """What a device lives in: the wall's time and no laboratory, unless it has a control API.

    RigError when that does not answer; `held` hangs up.
    """
    if control is None:
        return WallClock(arrived), NoLaboratory()
    api = ControlApi(control)
    held.callback(api.close)
    return RemoteClock(api), RemoteLaboratory(api, device_id)


def _open_board(file: "RigFile") -> Rig:
    """A device made of what the file's units measure."""
    from hil import wiring
    from hil.board import Board, BoardClock

    with ExitStack() as held:
        pump = open_pump(file.dut, held)
        wired = [(unit, wiring.open_unit(unit, pump.clock, held)) for unit in file.units()]
        sensors = [one.sensors for _, one in wired if one.sensors is not None]
        relay = next((one.relay for _, one in wired if one.relay is not None), None)
        board = Board(pump.clock, sensors, relay, pump.report, pump.id)
        dut = Client(Exchange(board))
        rows = [row for unit, one in wired for row in wiring.rows_of(unit, one.identity)]
        clock = BoardClock(pump.clock, board)
        identity = dut.identify()
        return Rig(
            dut,
            clock,
            pump.laboratory,
            identity,
            rows=rows,
            sensors=sensors,
            _held=held.pop_all(),
        )


class Pump(NamedTuple):
    """A pump without electronics that answer: who it is, and the time it lives in."""

    id: str
    report: ConfigurationReport
    clock: Clock
    laboratory: Laboratory


def open_pump(uri: str, held: ExitStack) -> Pump:
    """What board:PUMP.toml names; LocalError for a bad file, RigError without its control API."""
    from hil.emulated import read_pump

    target = parse(uri)
    assert isinstance(target, BoardTarget)  # a rig file has sensors with this one alone
    pump_id, report = read_pump(target.pump)
    clock, laboratory = around(target.control, threading.Event(), pump_id, held)
    return Pump(pump_id, report, clock, laboratory)


def _chaos(target: SimTarget | LinkTarget) -> "LinkChaos | None":
    """What the URI's chaos file says of that kind of link; LocalError when it cannot be."""
    if target.chaos is None:
        return None
    from hil.emulated.chaos import LinkChaos

    match target:
        case SerialTarget():
            return LinkChaos.load(target.chaos, "serial")
        case MqttTarget():
            return LinkChaos.load(target.chaos, "mqtt")
        case _:  # in process, a link can do what a socket can
            return LinkChaos.load(target.chaos, "tcp")


def _open_link(target: LinkTarget) -> tuple[Link, Codec]:
    """Only the library that is needed is imported."""
    match target:
        case SerialTarget():
            from hil.links.serial_link import SerialLink

            return SerialLink(target.device, target.baud), StreamCodec()
        case TcpTarget():
            from hil.links.tcp_link import TcpLink

            return TcpLink(target.host, target.port), StreamCodec()
        case MqttTarget():
            from hil.links.mqtt_link import MqttLink

            link = MqttLink(target.host, target.port, target.device, tls=target.tls)
            return link, JsonCodec()


def _open_emulated(target: SimTarget, state: Mapping[str, Any] | None) -> Rig:
    from hil.emulated import open_emulated

    parts = open_emulated(target.pump, target.seed, state, bare=target.bare)
    return emulated_rig(parts, lambda saved: _open_emulated(target, saved), _chaos(target))


def emulated_rig(
    parts: "tuple[EmulatedPort, EmulatedClock, EmulatedLaboratory]",
    reopen: Callable[[Mapping[str, Any]], Rig] | None = None,
    chaos: "LinkChaos | None" = None,
) -> Rig:
    """A rig of an emulated pump's port, clock and laboratory, and how another is made of `save`."""
    port, clock, laboratory = parts
    dut = Client(Exchange(port if chaos is None else _chaotic(port, chaos)))
    held = ExitStack()
    held.callback(port.close)
    stands = instruments(laboratory, clock)
    return Rig(
        dut,
        clock,
        laboratory,
        dut.identify(),
        stands,
        save=laboratory.save,
        reopen=reopen,
        _held=held,
    )


def _chaotic(port: RawPort, chaos: "LinkChaos") -> Port:
    from hil.emulated.chaos import ChaoticPort

    return ChaoticPort(port, chaos)
