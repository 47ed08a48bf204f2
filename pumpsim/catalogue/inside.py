"""Faults inside the can: memory, battery, converter and logic."""

from typing import Final

from protocol.vocabulary import AlarmId, EventKind
from pumpsim.catalogue.electronics import POWER_CYCLE
from pumpsim.catalogue.entry import HOUR_S, SEVERITY, Fault, Severity, Step, at_once, samples

LOGIC: Final = (
    ("raises", "raises an exception"),
    ("nonsense", "returns nonsense"),
    ("bad_deadline", "names a deadline that is none"),
    ("stalls", "does not return in time"),
)

MEMORY: Final = (
    Fault(
        "memory_torn_write",
        "Power goes in the midst of a write; the boot after it uses the other copy.",
        (EventKind.MEMORY_CORRECTED,),
        samples(1),
        at_once("memory_fault", torn=True),
    ),
    Fault(
        "memory_bit_flip_one_copy",
        "A bit of the newest record flips; the next boot uses the other copy.",
        (EventKind.MEMORY_CORRECTED,),
        samples(1),
        (Step(0, {"kind": "memory_fault", "flip": 1, "where": "newest"}), Step(1, POWER_CYCLE)),
    ),
    Fault(
        "memory_both_copies",
        "Bits of both records flip: at the next boot nothing is known.",
        (AlarmId.CONFIGURATION_LOST,),
        samples(1),
        (Step(0, {"kind": "memory_fault", "flip": 3, "where": "both"}), Step(1, POWER_CYCLE)),
    ),
    Fault(
        "memory_write_fails",
        "Memory operations fail.",
        (AlarmId.MEMORY_FAULT,),
        HOUR_S,
        at_once("memory_fault", failing=1_000),
    ),
)

BATTERY: Final = (
    Fault(
        "battery_low",
        "The battery nears its end.",
        (AlarmId.BATTERY_LOW,),
        HOUR_S,
        at_once("battery_fault", drop_mv=SEVERITY),
        severity=Severity(400, 500, of="mV"),
    ),
    Fault(
        "battery_end",
        "The battery is at its end.",
        (AlarmId.BATTERY_END,),
        HOUR_S,
        at_once("battery_fault", drop_mv=SEVERITY),
        severity=Severity(600, 1_000, of="mV"),
    ),
)

CONVERTER: Final = tuple(
    Fault(
        f"converter_{how}",
        sentence,
        (AlarmId.SENSOR_FAULT,),
        samples(5),
        at_once("converter_fault", how=how),
    )
    for how, sentence in (
        ("silent", "The converter delivers no sample any more."),
        ("frozen", "The converter delivers its last sample again and again."),
    )
)

FIRMWARE: Final = tuple(
    Fault(
        f"firmware_{how}",
        f"The control logic {what}, once.",
        (AlarmId.FIRMWARE_FAULT,),
        samples(1),
        at_once("firmware_fault", how=how),
    )
    for how, what in LOGIC
)

INSIDE: Final = (*CONVERTER, *MEMORY, *BATTERY, *FIRMWARE)
