"""The logic keeps its contract: it answers, in its own words and in time, and always the same."""

import gc
import sys
from collections import deque
from itertools import pairwise
from typing import Final

from hypothesis import strategies as st

from hil.testing import strategies
from hil.testing.desk import MINUTE
from hil.testing.eventful import alike, elsewhere, lived
from hil.testing.prove import Prove
from hil.testing.subject import Subject
from protocol import messages as m
from protocol.control import Readings
from protocol.vocabulary import AlarmId, Refusal, ResetCause, Role

LEAST_GROWTH: Final = 4
"""Bytes a minute: less is no growth that matters in a service life."""
HASH_SEEDS: Final = (0, 1, 2)
"""Of two strings in a set, each of these may put the other first: three agree a time in four."""
CONTAINERS: Final = (list, dict, set, bytearray, deque)
WARM_DAYS: Final = 2
GROWN_DAYS: Final = 2


def test_it_boots_on_a_blank_chip_whatever_the_cause(subject: Subject) -> None:
    """Blank memory is a pump that was never configured: it answers, and knows nothing."""
    for cause in ResetCause:
        desk = subject.bare_desk()
        desk.boot(cause)
        report = desk.ask(m.ReadConfiguration())
        unknown = isinstance(report, m.Refused) or (
            isinstance(report, m.ConfigurationReport) and report.configuration is None
        )
        desk.that(unknown, "DOS-09", "no configuration before one was written", report)
        desk.sample()
        desk.run_to(desk.ticks + 10 * MINUTE)


def test_it_takes_its_configuration_as_one_block(subject: Subject) -> None:
    """What was written is what is read, and what was filled is what is told."""
    desk = subject.desk()
    report = desk.ask(m.ReadConfiguration())
    assert isinstance(report, m.ConfigurationReport)
    desk.same(desk.configuration, report.configuration, "FLW-07", "the one written")
    desk.that(report.last_refill is not None, "RES-05", "the refill declared", report)


def test_any_readings_are_taken(subject: Subject, prove: Prove) -> None:
    """Missing, absurd, repeated: an interval comes of it or nothing, and never a fault."""

    def feed(rows: list[Readings]) -> None:
        desk = subject.desk()
        for row in rows:
            desk.feed(row)
            flow = desk.status().flow_nl_per_h
            if flow is not None:
                desk.that(flow.low <= flow.estimate <= flow.high, "FLW-01", "low to high", flow)

    prove(feed, 25, rows=st.lists(strategies.readings(), min_size=1, max_size=8))


def test_any_request_is_answered(subject: Subject, prove: Prove) -> None:
    """In every role and at any time: an answer of its kind or a refusal, and never a fault."""

    def asked(script: list[tuple[m.Body, Role, int]]) -> None:
        desk = subject.desk()
        for body, role, minutes in script:
            desk.wait(minutes)
            if isinstance(body, m.Command):
                desk.do(body, role)
            else:
                desk.beyond("nobody asks anything there")
                desk.ask(body, role)
        desk.minute()
        desk.status()

    one = st.tuples(strategies.logic_requests(), st.sampled_from(Role), st.integers(0, 3))
    prove(asked, 40, script=st.lists(one, min_size=1, max_size=10))


def test_a_role_may_do_only_what_is_its_own(subject: Subject) -> None:
    """Whoever carries the pump changes neither configuration nor fill."""
    desk = subject.desk()
    desk.wait(5)
    before = desk.ask(m.ReadConfiguration())
    for body in (
        m.WriteConfiguration(base_config_id=1, configuration=desk.configuration),
        m.BeginRefill(),
        m.CommitRefill(refill=strategies.REFILL_AGAIN),
        m.AbortRefill(),
        m.BeginBolusAccess(drug="FUDR", concentration_ng_per_ml=1),
        m.EndBolusAccess(injected_nl=1),
        m.SetClock(rtc_s=1_800_000_000),
    ):
        reply = desk.do(body, Role.PATIENT)
        refused = isinstance(reply, m.Refused) and reply.reason is Refusal.ROLE
        desk.that(refused, "SEC-01", "refused to a patient, for his role", reply)
    after = desk.ask(m.ReadConfiguration())
    desk.same(before, after, "SEC-01", "nothing changed by what was refused")


def test_the_same_life_leads_to_the_same_decisions(subject: Subject) -> None:
    """Given the same readings at the same ticks it decides the same."""
    first, second = lived(subject.bare_desk()), lived(subject.bare_desk())
    alike(first, second, "RST-11", "the same outcomes, call by call")


def test_no_hash_decides(subject: Subject) -> None:
    """The same life in processes that walk sets, and sort by hashes, in other orders."""
    first, *others = elsewhere(subject.name, HASH_SEEDS)
    words = "the same outcomes whatever PYTHONHASHSEED is, and no order of a set or a hash in them"
    for seed, other in zip(HASH_SEEDS[1:], others, strict=True):
        alike(first, other, "RST-11", words, f", PYTHONHASHSEED {HASH_SEEDS[0]} and {seed}")


def test_asking_changes_nothing(subject: Subject) -> None:
    """Somebody who only reads has no part in what is decided."""
    asks: list[m.Body] = [m.GetStatus(), m.ListAlarms(after_occurrence=0), m.ReadConfiguration()]
    quiet, asked = lived(subject.bare_desk()), lived(subject.bare_desk(), asks)
    alike(quiet, asked, "COM-08", "the same outcomes whether or not somebody asks")


def test_it_does_not_grow_without_end(subject: Subject) -> None:
    """After days of the same life, samples and requests, it takes the room it took before."""
    desk = subject.desk(refill_interval_s=30 * 86_400)

    def live(minutes: int) -> int:
        for turn in range(minutes):
            desk.minute()
            desk.ask(m.GetStatus())
            desk.ask(m.AcknowledgeAlarm(alarm=AlarmId.OCCLUSION, occurrence=turn))
        return footprint(kept_by(desk.guard.logic))

    sizes = [live(WARM_DAYS * 1_440), *(live(1_440) for _ in range(GROWN_DAYS))]
    growth = [(after - before) / 1_440 for before, after in pairwise(sizes)]
    seen = f"{sizes[0]} bytes, then {growth[0]:.1f} and {growth[1]:.1f} bytes more a minute"
    bounded = "logic that takes no more room the longer it runs"
    desk.that(min(growth) < LEAST_GROWTH, "RST-11", bounded, seen)


def test_it_gives_way_to_a_storm_of_requests(subject: Subject) -> None:
    """Hundreds of requests between two samples take nothing from what is watched."""
    desk = subject.desk()
    desk.wait(30)
    for turn in range(500):
        desk.ask(m.PauseAudio(alarm=AlarmId.OCCLUSION, occurrence=turn, duration_ms=1_000))
    desk.let(level_nl=20e6)
    after = desk.minutes_to(AlarmId.TAMPERING, 2)
    desk.that(after is not None, "COM-10", "tampering within 2 min", desk.standing())


def kept_by(logic: object) -> list[object]:
    """A logic, and the containers that its classes and their modules keep beside it."""
    wrapped = getattr(logic, "logic", logic)  # beneath the watchdog
    kept: list[object] = [logic]
    for each in type(wrapped).__mro__:
        for place in (each, sys.modules.get(each.__module__)):
            values = vars(place).values() if place is not None and each is not object else ()
            kept += [value for value in values if isinstance(value, CONTAINERS)]
    return kept


def footprint(root: object) -> int:
    """Bytes of all that an object holds, but for code and what is shared by all."""
    shared = (type, type(sys), type(footprint), type(len))
    seen: set[int] = set()
    total, waiting = 0, [root]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, shared):
            continue
        seen.add(id(one))
        total += sys.getsizeof(one)
        waiting += gc.get_referents(one)
    return total
