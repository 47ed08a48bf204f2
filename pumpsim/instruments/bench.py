"""All emulated instruments around one pump."""

from typing import Any, Final, NamedTuple

from protocol.configfile import suggest
from pumpsim.device import Device
from pumpsim.instruments.balance import Balance
from pumpsim.instruments.bath import Bath
from pumpsim.instruments.daq import FULL_V, TRANSDUCERS, Daq
from pumpsim.instruments.parameters import BenchSection
from pumpsim.instruments.pressure import Controller
from pumpsim.instruments.supply import Supply
from pumpsim.instruments.syringe import Syringe

SET: Final = ("balance", "bath", "pressure", "supply", "daq")
"""Instruments that are set to something."""
KINDS: Final = (*SET, "syringe")


class Value(NamedTuple):
    """One value as an instrument shows it, with its expanded uncertainty in the same unit.

    Noise is bounded: the truth lies within the uncertainty of any value that is stable, in range.
    """

    value: float
    unit: str
    uncertainty: float
    stable: bool = True
    range: str = "ok"  # or "over", "under"


class Bench:
    """The instruments; a device knows nothing of them."""

    def __init__(self, device: Device, section: BenchSection, seed: int) -> None:
        """All at rest: nothing around the pump is held yet."""
        self.section = section
        self.balance = Balance(device, section.balance, seed)
        self.bath = Bath(device, section.bath, seed)
        self.pressure = Controller(device, section.pressure, seed)
        self.supply = Supply(device, section.supply, seed)
        self.daq = Daq(device, seed)
        self.syringe = Syringe(device, section.syringe)
        self._shows: Final = {
            "balance": self._mass,
            "bath": self._temperature,
            "pressure": self._pressure,
            "supply": self._electricity,
            "daq": self._channels,
        }

    def read(self, kind: str, now_ns: int) -> dict[str, Value]:
        """What an instrument shows, by quantity; ValueError for none that is here."""
        check(kind)
        return self._shows[kind](now_ns) if kind in SET else {}

    def settings(self, kind: str) -> dict[str, Any]:
        """What an instrument is set to, as plain data; ValueError for none that is here."""
        check(kind)
        settings: dict[str, Any] = getattr(self, kind).save() if kind in SET else {}
        return settings

    def save(self) -> dict[str, Any]:
        """What all of them are set to."""
        return {kind: self.settings(kind) for kind in SET}

    def load(self, data: dict[str, Any]) -> None:
        """Take up what `save` gave."""
        for kind in SET:
            getattr(self, kind).load(data[kind])

    def _mass(self, now_ns: int) -> dict[str, Value]:
        weight, uncertainty_mg = self.balance.weigh(now_ns), self.balance.uncertainty_mg
        return {"mass": Value(weight.mass_mg, "mg", uncertainty_mg, weight.stable, weight.range)}

    def _temperature(self, now_ns: int) -> dict[str, Value]:
        degc = self.bath.temperature_degc(now_ns)
        return {"temperature": Value(degc, "degC", self.section.bath.uncertainty_k)}

    def _pressure(self, now_ns: int) -> dict[str, Value]:
        kpa = self.pressure.pressure_kpa(now_ns)
        return {"pressure": Value(kpa, "kPa", self.section.pressure.uncertainty_kpa)}

    def _channels(self, now_ns: int) -> dict[str, Value]:
        volts = self.daq.volts(now_ns, tuple(TRANSDUCERS))
        return {
            one.quantity: Value(
                shown_v * one.full / FULL_V, one.unit, self.daq.uncertainty(channel)
            )
            for (channel, one), shown_v in zip(TRANSDUCERS.items(), volts, strict=True)
        }

    def _electricity(self, now_ns: int) -> dict[str, Value]:
        supply, section = self.supply, self.section.supply
        return {
            "voltage": Value(supply.voltage_v(now_ns), "V", section.uncertainty_v),
            "current": Value(supply.current_a(now_ns), "A", section.uncertainty_a),
        }


def check(kind: str) -> None:
    """ValueError for an instrument that is not here."""
    if kind not in KINDS:
        message = f"{kind!r} is no instrument; {suggest(kind, KINDS)}"
        raise ValueError(message)


def told(readings: dict[str, Value], now_ns: int) -> dict[str, Any]:
    """Readings as plain data, with the instant they are of."""
    plain = {name: value._asdict() for name, value in readings.items()}
    return {"now_ns": now_ns, "readings": plain}
