"""Whether a bath counts in degrees Fahrenheit.

Nobody can ask a circulator for its unit, and what it shows it also takes: a set point of 37 that is
2.8 degC is reached as any other, and read back as 37. While the bath is warm its reading is too
high to be true; once it is cold, only another thermometer tells. The pump that lies in it has one.
"""

from hil.instruments.kinds import Reading
from hil.rig import Rig
from protocol import messages as m
from protocol.quantity import ZERO_CELSIUS_MK
from protocol.vocabulary import Capability


def doubt(bath: Reading, rig: Rig) -> str:
    """What the pump has against the bath's reading; empty if nothing, or no temperature.

    It is doubted when the pump's own is nearer to the reading as degrees Fahrenheit.
    """
    pump_degc = _pump_degc(rig)
    if pump_degc is None:
        return ""
    as_fahrenheit_degc = (bath.value - 32.0) / 1.8
    if abs(pump_degc - as_fahrenheit_degc) >= abs(pump_degc - bath.value):
        return ""
    return (
        f"the bath tells {bath.value:.2f} degC, and the pump in it {pump_degc:.2f} degC: is the "
        "bath set to degrees Fahrenheit? set it to degrees Celsius in its menu, or see that the "
        "pump lies in it"
    )


def _pump_degc(rig: Rig) -> float | None:
    """By the pump's own sensor."""
    found: m.StatusPart | m.ReadingsPart | None = None
    if Capability.CONTROL_LOGIC in rig.capabilities:
        status = rig.dut.status()
        found = None if isinstance(status, m.Refused) else status.status
    else:
        latest = rig.dut.read_readings()
        found = None if isinstance(latest, m.Refused) else latest.readings
    if found is None or found.temperature_mk is None:
        return None
    return (found.temperature_mk - ZERO_CELSIUS_MK) / 1e3
