"""A balance under the beaker that the catheter delivers into.

Nothing is remembered but when the pan was last cleared and what was on it when it was zeroed: drops
and the way a reading settles after each are functions of the volume delivered and of the flow.
A drop falls whenever the volume passes its end, and ends lie a drop apart but for their jitter.
What hangs at the tip is not weighed, and is part of a reading's uncertainty as the weight of what
the catheter has delivered. In air nothing comes back from the beaker when the flow turns round.
"""

from typing import Any, Final, NamedTuple

from pumpsim.device import Device
from pumpsim.instruments.decay import left
from pumpsim.instruments.element import Element
from pumpsim.instruments.outlook import Outlook
from pumpsim.instruments.parameters import BalanceSection
from pumpsim.plant.ledger import FL_PER_NL
from pumpsim.plant.plant import Plant
from pumpsim.plant.properties import horner
from pumpsim.streams import BOUND, Stream

NS_PER_H: Final = 3_600_000_000_000
NS_PER_S: Final = 1_000_000_000
UG_PER_MG: Final = 1e3
NL_PER_M3: Final = 1e12
UNDER_SHARE: Final = 0.01
"""So much below its zero, as a share of the capacity, a balance shows no weight any more."""
UNITS: Final = ("g", "mg")
KELL: Final = (999.83952, 16.945176, -7.9870401e-3, -46.170461e-6, 105.56302e-9, -280.54253e-12)
"""Polynomial above the line of Kell's formula, kg/m3 and degrees Celsius."""


class Weight(NamedTuple):
    """What a balance shows; out of range the mass means nothing."""

    mass_mg: float
    stable: bool
    range: str  # "ok", "over" or "under"


def water_density_mg_per_ul(temperature_k: float) -> float:
    """Of water at 101.325 kPa (Kell 1975), within 10 ppm from 5 to 40 degrees Celsius."""
    t = temperature_k - 273.15
    return horner(KELL, t) / (1.0 + 16.879850e-3 * t) / 1e3


class Balance:
    """One balance, its beaker, and the catheter's tip above or in it."""

    def __init__(self, device: Device, section: BalanceSection, seed: int) -> None:
        """The beaker is put on the pan at instant 0, empty, and the balance zeroed."""
        self.section = section
        self.unit = UNITS[0]
        self._outlook = Outlook(device)
        self._density_mg_per_ul = water_density_mg_per_ul(section.room_temperature / 1e3)
        self._element = Element(seed, "balance", rms=section.noise, digit=section.resolution)
        self._ends = Stream(seed, "balance drops")
        self._cleared_ns = 0
        self._cleared_nl = 0.0
        self._zero_ug = float(section.beaker)

    def weigh(self, now_ns: int) -> Weight:
        """What it shows now."""
        gross_ug, stable = self._gross(now_ns)
        shown_ug = self._element.show(gross_ug - self._zero_ug)
        return Weight(shown_ug / UG_PER_MG, stable, self._range(gross_ug))

    def zero(self, now_ns: int) -> None:
        """Count from what lies on the pan now, settled or not; ValueError when it is too much."""
        gross_ug, _ = self._gross(now_ns)
        if self._range(gross_ug) == "over":
            raise ValueError("the balance is overloaded: empty its beaker, then zero it")
        self._zero_ug = gross_ug

    def empty(self, now_ns: int) -> None:
        """A person empties the beaker and puts it back; what hangs at the tip stays there."""
        self._cleared_nl = self._fallen_nl(self._outlook.at(now_ns))[0]
        self._cleared_ns = now_ns

    def set_unit(self, unit: str) -> None:
        """What its display and its replies are in; ValueError for a unit it does not have."""
        if unit not in UNITS:
            message = f"{unit!r} is no unit of this balance: use {' or '.join(UNITS)}"
            raise ValueError(message)
        self.unit = unit

    @property
    def uncertainty_mg(self) -> float:
        """Of a stable weight, as the mass that the catheter delivered since the zero.

        The zero and the weight are noisy both; half a digit is rounded off, half a one may still
        come when a weight is called stable; and what hangs at the tip differs by up to a drop.
        """
        s = self.section
        hanging_ug = s.largest_drop_nl * self._density_mg_per_ul
        return (2.0 * BOUND * s.noise + s.resolution + hanging_ug) / UG_PER_MG

    def save(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "unit": self.unit,
            "cleared_ns": self._cleared_ns,
            "cleared_nl": self._cleared_nl,
            "zero_ug": self._zero_ug,
        }

    def load(self, data: dict[str, Any]) -> None:
        """Take up what `save` gave."""
        self.unit = data["unit"]
        self._cleared_ns = data["cleared_ns"]
        self._cleared_nl = data["cleared_nl"]
        self._zero_ug = data["zero_ug"]

    def _gross(self, now_ns: int) -> tuple[float, bool]:
        """What presses on the pan, as sensed, in ug; and whether it has settled."""
        s, plant = self.section, self._outlook.at(now_ns)
        fallen_nl, unsettled_nl = self._fallen_nl(plant)
        liquid_ug = (fallen_nl - unsettled_nl - self._cleared_nl) * self._density_mg_per_ul
        gone_ug = s.evaporation * ((now_ns - self._cleared_ns) / NS_PER_H)
        moving_ug = self._moving_nl(plant, unsettled_nl) * self._density_mg_per_ul
        pressing_ug = s.beaker + liquid_ug - gone_ug
        return self._element.sense(pressing_ug, now_ns), moving_ug <= 0.5 * s.resolution

    def _moving_nl(self, plant: Plant, unsettled_nl: float) -> float:
        """By how much the reading is still going to change within its time constant."""
        if self.section.drop:
            return unsettled_nl
        flow_nl_per_s = abs(plant.state.outflow_m3_per_s) * NL_PER_M3
        return flow_nl_per_s * (self.section.settling / NS_PER_S)

    def _fallen_nl(self, plant: Plant) -> tuple[float, float]:
        """What has arrived in the beaker since instant 0, and how much is not shown yet."""
        ledger, s = plant.ledger, self.section
        delivered_nl = ledger.delivered_fl / FL_PER_NL
        if not s.drop:
            return delivered_nl - ledger.refluxed_fl / FL_PER_NL, 0.0
        last = self._last_drop(delivered_nl)
        end_nl = self._end_nl(last)
        flow_nl_per_s = plant.state.outflow_m3_per_s * NL_PER_M3
        if flow_nl_per_s <= 0.0:
            return end_nl, 0.0
        since_ns = (delivered_nl - end_nl) / flow_nl_per_s * NS_PER_S
        return end_nl, (end_nl - self._end_nl(last - 1)) * left(since_ns, s.settling)

    def _last_drop(self, delivered_nl: float) -> int:
        """The drop that fell last: ends lie within half a drop of where they would evenly."""
        index = int(delivered_nl / self.section.drop) + 1
        while index and self._end_nl(index) > delivered_nl:
            index -= 1
        return index

    def _end_nl(self, index: int) -> float:
        """The volume at which a drop falls."""
        if index <= 0:
            return 0.0
        jitter = self.section.drop_jitter * self._ends.noise(index)
        return self.section.drop * (index + jitter)

    def _range(self, gross_ug: float) -> str:
        if gross_ug > self.section.capacity:
            return "over"
        under_ug = UNDER_SHARE * self.section.capacity
        return "under" if gross_ug - self._zero_ug < -under_ug else "ok"
