"""A device as plain data, and back: everything but its links (decision 0002).

Going on from a restored snapshot equals going on; only the timeline has a new number, so that a
client sees that the past it knows is another one. Sessions end, since they belong to links.
"""

from typing import Any, Final

from pydantic import TypeAdapter

from protocol.control import Actuation, Beliefs, Readings, Restorable
from protocol.guard import Guard
from protocol.vocabulary import ResetCause, Sounder
from pumpsim import reception
from pumpsim.device import Device
from pumpsim.misbehaviour import Misbehaving
from pumpsim.oscillator import Oscillator
from pumpsim.pumpfile import PumpFile
from pumpsim.sensors import Converter
from pumpsim.tap import Tap

SCHEMA: Final = 11
BELIEFS: Final = TypeAdapter(Beliefs | None)
PLAIN: Final = (
    "seed",
    "now_ns",
    "sample_ns",
    "timeline_id",
    "boot_id",
    "resets",
    "reading_ticks",
    "shaky",
    "powered",
)
"""Attributes of a device that are plain already."""


def take(device: Device) -> dict[str, Any]:
    """The whole state; ValueError when the control logic cannot be saved."""
    return {
        "schema": SCHEMA,
        "device": device.id,
        **{name: getattr(device, name) for name in PLAIN},
        "reset_cause": int(device.reset_cause),
        "plant": device.plant.snapshot(),
        "sensors": device.sensors.snapshot(),
        "oscillator": device.oscillator.snapshot(),
        "sessions": device.sessions.snapshot(),
        "log": device.log.snapshot(),
        "memory": device.memory.read(0, device.memory.size).rstrip(b"\xff").hex(),
        "chip": device.chip.snapshot(),
        "converter": device.converter,
        "effects": device.effects.snapshot(),
        "readings": device.readings,
        "actuation": device.actuation,
        "beliefs": device.beliefs,
        "notices": device.outgoing.counts,
        "logic": _save_logic(device),
    }


def restore(
    pump: PumpFile, data: dict[str, Any], tap: Tap | None = None, *, known_timeline: int = 0
) -> Device:
    """The device a snapshot was taken of; ValueError for another schema, device or logic.

    Its timeline is new to whoever knows the snapshot's, and the last one seen here.
    """
    if data.get("schema") != SCHEMA or data.get("device") != pump.id:
        message = f"not a snapshot of {pump.id!r} in schema {SCHEMA}"
        raise ValueError(message)
    device = Device(pump, data["seed"], tap)
    for name in PLAIN:
        setattr(device, name, data[name])
    device.timeline_id = max(device.timeline_id, known_timeline) + 1
    device.reset_cause = ResetCause(data["reset_cause"])
    device.plant.restore(data["plant"])
    device.sensors.restore(data["sensors"])
    device.oscillator = Oscillator(**data["oscillator"])
    ended = device.sessions.restore(data["sessions"], device.timeline_id)
    device.log.restore(data["log"])
    device.memory.write(0, bytes.fromhex(data["memory"]))
    device.converter = Converter(data["converter"])
    device.effects.restore(data["effects"])
    readings = data["readings"]
    device.readings = None if readings is None else Readings(*readings)
    sounder, *others = data["actuation"]
    device.actuation = Actuation(Sounder(sounder), *others)
    device.beliefs = BELIEFS.validate_python(data["beliefs"])
    device.outgoing.counts = {int(code): count for code, count in data["notices"].items()}
    _load_logic(device, data["logic"])
    device.chip.restore(data["chip"])  # faults last: taking up the logic reads memory, too
    for session in ended:  # ALM-12: nobody else will tell the logic
        reception.end_session(device, session)
    device.arm()
    return device


def _save_logic(device: Device) -> dict[str, Any] | None:
    if device.guard is None:
        return None
    called = device.guard.logic
    logic, how = called, None
    if isinstance(called, Misbehaving):
        logic, how = called.logic, called.how
    if not isinstance(logic, Restorable):
        message = f"control logic {device.pump.pump.logic} cannot be saved"
        raise ValueError(message)
    return {"state": logic.save(), "misbehaves": how}


def _load_logic(device: Device, saved: dict[str, Any] | None) -> None:
    if saved is None or device.logic is None:
        return
    logic = device.logic()
    if not isinstance(logic, Restorable):
        message = f"control logic {device.pump.pump.logic} cannot be restored"
        raise ValueError(message)
    logic.load(device.chip, saved["state"])
    device.guard = Guard(logic)
    device.guard.resume(device.ticks())
    if saved["misbehaves"] is not None:
        device.misbehave(saved["misbehaves"])
