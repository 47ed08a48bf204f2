"""When a fault has taken effect, judged on the truth and never on what the logic believes.

A fault that never took effect tried nothing: such a run is inconclusive.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from protocol.messages import Configuration
from pumpsim.device import Device
from pumpsim.performance.truth import CLOCK_NS, LEVEL_ERROR_NL, SECOND_NS
from pumpsim.plant.conditions import CONDITIONS
from pumpsim.plant.ledger import FL_PER_NL

HOT_K: Final = 313.15
THIN_PA: Final = 75_000.0
PRESSED_PA: Final = 140_000.0
CLOCK_OFF_S: Final = 60


@dataclass(frozen=True, slots=True)
class Before:
    """How things stood before a fault."""

    boot_id: int
    moved_fl: int
    conditions: dict[str, float]
    faults: int

    @classmethod
    def of(cls, device: Device) -> "Before":
        """As they stand now."""
        return cls(
            device.boot_id,
            _moved_fl(device),
            device.plant.conditions,
            device.effects.count,
        )


Effect = Callable[[Device, Before], bool]


def _moved_fl(device: Device) -> int:
    """What hands have moved."""
    ledger = device.plant.ledger
    return ledger.withdrawn_fl + ledger.filled_fl + ledger.injected_fl + ledger.gas_filled_fl


def _nearly_low(device: Device, before: Before) -> bool:
    """V_low and twice the level's error: sooner, no pump that knows its error may say low."""
    del before
    limit_nl = _configuration(device).low_volume_nl + 2 * LEVEL_ERROR_NL
    return device.plant.ledger.reservoir_fl <= limit_nl * FL_PER_NL


def _overdue(device: Device, before: Before) -> bool:
    """Interval and grace, less what an oscillator within its error runs ahead in that time."""
    del before
    c = _configuration(device)
    after_s = min(c.refill_interval_s, c.drug_stability_s) + c.refill_grace_s
    return device.now_ns >= after_s * SECOND_NS - CLOCK_NS


def _configuration(device: Device) -> Configuration:
    configuration = device.report.configuration
    assert configuration is not None  # no pump without one is tried
    return configuration


def _by_hand(device: Device, before: Before) -> bool:
    return _moved_fl(device) != before.moved_fl


def _declared(device: Device, before: Before) -> bool:
    """A visit ends with its declaration; whether a hand moved is the fault's own matter."""
    del before
    return not device.outgoing.links


def _condition(device: Device, before: Before) -> bool:
    """Set anew, or set back: either way something is as it was not."""
    now = device.plant.conditions
    return any(now[name] != before.conditions[name] for name in CONDITIONS)


def _told(device: Device, before: Before) -> bool:
    """The device has reported the effect of a fault that was set since."""
    instants = device.effects.instants.items()
    return any(at_ns is not None for number, at_ns in instants if number > before.faults)


def _clock(device: Device, before: Before) -> bool:
    del before
    oscillator = device.oscillator
    start_s = int(device.pump.clock.start.timestamp())
    true_s = start_s + device.now_ns // 1_000_000_000
    off_s = abs(oscillator.rtc_s(device.now_ns) - true_s)
    sound = oscillator.rtc_valid and oscillator.rtc_how == "running"
    return off_s > CLOCK_OFF_S or not sound


def _reflux(device: Device, before: Before) -> bool:
    """The pressures are reversed by more than the two sensors may be off together."""
    del before
    state, sensors = device.plant.state, device.sensors
    reservoir, catheter = sensors.fit[0], sensors.fit[1]
    error_pa = reservoir.error(device.now_ns) + catheter.error(device.now_ns)
    return state.catheter_pressure_pa - state.reservoir_pressure_pa > error_pa


EFFECTS: Final[dict[str, Effect]] = {
    "plant_condition": _condition,
    "sensor_fault": _told,
    "battery_fault": _told,
    "converter_fault": _told,
    "memory_fault": _told,
    "firmware_fault": _told,
    "clock_fault": _clock,
    "oscillator_fault": lambda device, _: device.oscillator.stopped,
    "power_cycle": lambda device, before: device.boot_id > before.boot_id,
    "withdraw": _by_hand,
    "fill": _by_hand,
    "injection": lambda device, _: device.plant.injection is not None,
    "refill": _declared,
    "hot": lambda device, _: device.plant.state.pump_temperature_k > HOT_K,
    "thin_air": lambda device, _: device.plant.state.pocket_pressure_pa < THIN_PA,
    "pressed": lambda device, _: device.plant.state.pocket_pressure_pa > PRESSED_PA,
    "reflux": _reflux,
    "nearly_low": _nearly_low,
    "overdue": _overdue,
}
"""By name; most are the kind of the stimulus they belong to. `nearly_low` and `overdue` are of a
pump that was filled at instant 0."""
