"""Rig files: one TOML file says what the device is, what stands around it, and what it may bear.

    dut = "serial:///dev/ttyUSB0"

    [balance]
    driver = "mt-sics"
    port = "serial:///dev/ttyUSB1?baud=9600"
    uncertainty = "0.5 mg"
    calibrated = 2026-03-02
    calibration_due = 2027-03-02

The instruments of an emulator have `driver = "laboratory"`, and need no port. Every uncertainty is
expanded, k = 2. `hil doctor` checks a file and all that it names.

Where there is no device yet, sensors and a relay make one. `board:PUMP.toml` names the pump, and
with it the configuration that control logic is born with:

    dut = "board:"

    [sensors.reservoir_pressure]
    driver = "scpi"
    port = "serial:///dev/ttyUSB1"
    channel = 101
    output = ["1 V", "5 V"]
    range = ["0 kPa", "700 kPa"]
    uncertainty = "1 kPa"

    [relay]
    driver = "scpi"
    port = "serial:///dev/ttyUSB1"
    channel = 201
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from pydantic import Field

from hil.errors import LocalError
from hil.instruments.bench import KINDS
from hil.instruments.port import FRAMES, parse_port, place
from hil.sections import (
    NAMELESS,
    PORTLESS,
    BalanceSection,
    BathSection,
    InstrumentSection,
    LimitsSection,
    PluggedSection,
    PressureSection,
    RelaySection,
    SensorSection,
    SensorsSection,
    SupplySection,
    SyringeSection,
)
from protocol import configfile as c

BOARD: Final = "board:"
Unit = dict[str, SensorSection | RelaySection]
"""What of a board is plugged in at one port, by the names of tables."""


class RigFile(c.Section):
    """A rig file. Everything but the device is optional."""

    dut: str = Field(description="the device's URI, as for --rig")
    balance: BalanceSection | None = None
    bath: BathSection | None = None
    pressure: PressureSection | None = None
    syringe: SyringeSection | None = None
    supply: SupplySection | None = None
    sensors: SensorsSection | None = None
    relay: RelaySection | None = None
    limits: LimitsSection = LimitsSection()

    @property
    def is_board(self) -> bool:
        """Whether its sensors take the place of a device."""
        return self.dut.startswith(BOARD)

    def instruments(self) -> Iterator[tuple[str, InstrumentSection]]:
        """Those that it names, by kind."""
        for kind in KINDS:
            section = getattr(self, kind)
            if section is not None:
                yield kind, section

    def parts(self) -> Unit:
        """What a board is made of, at whatever port."""
        sensors: Unit = {} if self.sensors is None else self.sensors.by_table()
        return sensors if self.relay is None else {**sensors, "relay": self.relay}

    def units(self) -> list[Unit]:
        """What a board is made of, port by port."""
        units: dict[str | None, Unit] = {}
        for table, section in self.parts().items():
            units.setdefault(place(section.port), {})[table] = section
        return list(units.values())

    def plugged(self) -> Iterator[tuple[str, PluggedSection]]:
        """All that has a port, by the names of tables."""
        for kind, section in self.instruments():
            if section.driver not in PORTLESS:
                yield kind, section
        yield from self.parts().items()

    def places(self, path: Path) -> list[str]:
        """All that nobody else may hold meanwhile: this file, and every port that it names."""
        ports = [self.dut, *(section.port for _, section in self.plugged())]
        return [str(path.resolve()), *filter(None, map(place, ports))]


Wrong = Callable[[str, str], c.ConfigError]
"""The error for a key, dots between its steps, and what is wrong there."""
OF_A_UNIT: Final = ("driver", "port", "frame", "timeout", "serial_number")
"""What all that is plugged in at one port must agree on."""


def load(path: Path) -> RigFile:
    """Read a rig file; LocalError names file, line and key of what is wrong."""
    try:
        content = c.read(path)
        rig = c.check(path, content, RigFile)
        _check(rig, lambda key, reason: c.complain(path, content, key.split("."), reason))
    except c.ConfigError as error:
        raise LocalError(str(error)) from None
    return rig


def _check(rig: RigFile, wrong: Wrong) -> None:
    for kind, section in rig.instruments():
        if section.driver in PORTLESS:
            _check_portless(kind, section, wrong)
    for table, plugged in rig.plugged():
        _check_plug(table, plugged, wrong)
    _check_places(rig, wrong)
    _check_board(rig, wrong)
    limits = rig.limits
    if limits.temperature_lowest >= limits.temperature_highest:
        raise wrong("limits.temperature_lowest", "must lie below temperature_highest")


def _check_portless(kind: str, section: InstrumentSection, wrong: Wrong) -> None:
    for key in ("port", "frame", "timeout"):
        if key in section.model_fields_set:
            raise wrong(f"{kind}.{key}", f"{section.driver!r} has no {key}: leave it out")
    _check_serial_number(kind, section, wrong)


def _check_plug(table: str, section: PluggedSection, wrong: Wrong) -> None:
    if not section.port:
        raise wrong(table, "says no port: where is it plugged in?")
    try:
        parse_port(section.port)
    except LocalError as error:
        raise wrong(f"{table}.port", str(error)) from None
    if section.frame and section.frame not in FRAMES:
        raise wrong(f"{table}.frame", f"is no frame; {c.suggest(section.frame, FRAMES)}")
    _check_serial_number(table, section, wrong)


def _check_serial_number(table: str, section: PluggedSection, wrong: Wrong) -> None:
    if section.serial_number is not None and section.driver in NAMELESS:
        reason = f"{section.driver!r} tells no serial number, so nobody could check it"
        raise wrong(f"{table}.serial_number", f"{reason}: leave it out")


def _check_places(rig: RigFile, wrong: Wrong) -> None:
    """Parts of a board may share a port; nothing else may."""
    try:
        taken = {place(rig.dut): "device"}
    except LocalError as error:
        raise wrong("dut", str(error)) from None
    parts = rig.parts().keys()
    for table, section in rig.plugged():
        other = taken.setdefault(place(section.port), table)
        if other != table and not {other, table} <= parts:
            raise wrong(f"{table}.port", f"{section.port} is the {other}'s already")


def _check_board(rig: RigFile, wrong: Wrong) -> None:
    parts = rig.parts()
    if rig.is_board and rig.sensors is None:
        raise wrong("dut", "a board is made of sensors: give it [sensors.NAME] tables")
    if parts and not rig.is_board:
        raise wrong(next(iter(parts)), f'belongs to a rig without a device: dut = "{BOARD}"')
    for unit in rig.units():
        _check_unit(unit, wrong)


def _check_unit(unit: Unit, wrong: Wrong) -> None:
    """What is said of the port is the same everywhere; each has a channel of its own."""
    first = next(iter(unit))
    channels: dict[int, str] = {}
    for table, section in unit.items():
        for key in OF_A_UNIT:
            if getattr(section, key) != getattr(unit[first], key):
                reason = f"differs from that of [{first}], which is at the same port"
                raise wrong(f"{table}.{key}", f"{reason}: write both alike")
        other = channels.setdefault(section.channel, table)
        if other != table:
            raise wrong(f"{table}.channel", f"{section.channel} is [{other}]'s already")
