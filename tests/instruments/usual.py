"""A bench around a demo pump, as tests of instruments want it."""

from typing import Any

from pumpsim.device import Device
from pumpsim.instruments.bench import Bench
from pumpsim.instruments.commands import adapter, operate
from pumpsim.instruments.parameters import BenchSection
from pumpsim.pumpfile import demo
from pumpsim.stimuli import ADAPTER

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Lab:
    """A device and what stands around it, at the device's instant."""

    def __init__(self, seed: int = 1, **sections: dict[str, Any]) -> None:
        self.device = Device(demo(), seed)
        self.device.implant()
        self.section = BenchSection.model_validate(sections)
        self.bench = Bench(self.device, self.section, seed)

    @property
    def now_ns(self) -> int:
        return self.device.now_ns

    def wait(self, duration_ns: int) -> None:
        self.device.advance(self.now_ns + duration_ns)

    def act(self, **fields: Any) -> None:
        self.device.stimulate(self.now_ns, ADAPTER.validate_python(fields))

    def do(self, instrument: str, **fields: Any) -> Any:
        command = adapter(instrument).validate_python(fields)
        return operate(self.bench, self.now_ns, command)

    def value(self, instrument: str, quantity: str) -> float:
        return self.bench.read(instrument, self.now_ns)[quantity].value

    def runs(self) -> bool:
        """Whether the electronics do."""
        return self.device.powered

    def delivered_mg(self, density_mg_per_ul: float = 0.99777) -> float:
        """What the catheter has truly delivered; the plant stands at this very instant.

        A submerged tip draws back what flows backwards; one in air draws air.
        """
        self.device.plant.split(self.now_ns)
        ledger = self.device.plant.ledger
        back_fl = 0 if self.section.balance.drop else ledger.refluxed_fl
        return (ledger.delivered_fl - back_fl) / 1e9 * density_mg_per_ul
