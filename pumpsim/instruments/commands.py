"""What can be asked of an emulated instrument, each declared once: JSON over the control API."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, TypeAdapter

from protocol import configfile as c
from pumpsim.instruments.bench import Bench, Value, check
from pumpsim.stimuli import Fill, InjectBolus, Withdraw

ZERO_CELSIUS_MK: Final = 273_150

Volumes = dict[str, Value]
"""What a command came to: the volume a syringe moved."""


class Zero(c.Section):
    """Count from what lies on the pan now."""

    kind: Literal["zero"]

    def act(self, bench: Bench, now_ns: int) -> None:
        """Press the key."""
        bench.balance.zero(now_ns)


class Empty(c.Section):
    """A person empties the beaker and puts it back."""

    kind: Literal["empty"]

    def act(self, bench: Bench, now_ns: int) -> None:
        """Do so."""
        bench.balance.empty(now_ns)


class Unit(c.Section):
    """The unit of the balance's display and replies; the control API tells mg always."""

    kind: Literal["unit"]
    unit: str = Field(description="g or mg")

    def act(self, bench: Bench, now_ns: int) -> None:
        """Choose it."""
        del now_ns
        bench.balance.set_unit(self.unit)


class SetTemperature(c.Section):
    """The bath's set point."""

    kind: Literal["set_point"]
    temperature: c.TemperatureMk = Field(description="of the bath in the end")

    def act(self, bench: Bench, now_ns: int) -> None:
        """Head for it, once the bath runs."""
        bench.bath.set_point(now_ns, (self.temperature - ZERO_CELSIUS_MK) / 1e3)


class Run(c.Section):
    """Circulate, and heat or cool."""

    kind: Literal["run"]

    def act(self, bench: Bench, now_ns: int) -> None:
        """Head for the set point."""
        bench.bath.running(now_ns, on=True)


class Stop(c.Section):
    """Circulation and heating off."""

    kind: Literal["stop"]

    def act(self, bench: Bench, now_ns: int) -> None:
        """From now on the room cools or warms it."""
        bench.bath.running(now_ns, on=False)


class SetPressure(c.Section):
    """The controller's set point."""

    kind: Literal["set_point"]
    pressure: c.PressurePa = Field(description="above ambient")

    def act(self, bench: Bench, now_ns: int) -> None:
        """Head for it, once the controller regulates."""
        bench.pressure.set_point(now_ns, self.pressure / 1e3)


class Regulate(c.Section):
    """Head for the set point, or only measure."""

    kind: Literal["regulate"]
    on: bool = Field(default=True, description="false: the pressure stays where it is")

    def act(self, bench: Bench, now_ns: int) -> None:
        """Begin or end."""
        bench.pressure.regulate(now_ns, on=self.on)


class Vent(c.Section):
    """Let go: the outlet is at ambient pressure."""

    kind: Literal["vent"]

    def act(self, bench: Bench, now_ns: int) -> None:
        """Open the valve."""
        bench.pressure.vent(now_ns)


class SetVoltage(c.Section):
    """The output's voltage."""

    kind: Literal["set_voltage"]
    voltage: c.VoltageMv = Field(description="of the output")

    def act(self, bench: Bench, now_ns: int) -> None:
        """From now on, if the output is on."""
        bench.supply.set_voltage(now_ns, self.voltage / 1e3)


class Switch(c.Section):
    """Output on or off."""

    kind: Literal["switch"]
    on: bool = Field(description="whether it feeds the pump")

    def act(self, bench: Bench, now_ns: int) -> None:
        """Press the key."""
        bench.supply.switch(now_ns, on=self.on)


BalanceCommand = Annotated[Zero | Empty | Unit, Field(discriminator="kind")]
BathCommand = Annotated[SetTemperature | Run | Stop, Field(discriminator="kind")]
PressureCommand = Annotated[SetPressure | Regulate | Vent, Field(discriminator="kind")]
SupplyCommand = Annotated[SetVoltage | Switch, Field(discriminator="kind")]
SyringeCommand = Annotated[Withdraw | Fill | InjectBolus, Field(discriminator="kind")]
COMMANDS: Final[dict[str, Any]] = {
    "balance": BalanceCommand,
    "bath": BathCommand,
    "pressure": PressureCommand,
    "supply": SupplyCommand,
    "syringe": SyringeCommand,
}
"""What each kind of instrument takes."""
ADAPTERS: Final = {kind: TypeAdapter[Any](command) for kind, command in COMMANDS.items()}


def adapter(kind: str) -> TypeAdapter[Any]:
    """What reads the commands of an instrument; ValueError for one that takes none."""
    check(kind)
    if kind not in ADAPTERS:
        message = f"the {kind} takes no commands here; {', '.join(ADAPTERS)} do"
        raise ValueError(message)
    return ADAPTERS[kind]


def operate(bench: Bench, now_ns: int, command: Any) -> Volumes:
    """Carry a command out now; ValueError, and nothing changed, when it cannot be."""
    if isinstance(command, Withdraw | Fill | InjectBolus):
        volume_ml = bench.syringe.move(now_ns, command)
        return {"volume": Value(volume_ml, "mL", bench.syringe.section.uncertainty_ml)}
    command.act(bench, now_ns)
    return {}
