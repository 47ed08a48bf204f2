"""`hil doctor`: what of a rig answers, what does not and why, and what is out of calibration."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from hil import lock, rigfile, wiring
from hil.bath_unit import doubt
from hil.clock import Clock, WallClock, unix_s
from hil.errors import BenchError
from hil.instruments.errors import InstrumentError
from hil.instruments.kinds import READS, Reading, Relay
from hil.laboratory import Laboratory, NoLaboratory
from hil.opening import open_one
from hil.rig import Rig, is_file, open_pump, open_rig
from hil.rigfile import RigFile, Unit
from hil.sections import LABORATORY, PORTLESS, InstrumentSection, SensorSection

SOON_DAYS: Final = 30
OK: Final = "ok"
LOOK: Final = "look"
FAIL: Final = "FAIL"


@dataclass(frozen=True)
class Finding:
    """One thing looked at: `state` is ok, look (at it soon) or FAIL."""

    part: str
    state: str
    text: str

    def plain(self) -> dict[str, str]:
        """For programs."""
        return asdict(self)


def examine(name: str) -> Iterator[Finding]:
    """Everything a rig file or a URI names, one after the other, each within its time-out.

    LocalError when the file itself cannot be used, RigError when somebody else holds the rig.
    """
    if not is_file(name):
        yield from _examined(RigFile(dut=name))
        return
    path = Path(name)
    file = rigfile.load(path)
    with lock.held(file.places(path)):
        yield from _examined(file)


def _examined(file: RigFile) -> Iterator[Finding]:
    if file.is_board:
        yield from _board(file)
        return
    try:
        rig = open_rig(file.dut)
    except BenchError as error:
        yield Finding("device", FAIL, str(error))
        yield from _instruments(file, WallClock(threading.Event()), None)
        return
    with rig:
        yield Finding("device", OK, _device(rig, file.dut))
        yield from _instruments(file, rig.clock, rig.laboratory, rig)


def _device(rig: Rig, uri: str) -> str:
    who = rig.identity
    around = _around(rig.laboratory)
    return f"{who.device_id}, {who.model}, {who.firmware}, at {uri}{around}"


def _around(laboratory: Laboratory) -> str:
    return "" if isinstance(laboratory, NoLaboratory) else "; a laboratory stands behind it"


def _board(file: RigFile) -> Iterator[Finding]:
    """Unit by unit; each sensor is read, the relay is asked, and nothing is switched."""
    today = _today()
    with ExitStack() as held:
        try:
            pump = open_pump(file.dut, held)
        except BenchError as error:
            yield Finding("device", FAIL, str(error))
            return
        model = "" if pump.report.configuration is None else pump.report.configuration.model
        what = f"{pump.id}, {model}, sensors and relay at {file.dut}{_around(pump.laboratory)}"
        yield Finding("device", OK, what)
        for unit in file.units():
            yield from _unit(unit, pump.clock, today)
        yield from _instruments(file, pump.clock, pump.laboratory)


def _unit(unit: Unit, clock: Clock, today: date) -> Iterator[Finding]:
    shown: dict[str, Reading | InstrumentError] = {}
    try:
        with ExitStack() as held:
            wired = wiring.open_unit(unit, clock, held)
            if wired.sensors is not None:
                shown = wired.sensors.read()
            contact = "" if wired.relay is None else _contact(wired.relay)
    except BenchError as error:
        yield Finding("unit", FAIL, str(error))
        return
    for table, section in unit.items():
        name = table.rpartition(".")[2]
        what = f"{wiring.where(section)}, {wired.identity}; "
        if not isinstance(section, SensorSection):
            yield Finding(name, OK, what + contact)
            continue
        yield _reads(name, what, shown[wiring.FIELDS[table]])
        yield from _calibration(name, section, today)


def _reads(name: str, what: str, reading: Reading | InstrumentError) -> Finding:
    if isinstance(reading, InstrumentError):
        return Finding(name, FAIL, str(reading))
    return Finding(name, OK, f"{what}shows {reading.value:g} {reading.unit}")


def _contact(relay: Relay) -> str:
    return f"is {'closed' if relay.is_on() else 'open'}"


def _today() -> date:
    return datetime.fromtimestamp(unix_s(), UTC).date()


def _instruments(
    file: RigFile, clock: Clock, laboratory: Laboratory | None, rig: Rig | None = None
) -> Iterator[Finding]:
    """`laboratory` is None where there is no device to ask for one; `rig` has the device."""
    today = _today()
    for kind, section in file.instruments():
        if laboratory is None and section.driver == LABORATORY:
            yield Finding(kind, FAIL, "it is the laboratory's, which comes with the device")
            continue
        yield from _answers(kind, file, clock, laboratory or NoLaboratory(), rig)
        yield from _calibration(kind, section, today)


def _answers(
    kind: str, file: RigFile, clock: Clock, laboratory: Laboratory, rig: Rig | None
) -> Iterator[Finding]:
    shown, doubted = "", ""
    try:
        with ExitStack() as held:
            instrument, row = open_one(kind, file, clock, laboratory, held)
            if kind in READS:
                reading = READS[kind](instrument)
                shown = f"; shows {reading.value:g} {reading.unit}"
                doubted = _doubt(instrument, kind, reading, rig)
    except BenchError as error:
        yield Finding(kind, FAIL, str(error))
        return
    identity = f", {row.identity}" if row.identity else ""
    yield Finding(kind, OK, f"{row.make}{identity}{shown}")
    if doubted:
        yield Finding(kind, LOOK, doubted)


def _doubt(instrument: Any, kind: str, reading: Reading, rig: Rig | None) -> str:
    """Why what it shows may be in another unit; most instruments tell theirs."""
    if kind == "bath" and rig is not None:
        return doubt(reading, rig)
    doubted: str = instrument.doubt() if kind == "supply" else ""
    return doubted


def _calibration(kind: str, section: InstrumentSection, today: date) -> Iterator[Finding]:
    due = section.calibration_due
    if due is None:
        if section.driver not in PORTLESS:
            yield Finding(kind, LOOK, "no calibration_due in the rig file: nobody can tell")
        return
    days = (due - today).days
    if days < 0:
        yield Finding(kind, FAIL, f"out of calibration since {due}: have it calibrated")
    elif days < SOON_DAYS:
        yield Finding(kind, LOOK, f"calibration is due on {due}, in {days} d")
