"""The end: nothing stops a gas-driven pump, so no drug may be in it when it is taken out."""

from typing import Any, Final

import pytest
from hypothesis import strategies as st

from hil.testing.desk import Desk
from hil.testing.prove import Prove
from hil.testing.refilling import begin, commit
from hil.testing.steady import REFILL
from hil.testing.subject import Subject
from hil.testing.suite.test_reset import boot_spoiled
from protocol import messages as m
from protocol.vocabulary import EventKind, RefillReason

NO_NEEDLE_REACHES_NL: Final = 600_000
MAY_HOLD_NL: Final = 2_000_000
"""Of undiluted drug, in what was emptied: that, the error of two levels, and the syringe's."""
EMPTY_NL: Final = 1_250_000
"""A level below that, by its error, shows it empty."""
SURE: Final = 10
"""Samples with a level, after which nobody need doubt it."""
PART_NL: Final = 3_000_000
"""Left behind by whoever does not empty it."""
RINSE: Final = {"drug": "saline", "concentration_ng_per_ml": 0}
DRUG: Final = {"drug": REFILL.drug, "concentration_ng_per_ml": REFILL.concentration_ng_per_ml}


class Reservoir:
    """What is in a desk's pump in truth, as hands exchange it, and what a level has told of it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.share = 1.0  # of what is in it, undiluted drug
        self.rinsed = False  # all that can be was exchanged, and declared as it was done
        self.seen = 2  # samples with a level since the last fill

    def wait(self, minutes: int) -> None:
        self.desk.wait(minutes)
        if "fill_level_nl" not in self.desk.pump.reads:
            self.seen += minutes

    def silence(self, *, silent: bool) -> None:
        """The level is read no more, or again."""
        self.desk.let(reads={"fill_level_nl": None} if silent else {})
        self.wait(2)

    def reset(self) -> None:
        self.desk.power_cycle()
        self.wait(2)

    def exchange(self, left_nl: int, put_nl: int, *, drug: bool) -> None:
        """As it is declared."""
        begin(self.desk)
        before_nl = self.desk.pump.level_nl
        left_nl = min(left_nl, round(before_nl))
        self.share = (self.share * left_nl + put_nl * drug) / (left_nl + put_nl)
        seen = self.seen
        self.desk.let(level_nl=float(left_nl + put_nl))
        self._declare(before_nl - left_nl, put_nl, drug=drug)
        self.rinsed = not drug and left_nl <= NO_NEEDLE_REACHES_NL and self._told(seen)

    def pretend(self, *, drug: bool) -> None:
        """All is declared to be exchanged, and nothing is."""
        begin(self.desk)
        level_nl = self.desk.pump.level_nl
        put_nl = 27_000_000 if level_nl < 20e6 else 10_000_000
        self._declare(max(level_nl - NO_NEEDLE_REACHES_NL, 0), put_nl, drug=drug)
        self.rinsed = False
        self.wait(1)  # until a level denies it, there is as much in it as was declared

    def tamper(self, put_nl: int) -> None:
        """A needle puts in what nobody knows, which may be drug."""
        level_nl = self.desk.pump.level_nl
        put_nl = min(put_nl, round(29e6 - level_nl))
        self.share = (self.share * level_nl + put_nl) / (level_nl + put_nl)
        self.desk.let(level_nl=level_nl + put_nl)
        self.rinsed = False
        self.wait(3)

    def _declare(self, taken_nl: float, put_nl: float, *, drug: bool) -> None:
        reply = commit(self.desk, taken_nl, put_nl, **(DRUG if drug else RINSE))
        self.desk.that(isinstance(reply, m.Done), "RES-05", "a refill that is taken", reply)
        self.seen = 0

    def _told(self, seen: int) -> bool:
        """Whether a level was there to begin with."""
        return seen > 0 and "fill_level_nl" not in self.desk.pump.reads

    def check(self) -> None:
        """Refused while drug is in it, or may be; taken where nothing speaks against it."""
        desk, level_nl = self.desk, self.desk.pump.level_nl
        held_nl = self.share * level_nl
        if self.seen == 0:
            refused(desk, "no level has told of the last fill yet")
        elif held_nl > MAY_HOLD_NL and level_nl > EMPTY_NL:
            refused(desk, f"{held_nl / 1e6:.1f} mL of undiluted drug are in it")
        elif self.rinsed and self.seen >= SURE:
            reply = desk.do(m.Explant())
            words = "taken: it was emptied and filled without drug, and the level agrees"
            desk.that(isinstance(reply, m.Done), "RES-13", words, _told(reply))


def filled(subject: Subject) -> Reservoir:
    """With drug, three quarters of an hour ago."""
    reservoir = Reservoir(subject.desk(REFILL.model_copy(update={"filled_nl": 20_000_000})))
    reservoir.wait(45)
    return reservoir


def refused(desk: Desk, why: str) -> None:
    """By name, and nothing is logged as done."""
    count = len(desk.happened(EventKind.EXPLANTED))
    reply = desk.do(m.Explant())
    holds = isinstance(reply, m.Refused) and len(desk.happened(EventKind.EXPLANTED)) == count
    desk.that(holds, "RES-13", f"refused: {why}", _told(reply))


def _told(reply: m.Reply) -> str:
    return f"refused: {reply.reason.name.lower()}" if isinstance(reply, m.Refused) else "taken"


LEFT: Final = st.sampled_from([NO_NEEDLE_REACHES_NL, NO_NEEDLE_REACHES_NL, PART_NL, 8_000_000])
PUT: Final = st.sampled_from([10_000_000, 20_000_000])
FLAG: Final = st.booleans()
DEEDS: Final[dict[str, st.SearchStrategy[dict[str, Any]]]] = {
    "exchange": st.fixed_dictionaries({"left_nl": LEFT, "put_nl": PUT, "drug": FLAG}),
    "pretend": st.fixed_dictionaries({"drug": FLAG}),
    "silence": st.fixed_dictionaries({"silent": FLAG}),
    "tamper": st.fixed_dictionaries({"put_nl": st.just(5_000_000)}),
    "reset": st.just({}),
    "wait": st.fixed_dictionaries({"minutes": st.sampled_from([1, 2, 15, 60, 300])}),
}
DEED: Final = st.one_of([st.tuples(st.just(name), how) for name, how in DEEDS.items()])


def test_it_is_taken_out_without_drug_only(subject: Subject, prove: Prove) -> None:
    """Whatever hands did before, and said of it; asked after each deed."""

    def lived(deeds: list[tuple[str, dict[str, Any]]]) -> None:
        reservoir = filled(subject)
        reservoir.check()
        for name, how in deeds:
            getattr(reservoir, name)(**how)
            reservoir.check()

    prove(lived, 60, deeds=st.lists(DEED, min_size=1, max_size=6))


@pytest.mark.parametrize("left_nl", [PART_NL, 8_000_000])
def test_emptied_once_is_not_emptied_for_ever(subject: Subject, left_nl: int) -> None:
    """What counts is what was left before the last fill."""
    reservoir = filled(subject)
    for left, drug in ((NO_NEEDLE_REACHES_NL, True), (left_nl, False)):
        reservoir.exchange(left, 15_000_000, drug=drug)
        reservoir.wait(60)
        reservoir.check()


def test_what_was_left_behind_once_is_not_for_ever(subject: Subject) -> None:
    """A fill on top of another one, and all of it exchanged after that."""
    reservoir = filled(subject)
    for left, drug in ((8_000_000, True), (NO_NEEDLE_REACHES_NL, False)):
        reservoir.exchange(left, 15_000_000, drug=drug)
        reservoir.wait(60)
        reservoir.check()


def test_what_did_not_add_up_is_known_after_a_reset(subject: Subject) -> None:
    """A fill that never arrived: the drug is in it still, whoever asks in whichever life."""
    reservoir = filled(subject)
    reservoir.pretend(drug=False)
    reservoir.wait(10)
    for _ in range(2):
        reservoir.check()
        reservoir.reset()
    reservoir.check()


@pytest.mark.parametrize("samples", [0, 1, 2, 5])
def test_a_reset_soon_after_the_last_fill_puts_nothing_off(subject: Subject, samples: int) -> None:
    """However many samples the life before had: soon enough of this one bear it out."""
    reservoir = filled(subject)
    reservoir.exchange(NO_NEEDLE_REACHES_NL, 15_000_000, drug=False)
    reservoir.wait(samples)
    reservoir.reset()
    reservoir.wait(SURE)
    reservoir.check()


def test_what_was_in_it_before_memory_was_lost_may_be_drug(subject: Subject) -> None:
    """Configured anew and filled for the first time, as far as it knows: not the first in truth."""
    reservoir = filled(subject)
    desk = reservoir.desk
    boot_spoiled(desk, desk.chip.used())
    desk.wait(2)
    desk.must_do(m.WriteConfiguration(base_config_id=0, configuration=desk.configuration), "NVM-03")
    reservoir.wait(30)
    reservoir.exchange(2 * NO_NEEDLE_REACHES_NL + 1_000_000, 10_000_000, drug=False)
    reservoir.wait(SURE)
    reservoir.check()


@pytest.mark.parametrize("declared_nl", [700_000, 10_000_000])
def test_what_is_declared_shows_no_reservoir_empty(subject: Subject, declared_nl: int) -> None:
    """10 mL are put in, and said to be less; no level has told yet."""
    reservoir = filled(subject)
    desk = reservoir.desk
    begin(desk)
    taken_nl = desk.pump.level_nl
    desk.let(level_nl=10e6)
    commit(desk, taken_nl, declared_nl, **DRUG)
    refused(desk, "10 mL of undiluted drug are in it")


def test_a_limit_that_is_set_high_shows_no_reservoir_empty(subject: Subject) -> None:
    """Empty, as the configuration has it, are 20 mL."""
    limits = {"empty_volume_nl": 20_000_000, "low_volume_nl": 25_000_000}
    desk = subject.desk(REFILL.model_copy(update={"filled_nl": 19_000_000}), **limits)
    desk.wait(30)
    refused(desk, "19 mL of undiluted drug are in it")


def test_what_is_reckoned_shows_no_reservoir_empty(subject: Subject) -> None:
    """The level is silent, and the restrictor clogged: pressures do not tell that."""
    desk = subject.desk(REFILL.model_copy(update={"filled_nl": 3_000_000}))
    desk.wait(30)
    desk.let(reads={"fill_level_nl": None}, restrictor=0.0)
    desk.wait(50 * 60)
    refused(desk, "3 mL of undiluted drug are in it")


def test_a_needle_that_nobody_announced_may_have_put_in_drug(subject: Subject) -> None:
    """Rinsed and borne out, and then the level rose."""
    reservoir = filled(subject)
    reservoir.exchange(NO_NEEDLE_REACHES_NL, 10_000_000, drug=False)
    reservoir.wait(60)
    reservoir.check()
    reservoir.tamper(5_000_000)
    reservoir.check()


def test_without_a_level_nobody_knows_that_it_was_rinsed(subject: Subject) -> None:
    """However long ago it was."""
    reservoir = filled(subject)
    reservoir.exchange(NO_NEEDLE_REACHES_NL, 15_000_000, drug=False)
    reservoir.desk.let(reads={"fill_level_nl": None})
    for _ in range(3):
        reservoir.wait(240)
        reservoir.check()


def test_hands_are_done_before_it_is_taken_out(subject: Subject) -> None:
    """Refused while a refill or an injection is under way, and taken once they are over."""
    reservoir = filled(subject)
    desk = reservoir.desk
    reservoir.exchange(NO_NEEDLE_REACHES_NL, 15_000_000, drug=False)
    reservoir.wait(60)
    access = m.BeginBolusAccess(drug="saline", concentration_ng_per_ml=0)
    for opened, closed in (
        (m.BeginRefill(), m.AbortRefill()),
        (access, m.EndBolusAccess(injected_nl=0)),
    ):
        desk.must_do(opened, "RES-13")
        refused(desk, f"after {type(opened).__name__}")
        desk.must_do(closed, "RES-13")
    reservoir.wait(2)
    reservoir.check()
    desk.that(desk.happened(EventKind.EXPLANTED), "RES-13", "an event that says so", "none")
    desk.wait(2)
    desk.that(desk.status().flow_nl_per_h is not None, "RES-13", "a flow: it is watched", "none")


@pytest.mark.parametrize("ng_per_ml", [1, 5_000_000])
def test_what_is_filled_before_it_is_taken_out_is_no_drug(subject: Subject, ng_per_ml: int) -> None:
    """A refill for an explant with drug in it is refused, however thin."""
    desk = subject.desk(REFILL.model_copy(update={"filled_nl": 20_000_000}))
    desk.wait(45)
    begin(desk)
    left_nl = round(desk.pump.level_nl)
    for concentration in (ng_per_ml, 0):
        declared = {"withdrawn_nl": left_nl, "filled_nl": left_nl}
        declared["concentration_ng_per_ml"] = concentration
        refill = REFILL.model_copy(update=declared)
        explant = RefillReason.EXPLANT
        reply = desk.do(m.CommitRefill(refill=refill, reason=explant, previous_refill_id=1))
        refuses = isinstance(reply, m.Refused)
        words = "refused: drug in it" if concentration else "taken: no drug in it"
        desk.that(refuses == bool(concentration), "RES-05", words, _told(reply))
