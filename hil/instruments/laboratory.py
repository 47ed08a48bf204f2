"""The emulated instruments, behind any laboratory: in process, or a daemon's control API."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from hil.clock import Clock
from hil.instruments.bench import Instruments
from hil.instruments.errors import InstrumentError
from hil.instruments.kinds import Reading
from hil.laboratory import Laboratory

SETTLE_LIMIT_S: Final = 60
"""Device time that a weight may take until it is stable."""
LOOK_NS: Final = 100_000_000
"""Between two looks at a weight."""
NS_PER_S: Final = 1_000_000_000
BEYOND: Final = {"over": "is overloaded: empty its beaker", "under": "shows less than its zero"}


class Emulated:
    """One instrument of a laboratory, asked by its kind."""

    def __init__(self, laboratory: Laboratory, kind: str) -> None:
        """Nothing is asked yet."""
        self._laboratory = laboratory
        self._kind = kind

    def read(self, quantity: str) -> Reading:
        """One of its values now; InstrumentError when that is out of range."""
        return self._reading(self._laboratory.read(self._kind), quantity)

    def operate(self, kind: str, **fields: Any) -> None:
        """Carry out a command; LocalError when it cannot be."""
        self._laboratory.operate(self._kind, {"kind": kind, **fields})

    def move(self, kind: str, **fields: Any) -> Reading:
        """Likewise, a command that comes to a volume."""
        answer = self._laboratory.operate(self._kind, {"kind": kind, **fields})
        return self._reading(answer, "volume")

    def _reading(self, answer: Mapping[str, Any], quantity: str) -> Reading:
        told = answer["readings"][quantity]
        if told["range"] != "ok":
            raise InstrumentError(f"the emulated {self._kind}", BEYOND[told["range"]])
        return Reading(
            told["value"], told["unit"], answer["now_ns"], told["uncertainty"], told["stable"]
        )


class LaboratoryBalance:
    """A `Balance`."""

    def __init__(self, laboratory: Laboratory, clock: Clock) -> None:
        """`clock` is the rig's: to wait for a stable weight is to let device time pass."""
        self._one = Emulated(laboratory, "balance")
        self._clock = clock

    def weigh(self) -> Reading:
        """The weight now, in mg, stable or not."""
        return self._one.read("mass")

    def weigh_stable(self) -> Reading:
        """The next stable weight, in mg; InstrumentError when none comes within the limit."""
        weight = self.weigh()
        until_ns = weight.instant_ns + SETTLE_LIMIT_S * NS_PER_S
        while not weight.stable:
            if weight.instant_ns >= until_ns:
                what = f"the weight is still not stable after {SETTLE_LIMIT_S} s: is it shaken?"
                raise InstrumentError("the emulated balance", what)
            self._clock.wait(min(weight.instant_ns + LOOK_NS, until_ns))
            weight = self.weigh()
        return weight

    def zero(self) -> None:
        """Count from what lies on the pan, once that is stable."""
        self.weigh_stable()
        self._one.operate("zero")


class LaboratoryBath:
    """A `TemperatureBath`."""

    def __init__(self, laboratory: Laboratory) -> None:
        """Of any laboratory."""
        self._one = Emulated(laboratory, "bath")

    def set_temperature(self, temperature_degc: float) -> None:
        """Head for a set point and start circulating; LocalError outside the limits."""
        self._one.operate("set_point", temperature=_text(temperature_degc, 3, "degC"))
        self._one.operate("run")

    def temperature(self) -> Reading:
        """Of the bath now, in degC."""
        return self._one.read("temperature")

    def stop(self) -> None:
        """Circulation and heating off."""
        self._one.operate("stop")


class LaboratoryPressure:
    """A `PressureController`."""

    def __init__(self, laboratory: Laboratory) -> None:
        """Of any laboratory."""
        self._one = Emulated(laboratory, "pressure")

    def set_pressure(self, pressure_kpa: float) -> None:
        """Head for a set point and regulate; LocalError outside the limits."""
        self._one.operate("set_point", pressure=_text(pressure_kpa, 3, "kPa"))
        self._one.operate("regulate")

    def pressure(self) -> Reading:
        """At the catheter's tip now, in kPa above ambient."""
        return self._one.read("pressure")

    def vent(self) -> None:
        """Let go: the outlet is at ambient pressure."""
        self._one.operate("vent")


class LaboratorySyringe:
    """A `Syringe`."""

    def __init__(self, laboratory: Laboratory) -> None:
        """Of any laboratory."""
        self._one = Emulated(laboratory, "syringe")

    def withdraw(self) -> Reading:
        """Draw all that comes from the reservoir; the volume in mL."""
        return self._one.move("withdraw")

    def fill(self, volume_ml: float, drug: str, concentration_mg_per_ml: float) -> Reading:
        """Fill the reservoir; the volume in mL, as read off the barrel."""
        return self._one.move("fill", **_content(volume_ml, drug, concentration_mg_per_ml))

    def inject_bolus(
        self, volume_ml: float, duration_s: float, drug: str, concentration_mg_per_ml: float
    ) -> Reading:
        """Inject through the bolus path; the volume in mL, as read off the barrel."""
        content = _content(volume_ml, drug, concentration_mg_per_ml)
        return self._one.move("inject_bolus", duration=_text(duration_s, 3, "s"), **content)


class LaboratorySupply:
    """A `PowerSupply`."""

    def __init__(self, laboratory: Laboratory) -> None:
        """Of any laboratory."""
        self._one = Emulated(laboratory, "supply")

    def set_voltage(self, voltage_v: float) -> None:
        """The output's voltage; LocalError outside the limits."""
        self._one.operate("set_voltage", voltage=_text(voltage_v, 3, "V"))

    def switch(self, *, on: bool) -> None:
        """Output on or off."""
        self._one.operate("switch", on=on)

    def voltage(self) -> Reading:
        """Measured at the output, in V."""
        return self._one.read("voltage")

    def current(self) -> Reading:
        """Measured at the output, in A."""
        return self._one.read("current")

    def doubt(self) -> str:
        """None: its unit comes with each value."""
        return ""


def instruments(laboratory: Laboratory, clock: Clock) -> Instruments:
    """One of each kind."""
    return Instruments(
        balance=LaboratoryBalance(laboratory, clock),
        bath=LaboratoryBath(laboratory),
        pressure=LaboratoryPressure(laboratory),
        syringe=LaboratorySyringe(laboratory),
        supply=LaboratorySupply(laboratory),
    )


def _content(volume_ml: float, drug: str, concentration_mg_per_ml: float) -> dict[str, str]:
    return {
        "volume": _text(volume_ml, 6, "mL"),
        "drug": drug,
        "concentration": _text(concentration_mg_per_ml, 6, "mg/mL"),
    }


def _text(value: float, places: int, unit: str) -> str:
    """A quantity in the strict grammar of files and requests, to whole base units."""
    return f"{Decimal(f'{value:.{places}f}').normalize() + 0:f} {unit}"
