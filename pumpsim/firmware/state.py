"""Everything the reference logic knows, in one place, and how it is kept over a reset."""

import json
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeVar

from protocol.control import Between, Event, Interval, Kept, Readings
from protocol.messages import BeginBolusAccess, Configuration
from protocol.vocabulary import Cause, EventKind, Priority
from pumpsim.firmware.account import Account
from pumpsim.firmware.alarm_book import AlarmBook
from pumpsim.firmware.battery import Battery
from pumpsim.firmware.catheter import Catheter
from pumpsim.firmware.clock import Clock
from pumpsim.firmware.crosscheck import CrossCheck
from pumpsim.firmware.deviation import Deviation, FillDeviation
from pumpsim.firmware.dose_limit import DoseLimit
from pumpsim.firmware.environment import Environment
from pumpsim.firmware.exchange import EMPTIED_NL, Needle
from pumpsim.firmware.fill import FillLevel
from pumpsim.firmware.interval import interval_of
from pumpsim.firmware.refills import Refills
from pumpsim.firmware.resets import Resets
from pumpsim.firmware.residual import Residual
from pumpsim.firmware.screen import Screen
from pumpsim.firmware.ticks import MINUTE, earlier_life

T_FLUSH: Final = 30 * MINUTE
"""A bolus access lets an injection and its jumps pass for so long, as a refill window does."""

ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False)
P = TypeVar("P", Configuration, BeginBolusAccess)


class Level(NamedTuple):
    """What was in the reservoir when the account stood at a total."""

    volume: Interval
    total_nl: int


class Before(NamedTuple):
    """What a life before knew at its last sample, and what is known of the time since.

    It stands until the downtime has been accounted for, over further resets if need be.
    """

    rtc_s: int | None  # by a clock that could be trusted
    volume: Interval | None
    total_nl: int  # of the account
    counted: int  # ticks since then that lives before this one have counted
    missed: int  # of them, those that the account knows nothing of
    boots: int  # since then


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
    kept: Kept = field(default_factory=Kept)
    bolus_since: int = 0  # in ticks of this boot, or before it
    life: int = 0  # counts boots: tells whose ticks a record has
    commanded: bool = False  # this life has carried out what a record must tell
    commanded_pump: bool = False  # and that was about the pump, not about an alarm alone
    first_level: Level | None = None  # the first level since the reservoir was opened last

    clock: Clock = field(default_factory=Clock)
    fill: FillLevel = field(default_factory=FillLevel)
    residual: Residual = field(default_factory=Residual)
    deviation: Deviation = field(default_factory=Deviation)
    by_fill: FillDeviation = field(default_factory=FillDeviation)
    screen: Screen = field(default_factory=Screen)
    catheter: Catheter = field(default_factory=Catheter)
    crosscheck: CrossCheck = field(default_factory=CrossCheck)
    environment: Environment = field(default_factory=Environment)
    battery: Battery = field(default_factory=Battery)
    flow: Interval | None = None
    last_flow: Interval | None = None  # of a life before, until a sample of this one
    volume: Interval | None = None
    causes: tuple[Cause, ...] = ()
    low: bool = False
    empty: bool = False
    unmonitored: bool = False
    readings: Readings | None = None  # of the latest sample, as far as they can be trusted
    origin: int = 0  # what the tick counter read at boot, less what it has not counted since
    now: int = 0  # ticks since boot, without end
    sampled: int = 0  # tick of the last sample, or that of the boot
    looked_at: int = 0  # tick of the last look at what changes slowly
    stale: bool = False  # the last sample is too long ago (SEN-06)
    explained_nl: int = 0  # what the pressures say was pumped since boot
    explained_rest: int = 0  # beyond whole nanolitres, in nl/h x ticks
    unjudged: int = 0  # samples in a row that told no flow
    jumped: bool = False  # the last of them, since a pressure awaited its confirmation
    before: Before | None = None
    set_rtc_s: int | None = None  # to be passed on to the clock
    compared: bool = False  # levels have judged the refill since the last record

    def latest_flow(self) -> Interval | None:
        """That of the last sample; of a life before, until this one has had a sample."""
        return self.flow or self.last_flow

    def assumed_flow_nl_per_h(self) -> int:
        """The best guess of the flow: the estimate, else the slope of the fill, else nominal."""
        flow = self.latest_flow()
        if flow is not None:
            return flow.estimate
        if self.fill.slope is not None:
            return self.fill.slope.estimate
        return 0 if self.configuration is None else self.configuration.nominal_flow_nl_per_h

    def fastest_flow_nl_per_h(self) -> int:
        """The largest flow that pressures or fill level leave possible, for dates (RES-03).

        A date that came nearer stays near (RES-04): what the level has just found counts by its
        best guess, until its bounds are as narrow as they will be.
        """
        flow, slope = self.flow, self.fill.slope
        fastest = self.assumed_flow_nl_per_h()
        if flow is not None and not self.by_fill.is_new:
            fastest = flow.high
        return fastest if slope is None else max(fastest, slope.high)

    def flushing(self) -> bool:
        """Whether a declared injection may be under way; who forgot to end it masks nothing."""
        return self.bolus is not None and self.now - self.bolus_since < T_FLUSH

    def hands_at_work(self) -> bool:
        """Whether liquid is moved by needle now, so that readings may jump (FLW-08)."""
        return self.refills.suspends(self.now) or self.flushing()

    def shift(self, least: int, most: int) -> None:
        """Time passed without supply, which no ticks counted: so much at least and at most."""
        self.refills.shift(least, most)
        if earlier_life(self.bolus_since):
            self.bolus_since -= most  # what masks ends rather too soon (FLW-08)

    def left(self) -> Interval | None:
        """What is in the reservoir: by the level of the last sample, else as reckoned."""
        return self.fill.volume() or self.residual.volume(self.account)

    def uncounted(self) -> bool:
        """Whether time passed that no sample has told of yet: no supply, or silence (SEN-06)."""
        return self.before is not None or self.stale

    def delivered_between_nl(self) -> Between | None:
        """Bounds of the total; None while nobody can count (RST-03)."""
        return None if self.uncounted() else self.account.total_between_nl()

    def dose_between_ng(self) -> Between | None:
        """Likewise; and while a declared injection may be under way, nobody knows (RES-12)."""
        if self.uncounted() or self.bolus is not None:
            return None
        return self.account.dose_between_ng()

    def since_refill_between_nl(self) -> Between | None:
        """Bounds of what left since the refill; None likewise, or where it was lost."""
        return None if self.uncounted() else self.account.since_refill_between_nl()

    def dose_since_refill_between_ng(self) -> Between | None:
        """Of the dose since the refill; None where there are none of the total."""
        told = self.dose_between_ng()
        return None if told is None else self.account.dose_since_refill_between_ng()

    def settling(self) -> bool:
        """Whether the last fill may still be cold: not where time is open (FLW-08)."""
        return self.before is None and self.refills.settling(self.now)

    def may_infuse_drug(self) -> bool:
        """Not when it was emptied and filled without drug, or a level shows it empty (RES-13).

        What is reckoned or declared shows nothing, nor does a limit that was set too high.
        """
        account, configuration = self.account, self.configuration
        rinsed = self.refills.emptied and self.needle.borne_out
        if rinsed and account.drug and not account.concentration_ng_per_ml:
            return False
        left = self.fill.volume()
        if left is None or configuration is None or self.stale:
            return True
        return left.high > min(configuration.empty_volume_nl, EMPTIED_NL)

    def reopen(self) -> None:
        """A refill was made: what the level told before says nothing of flow and volume."""
        self.look_anew()
        self.by_fill = FillDeviation()

    def refilled_here(self) -> bool:
        """Whether a refill was made in this life."""
        return self.refills.at is not None and not earlier_life(self.refills.at)

    def look_anew(self) -> None:
        """Hands were at work, and declared nothing: what was concluded stands till levels tell."""
        self.first_level = self.fill.level_nl = None
        self.fill.clear()
        self.screen.forget()

    def put_back(self) -> None:
        """A refill window ended undeclared: what there was when it opened is there still."""
        self.look_anew()
        self.volume = None if self.stale else self.left()

    def lose_numbers(self) -> None:
        """Nothing sound is left: no assumption about configuration or totals (NVM-03)."""
        self.configuration, self.configuration_lost = None, True
        self.config_id = 0
        self.account = Account(whole=False, whole_since=False)
        self.dose_limit, self.residual = DoseLimit(), Residual()
        self.first_level = self.before = None

    def durable(self, now: int) -> dict[str, Any]:
        """What a reset must not clear (RST-02).

        A record has two instants: the account, the clock's second and the volume are those of the
        last sample, while everything else stands as it is now, and dates are distances from now.
        """
        return {
            "life": self.life,
            "now": now,
            "sampled": self.sampled,
            "rtc_s": self.clock.time_s(self.sampled),
            "volume": self.left(),  # known then, though it may be too old to be told now
            "before": self.before,
            "first_level": self.first_level,
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
            "kept": self.kept,
            "bolus_since": self.bolus_since - now,
            "flow": self.latest_flow(),
            "reservoir": [self.low, self.empty, self.unmonitored],
            "stale": self.stale,
            "screen": self.screen.save(),
            "deviation": self.deviation.save(),
            "by_fill": self.by_fill.save(),
            "catheter": self.catheter.save(),
            "crosscheck": self.crosscheck.save(),
            "environment": self.environment.save(),
            "battery": self.battery.save(),
            "clock_wrong": self.clock.wrong,
            "after_fault": self.resets.after_fault,
        }

    def load_durable(self, data: dict[str, Any]) -> None:
        """Take up what `durable` gave, at tick 0 of this life.

        Where that was read late, what this life has found meanwhile goes on standing (ALM-09).
        """
        self.life = data["life"] + 1
        self._load_declared(data)
        if not self.sampled:
            self.last_flow = interval_of(data["flow"])
        self.alarms.load(0, data["alarms"])
        self.resets.load(data["resets"])
        low, empty, unmonitored = data["reservoir"]
        self.low |= low
        self.empty |= empty
        self.unmonitored |= unmonitored
        self.stale |= data["stale"] and self.readings is None
        self.screen.load(data["screen"])
        self.deviation.load(data["deviation"])
        self.catheter.load(data["catheter"])
        self.crosscheck.load(data["crosscheck"])
        self.environment.load(data["environment"])
        self.battery.load(data["battery"])
        self.clock.wrong |= data["clock_wrong"]
        self.resets.after_fault |= data["after_fault"]
        if self.before is not None and self.before.rtc_s is not None:
            self.clock.earliest_s = self.before.rtc_s

    def _load_declared(self, data: dict[str, Any]) -> None:
        """What hands and requests made of the pump; what this life was told is later than that."""
        if not self.commanded_pump:
            self.load_numbers(data)
            self.needle = Needle()  # time has passed since that level, and nobody counted it
            self.needle.load(0, data["needle"])
            self.bolus = _read(BeginBolusAccess, data["bolus"])
            self.bolus_since = data["bolus_since"]
        if not self.commanded:
            self.kept = _kept(data["kept"])
        if not self.refilled_here():  # what an exchanged fill has told says nothing of this one
            self.by_fill.load(data["by_fill"])

    def load_numbers(self, data: dict[str, Any]) -> int:
        """Take what is reckoned with from what `durable` gave; the tick its account stands at.

        The record of another life tells nothing of this one, and its dates count from the boot.
        """
        own = data["life"] == self.life
        now = data["now"] if own else 0
        self.configuration = _read(Configuration, data["configuration"])
        self.config_id = data["config_id"]  # FLW-07: the number and the content of one write
        self.configuration_lost = data["configuration_lost"]
        self.account = Account.read(data["account"])
        self.residual.begin(interval_of(data["volume"]), self.account)
        self.dose_limit.load(data["dose_limit"], self.account)
        if self.configuration is not None:
            self.dose_limit.limit(self.configuration)
        self.refills.load(now, data["refills"])
        self.first_level = None if data["first_level"] is None else _level(*data["first_level"])
        self.before = _before(data["before"]) if own else _ended(data, self.account.total_nl)
        if self.clock.stepped:
            self.untime()
        sampled: int = data["sampled"] if own else 0
        return sampled

    def untime(self) -> None:
        """The clock was set: its difference to a life before is no downtime (TIM-06)."""
        if self.before is not None:
            self.before = self.before._replace(rtc_s=None)


def _level(volume: list[int], total_nl: int) -> Level | None:
    known = interval_of(volume)
    return None if known is None else Level(known, total_nl)


def _before(row: list[Any] | None) -> Before | None:
    return None if row is None else Before(row[0], interval_of(row[1]), *row[2:])


def _ended(data: dict[str, Any], total_nl: int) -> Before:
    """What the life that wrote a record leaves to the next: its own end, or what it found open."""
    counted, missed = data["now"], data["now"] - data["sampled"]
    open_yet = _before(data["before"])
    if open_yet is None:
        return Before(data["rtc_s"], interval_of(data["volume"]), total_nl, missed, missed, 1)
    return open_yet._replace(
        counted=open_yet.counted + counted,
        missed=open_yet.missed + missed,
        boots=open_yet.boots + 1,
    )


def encode(data: dict[str, Any]) -> bytes:
    """Plain data as bytes, one way only."""
    return ENCODER.encode(data).encode()


def decode(content: bytes) -> dict[str, Any]:
    """What `encode` made."""
    data: dict[str, Any] = json.loads(content)
    return data


def _dump(part: Configuration | BeginBolusAccess | None) -> dict[str, Any] | None:
    return None if part is None else part.model_dump(mode="json")


def _read(kind: type[P], data: dict[str, Any] | None) -> P | None:
    return None if data is None else kind.model_validate(data, strict=False)


def _kept(row: list[Any]) -> Kept:
    command_id, reference, events = row
    return Kept(command_id, reference, tuple(map(_event, events)))


def _event(row: list[Any]) -> Event:
    kind, subject, value, priority = row
    return Event(EventKind(kind), subject, value, None if priority is None else Priority(priority))
