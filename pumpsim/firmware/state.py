"""Everything the reference logic knows, in one place, and how it is kept over a reset."""

import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from protocol.control import Interval, Readings
from protocol.messages import BeginBolusAccess, Configuration
from protocol.vocabulary import Cause, Quality
from pumpsim.firmware.account import Account
from pumpsim.firmware.alarm_book import AlarmBook
from pumpsim.firmware.battery import Battery
from pumpsim.firmware.catheter import Catheter
from pumpsim.firmware.clock import Clock
from pumpsim.firmware.crosscheck import CrossCheck
from pumpsim.firmware.deviation import Deviation, FillDeviation
from pumpsim.firmware.dose_limit import DoseLimit
from pumpsim.firmware.environment import Environment
from pumpsim.firmware.exchange import Needle
from pumpsim.firmware.fill import FillLevel
from pumpsim.firmware.refills import Refills
from pumpsim.firmware.resets import Resets
from pumpsim.firmware.screen import Screen

P = TypeVar("P", Configuration, BeginBolusAccess)


class Before(NamedTuple):
    """What the life before knew at the last sample it saved, to which its account goes.

    It stands until the downtime has been accounted for, over further resets if need be.
    """

    rtc_s: int | None  # by a clock that could be trusted
    volume: Interval | None


@dataclass(slots=True)
class State:
    """The parts outlive a reset where `durable` says so; the rest is built anew from samples."""

    configuration: Configuration | None = None
    config_id: int = 0
    configuration_lost: bool = False
    memory_failed: bool = False
    account: Account = field(default_factory=Account)
    dose_limit: DoseLimit = field(default_factory=DoseLimit)
    refills: Refills = field(default_factory=Refills)
    needle: Needle = field(default_factory=Needle)
    alarms: AlarmBook = field(default_factory=AlarmBook)
    resets: Resets = field(default_factory=Resets)
    bolus: BeginBolusAccess | None = None

    clock: Clock = field(default_factory=Clock)
    fill: FillLevel = field(default_factory=FillLevel)
    deviation: Deviation = field(default_factory=Deviation)
    by_fill: FillDeviation = field(default_factory=FillDeviation)
    screen: Screen = field(default_factory=Screen)
    catheter: Catheter = field(default_factory=Catheter)
    crosscheck: CrossCheck = field(default_factory=CrossCheck)
    environment: Environment = field(default_factory=Environment)
    battery: Battery = field(default_factory=Battery)
    flow: Interval | None = None
    volume: Interval | None = None
    causes: tuple[Cause, ...] = ()
    low: bool = False
    empty: bool = False
    readings: Readings | None = None  # of the latest sample, as far as they can be trusted
    origin: int = 0  # what the tick counter read at boot
    now: int = 0  # ticks since boot, without end
    sampled: int = 0  # tick of the last sample, or that of the boot
    looked_at: int = 0  # tick of the last look at what changes slowly
    stale: bool = False  # the last sample is too long ago (SEN-06)
    explained: int = 0  # what the pressures say was pumped since boot, in nl/h x ticks
    unjudged: int = 0  # samples in a row that told no flow
    before: Before | None = None
    set_rtc_s: int | None = None  # to be passed on to the clock

    def assumed_flow_nl_per_h(self) -> int:
        """The best guess of the flow: the estimate, else the slope of the fill, else nominal."""
        if self.flow is not None:
            return self.flow.estimate
        if self.fill.slope is not None:
            return self.fill.slope.estimate
        return 0 if self.configuration is None else self.configuration.nominal_flow_nl_per_h

    def fastest_flow_nl_per_h(self) -> int:
        """The largest flow that pressures or fill level leave possible, for dates (RES-03)."""
        seen = (estimate.high for estimate in (self.flow, self.fill.slope) if estimate is not None)
        return max(seen, default=self.assumed_flow_nl_per_h())

    def reopen(self) -> None:
        """Liquid was moved by needle: what the level told before says nothing about the flow."""
        self.fill.clear()
        self.by_fill = FillDeviation()
        self.screen.forget()

    def lose_numbers(self) -> None:
        """Nothing sound is left: no assumption about configuration or totals (NVM-03)."""
        self.configuration, self.configuration_lost = None, True
        self.config_id = 0
        self.account, self.dose_limit = Account(), DoseLimit()

    def durable(self, now: int) -> dict[str, Any]:
        """What a reset must not clear (RST-02)."""
        return {
            "configuration": _dump(self.configuration),
            "config_id": self.config_id,
            "configuration_lost": self.configuration_lost,  # NVM-03: a reset is no first boot
            "account": self.account.save(),
            "dose_limit": self.dose_limit.save(),
            "refills": self.refills.save(now),
            "needle": self.needle.save(now),
            "alarms": self.alarms.save(),
            "resets": self.resets.save(now),
            "bolus": _dump(self.bolus),
            "flow": self.flow,
            "before": self.before or Before(self.clock.time_s(self.sampled), self.volume),
        }

    def load_durable(self, data: dict[str, Any]) -> None:
        """Take up what `durable` gave, at tick 0 of a new life."""
        self.load_numbers(0, data)
        self.configuration_lost = data["configuration_lost"]
        self.needle.load(0, data["needle"])
        self.alarms.load(0, data["alarms"])
        self.resets.load(data["resets"])
        self.bolus = _read(BeginBolusAccess, data["bolus"])
        self.flow = _interval(data["flow"])
        rtc_s, volume = data["before"]
        self.before = Before(rtc_s, _interval(volume))
        if rtc_s is not None:
            self.clock.earliest_s = rtc_s

    def load_numbers(self, now: int, data: dict[str, Any]) -> None:
        """Take what is reckoned with from what `durable` gave at the moment that is `now`."""
        self.configuration = _read(Configuration, data["configuration"])
        self.config_id = data["config_id"]  # FLW-07: the number and the content of one write
        self.account = Account(**data["account"])
        self.dose_limit.load(data["dose_limit"])
        if self.configuration is not None:
            self.dose_limit.limit(self.configuration)
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
