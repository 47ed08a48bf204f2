"""Everything the reference logic knows, in one place, and how it is kept over a reset."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from protocol.control import Interval, Readings
from protocol.messages import BeginBolusAccess, Configuration
from protocol.vocabulary import Cause, Quality
from pumpsim.firmware import ticks
from pumpsim.firmware.account import Account
from pumpsim.firmware.alarms import AlarmBook
from pumpsim.firmware.deviation import Deviation
from pumpsim.firmware.fill import FillLevel
from pumpsim.firmware.refills import Refills

P = TypeVar("P", Configuration, BeginBolusAccess)


@dataclass(slots=True)
class State:
    """The parts outlive a reset where `durable` says so; the rest is built anew from samples."""

    configuration: Configuration | None = None
    config_id: int = 0
    configuration_lost: bool = False
    memory_failed: bool = False
    account: Account = field(default_factory=Account)
    refills: Refills = field(default_factory=Refills)
    alarms: AlarmBook = field(default_factory=AlarmBook)
    bolus: BeginBolusAccess | None = None

    fill: FillLevel = field(default_factory=FillLevel)
    deviation: Deviation = field(default_factory=Deviation)
    flow: Interval | None = None
    volume: Interval | None = None
    fill_over: bool = False  # by the slope of the fill level
    fill_under: bool = False
    causes: tuple[Cause, ...] = ()
    low: bool = False
    empty: bool = False
    readings: Readings | None = None
    now: int = 0
    rtc_at_save_s: int | None = None  # set until the downtime has been accounted for
    set_rtc_s: int | None = None  # to be passed on to the clock

    def assumed_flow_nl_per_h(self) -> int:
        """The best guess of the flow: the estimate, else the slope of the fill, else nominal."""
        if self.flow is not None:
            return self.flow.estimate
        if self.fill.slope is not None:
            return self.fill.slope.estimate
        return 0 if self.configuration is None else self.configuration.nominal_flow_nl_per_h

    def durable(self, now: int) -> dict[str, Any]:
        """What a reset must not clear (RST-02)."""
        return {
            "configuration": _dump(self.configuration),
            "config_id": self.config_id,
            "configuration_lost": self.configuration_lost,  # NVM-03: a reset is no first boot
            "account": asdict(self.account),
            "refills": self.refills.save(now),
            "alarms": self.alarms.save(),
            "bolus": _dump(self.bolus),
            "flow": self.flow,
            "rtc_s": self._clock_s(now),
        }

    def _clock_s(self, now: int) -> int | None:
        """The real-time clock at this tick; while the downtime is open, reckoned from its start."""
        if self.rtc_at_save_s is not None:
            return self.rtc_at_save_s + ticks.to_s(now)
        readings = self.readings
        return readings.rtc_s if readings is not None and readings.rtc_valid else None

    def load_durable(self, now: int, data: dict[str, Any]) -> None:
        """Take up what `durable` gave, in a new life."""
        self.load_numbers(now, data)
        self.config_id = data["config_id"]
        self.configuration_lost = data["configuration_lost"]
        self.alarms.load(data["alarms"])
        self.bolus = _read(BeginBolusAccess, data["bolus"])
        self.flow = _interval(data["flow"])
        self.rtc_at_save_s = data["rtc_s"]

    def load_numbers(self, now: int, data: dict[str, Any]) -> None:
        """Take what is reckoned with from what `durable` gave at the moment that is `now`."""
        self.configuration = _read(Configuration, data["configuration"])
        self.account = Account(**data["account"])
        self.refills.load(now, data["refills"])


def encode(data: dict[str, Any]) -> bytes:
    """Plain data as bytes, one way only."""
    return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()


def decode(content: bytes) -> dict[str, Any]:
    """What `encode` made."""
    data: dict[str, Any] = json.loads(content)
    return data


def _dump(part: Configuration | BeginBolusAccess | None) -> dict[str, Any] | None:
    return None if part is None else part.model_dump(mode="json")


def _read(kind: type[P], data: dict[str, Any] | None) -> P | None:
    return None if data is None else kind.model_validate(data, strict=False)


def _interval(row: list[int] | None) -> Interval | None:
    return None if row is None else Interval(row[0], row[1], row[2], Quality(row[3]))
