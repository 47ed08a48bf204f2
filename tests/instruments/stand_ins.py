"""The simplest instruments that can be: what is set is so at once, and is what is measured."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class OnPan(NamedTuple):
    mass_mg: float
    stable: bool = True
    range: str = "ok"


@dataclass
class Pan:
    """A weight that settles at an instant."""

    mass_mg: float = 0.0
    settles_ns: int = 0
    range: str = "ok"
    zero_mg: float = 0.0
    unit: str = "g"

    def weigh(self, now_ns: int) -> OnPan:
        return OnPan(self.mass_mg - self.zero_mg, now_ns >= self.settles_ns, self.range)

    def zero(self, now_ns: int) -> None:
        del now_ns
        self.zero_mg = self.mass_mg


@dataclass
class Tub:
    target_degc: float = 20.0
    circulating: bool = False
    limits_degc: tuple[float, float] = (5.0, 60.0)

    def set_point(self, now_ns: int, degc: float) -> None:
        del now_ns
        self.target_degc = degc

    def running(self, now_ns: int, *, on: bool) -> None:
        del now_ns
        self.circulating = on

    def temperature_degc(self, now_ns: int) -> float:
        del now_ns
        return self.target_degc if self.circulating else 20.0


@dataclass
class Bottle:
    target_kpa: float = 0.0
    regulating: bool = False
    vented: bool = False
    held_kpa: float = 0.0
    limits_kpa: tuple[float, float] = (-50.0, 200.0)

    def set_point(self, now_ns: int, kpa: float) -> None:
        self.target_kpa = kpa
        self.regulate(now_ns, on=self.regulating)

    def regulate(self, now_ns: int, *, on: bool) -> None:
        del now_ns
        self.regulating = on
        if on:
            self.held_kpa, self.vented = self.target_kpa, False

    def vent(self, now_ns: int) -> None:
        del now_ns
        self.held_kpa, self.regulating, self.vented = 0.0, False, True

    def pressure_kpa(self, now_ns: int) -> float:
        del now_ns
        return self.held_kpa


@dataclass
class Cell:
    target_v: float = 3.6
    on: bool = False
    limits_v: tuple[float, float] = (0.0, 6.0)

    def set_voltage(self, now_ns: int, v: float) -> None:
        del now_ns
        self.target_v = v

    def switch(self, now_ns: int, *, on: bool) -> None:
        del now_ns
        self.on = on

    def voltage_v(self, now_ns: int) -> float:
        del now_ns
        return self.target_v if self.on else 0.0

    def current_a(self, now_ns: int) -> float:
        del now_ns
        return 12e-6 if self.on else 0.0


@dataclass
class Rack:
    """Volts by channel, 1 V where nothing is set, and a contact."""

    outputs_v: dict[int, float] = field(default_factory=dict)
    closed: bool = False

    def volts(self, now_ns: int, channels: Sequence[int]) -> list[float]:
        del now_ns
        return [self.outputs_v.get(channel, 1.0) for channel in channels]

    def switch(self, *, closed: bool) -> None:
        self.closed = closed
