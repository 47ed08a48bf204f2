"""What left the reservoir, what the catheter holds of it, and what became dose."""

import json
from collections import Counter, deque
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocol import messages as m
from protocol.vocabulary import AlarmId, EventKind, RefillReason, Refusal
from pumpsim.firmware.account import MAX_DRUGS, MAX_PLUGS, Account
from tests.firmware.bench import HOUR, MINUTE, Bench
from tests.firmware.usual import REFILL
from tests.firmware.visits import commit, declared, ten_days_on


@settings(max_examples=100)
@given(
    steps=st.lists(
        st.tuples(st.integers(-20_000, 200_000), st.integers(0, 60_000)), min_size=1, max_size=40
    ),
    changed=st.integers(0, 40),
)
def test_delivered_and_held_and_left_are_what_was_filled(
    steps: list[tuple[int, int]], changed: int
) -> None:
    """OCC-04: for any number of occlusions; totals and dose never fall (DOS-01)."""
    account = Account()
    account.prime(170_000)
    account.refilled("A", 7)
    left_nl, remainder, before = 28_000_000, 0, (0, 0)
    for number, (flow, stored_nl) in enumerate(steps):
        if number == changed:
            account.refilled("B", 3)
        account.deliver(MINUTE, flow, stored_nl)
        out_nl, remainder = divmod(remainder + max(flow, 0) * MINUTE, HOUR)
        left_nl -= out_nl
        assert account.total_nl + account.held_nl + left_nl == 28_000_000
        assert 0 <= account.held_nl <= stored_nl
        assert sum(plug[0] for plug in account.plugs) == 170_000 + account.held_nl
        after = (account.total_nl, sum(account.doses_fg.values()))
        assert after >= before
        assert after[1] >= before[1]
        before = after
    account.deliver(0, 0, 0)
    assert account.total_nl + left_nl == 28_000_000


DRUGS = ("A", "B", "C")
CATHETER_NL = 50_000
MOVES = st.one_of(
    st.tuples(st.just("runs"), st.integers(0, 200_000), st.floats(-1, 1), st.integers(1, 600)),
    st.tuples(st.just("fills"), st.sampled_from(DRUGS), st.integers(0, 10_000), st.floats(0, 1)),
    st.tuples(st.just("pushes"), st.sampled_from(DRUGS), st.integers(0, 9_000), st.floats(0, 1)),
    st.tuples(st.just("passes"), st.integers(0, 200_000), st.integers(0, 300_000), st.floats(0, 1)),
    st.tuples(st.just("holds"), st.sampled_from([0, 30_000, 200_000])),
)


class Liquid:
    """What really flows: a reservoir that mixes, and a catheter of plugs, in floats."""

    def __init__(self) -> None:
        self.reservoir: dict[str, float] = {}
        self.plugs: list[tuple[float, dict[str, float]]] = [(CATHETER_NL, {})]
        self.delivered_nl = self.delivered_before_nl = 0.0  # but for what was pushed
        self.doses_fg: Counter[str] = Counter()
        self.doses_before_fg: Counter[str] = Counter()

    def enter(self, volume_nl: float, content: dict[str, float], held_nl: int) -> float:
        """What leaves at the tip, of a catheter that holds so much more than its volume."""
        self.plugs.append((volume_nl, dict(content)))
        left_nl = sum(plug_nl for plug_nl, _ in self.plugs) - CATHETER_NL - held_nl
        gone_nl = left_nl = max(left_nl, 0.0)
        while left_nl > 0 and self.plugs:
            first_nl, first = self.plugs[0]
            out_nl = min(left_nl, first_nl)
            for drug, concentration in first.items():
                self.doses_fg[drug] += out_nl * concentration  # type: ignore[assignment]  # floats
            left_nl -= out_nl
            self.plugs[0] = (first_nl - out_nl, first)
            if first_nl <= out_nl:
                del self.plugs[0]
        return gone_nl

    def infuse(self, volume_nl: float, held_nl: int) -> None:
        self.delivered_nl += self.enter(volume_nl, self.reservoir, held_nl)

    def push(self, volume_nl: int, drug: str, concentration: int, held_nl: int) -> None:
        self.delivered_nl += self.enter(volume_nl, {drug: concentration}, held_nl) - volume_nl

    def fill(self, drug: str, concentration: int, share: float) -> None:
        self.delivered_before_nl, self.doses_before_fg = self.delivered_nl, Counter(self.doses_fg)
        mixed = {each: share * there for each, there in self.reservoir.items()}
        mixed[drug] = mixed.get(drug, 0.0) + (1 - share) * concentration
        self.reservoir = mixed


class Pair:
    """An account, and the liquid that it counts."""

    def __init__(self, error_permille: int) -> None:
        self.account, self.truth, self.stored_nl = Account(), Liquid(), 0
        self.error_permille = error_permille
        self.account.prime(CATHETER_NL)

    def runs(self, flow_nl_per_h: int, off: float, minutes: int) -> None:
        error = flow_nl_per_h * self.error_permille // 1_000
        for _ in range(minutes // 60 + 1):
            self.account.widen(10 * MINUTE, error)
            self.account.deliver(10 * MINUTE, flow_nl_per_h, self.stored_nl)
            self.truth.infuse((flow_nl_per_h + off * error) / 6, self.account.held_nl)

    def passes(self, least_nl: int, beyond_nl: int, share: float) -> None:
        """Time that nobody counted."""
        self.account.deliver_between(least_nl, least_nl + beyond_nl)
        self.truth.infuse(least_nl + share * beyond_nl, self.account.held_nl)

    def fills(self, drug: str, concentration: int, left: float) -> None:
        self.account.refilled(drug, concentration, 50)
        self.truth.fill(drug, concentration, 0.05 * left)

    def pushes(self, drug: str, concentration: int, share: float) -> None:
        volume_nl = int(share * 200_000)
        self.account.push(volume_nl, drug, concentration)
        self.truth.push(volume_nl, drug, concentration, self.account.held_nl)

    def holds(self, stored_nl: int) -> None:
        """An occlusion, from now on, or its end."""
        self.stored_nl = stored_nl

    def resets(self) -> None:
        self.account = Account.read(json.loads(json.dumps(self.account.save(), sort_keys=True)))

    def judge(self) -> None:
        account, truth = self.account, self.truth
        assert account.balanced()
        since_nl = truth.delivered_nl - truth.delivered_before_nl
        assert holds(account.total_between_nl(), truth.delivered_nl, 1e-3)
        assert holds(account.since_refill_between_nl(), since_nl, 1e-3)
        between = account.dose_between_ng()
        if between is not None:
            dose_fg, before_fg = truth.doses_fg[account.drug], truth.doses_before_fg[account.drug]
            assert holds(between, dose_fg / 1e6, 1.0)
            assert holds(account.dose_since_refill_between_ng(), (dose_fg - before_fg) / 1e6, 1.0)


def holds(between: tuple[int, int] | None, true: float, rounding: float) -> bool:
    """What was pushed in may fill a catheter up: then less than nothing left the pump."""
    assert between is not None
    return between[0] - rounding <= max(true, 0.0) <= between[1] + rounding


@settings(max_examples=300)
@given(
    moves=st.lists(st.tuples(MOVES, st.booleans()), min_size=1, max_size=12),
    error_permille=st.integers(0, 100),
)
@example(  # less flowed than was counted, and an occlusion held it over a refill
    moves=[
        (("holds", 200_000), False),
        (("runs", 54_000, -1.0, 60), False),
        (("fills", "A", 1_000, 0.0), False),
        (("holds", 0), False),
        (("runs", 0, 0.0, 60), False),
    ],
    error_permille=100,
)
@example(  # a fill was thinner than declared, and an occlusion held what came of it
    moves=[
        (("holds", 200_000), False),
        (("fills", "A", 10_000, 1.0), False),
        (("runs", 54_000, 0.0, 600), False),
        (("fills", "A", 1, 0.0), False),
        (("holds", 0), False),
        (("runs", 0, 0.0, 60), False),
    ],
    error_permille=0,
)
def test_bounds_hold_what_flowed_and_what_of_it_was_drug(
    moves: list[Any], error_permille: int
) -> None:
    """DOS-01: for any flow within its error, any drugs in turn, and up to 5 % left in any fill."""
    pair = Pair(error_permille)
    for (kind, *amounts), again in moves:
        getattr(pair, kind)(*amounts)
        pair.judge()
        if again:
            pair.resets()


def test_a_liquid_that_counts_early_may_not_have_left() -> None:
    """DOS-01, RES-11: of too many in the catheter the first is told as dose, and is in doubt."""
    account = Account()
    account.prime(100_000)
    account.refilled("A", 10**6)
    for number in range(1, 2 * MAX_PLUGS):
        account.push(1_000, "A", 10**6 + number)
    told, between = account.dose_ng(), account.dose_between_ng()
    assert told
    assert between is not None
    assert between[0] == 0  # 31 of 100 uL came in: all of it is in the catheter


def test_a_stretched_catheter_may_hold_a_bolus_back() -> None:
    """DOS-01, RES-12: as much more than its volume as it may be stretched by."""
    account = Account(stretch_nl=20_000)
    account.prime(50_000)
    account.refilled("A", 1)
    account.push(10_000, "A", 10**9)
    account.deliver(HOUR, 50_000)
    told, between = account.dose_ng(), account.dose_between_ng()
    assert told == 10**7
    assert between is not None
    assert between[0] == 0


def test_a_drug_that_was_rinsed_out_is_in_the_pump_no_more() -> None:
    """DOS-01: the last trace of it is counted as what may leave, once and for all."""
    account = Account()
    account.refilled("A", 5_000_000, 20)
    for _ in range(6):
        account.refilled("saline", 0, 20)
        account.deliver(HOUR, 54_000)
    assert account.doubt.mixed == {}
    more_fg = account.doubt.more_fg["A"]
    for _ in range(20):
        account.refilled("saline", 0, 20)
        account.deliver(HOUR, 54_000)
    assert account.doubt.more_fg["A"] == more_fg


def test_what_an_occlusion_held_arrives_with_its_release() -> None:
    """OCC-03, OCC-04: an hour without delivery, and then all of it; as dose, too."""
    account = Account()
    account.prime(1_000)
    account.refilled("A", 10)
    account.deliver(HOUR, 54_000)
    assert account.total_nl == 54_000
    for minute in range(1, 61):
        account.deliver(MINUTE, 36_000, 600 * minute)
    assert (account.total_nl, account.held_nl) == (54_000, 36_000)
    assert account.doses_fg == {"A": 53_000 * 10}
    account.deliver(MINUTE, -36_000)  # nobody knows what it can hold
    assert (account.total_nl, account.held_nl) == (54_000, 36_000)
    account.deliver(MINUTE, -36_000, 0)
    assert (account.total_nl, account.held_nl) == (90_000, 0)
    assert account.doses_fg == {"A": 89_000 * 10}
    assert account.since_refill_nl == 90_000


@pytest.mark.parametrize("what", ["window", "reset", "downtime", "memory"])
def test_what_an_occlusion_holds_stays_held_while_nobody_looks(what: str) -> None:
    """OCC-04, DOS-02: a refill window, a reset and a total put right deliver nothing of it."""
    bench = ten_days_on()
    bench.run(10 * 60)
    for minute in range(300):
        bench.run(1, catheter_pressure_pa=min(113_700 + 900 * minute, 335_000))
    account = bench.logic._state.account
    held_nl, total_nl = account.held_nl, account.total_nl
    assert held_nl > 90_000
    if what == "window":
        bench.ask(m.BeginRefill())
    elif what == "memory":
        account.total_nl ^= 1 << 25
        bench.ask(m.RunSelfTest())
    else:
        bench = bench.reset(down_s=600 * (what == "downtime"))
    bench.run(3, catheter_pressure_pa=335_000)
    account = bench.logic._state.account
    assert account.held_nl == pytest.approx(held_nl, rel=0.15)
    assert account.total_nl == pytest.approx(total_nl, abs=15_000)
    assert AlarmId.DOSE_LIMIT not in bench.raised()
    bench.ask(m.AbortRefill())
    bench.run(3)
    assert bench.logic._state.account.held_nl == 0
    assert EventKind.OCCLUSION_RELEASED in bench.events()


LIQUIDS = st.tuples(st.sampled_from(["A", "B", "saline", ""]), st.integers(0, 9))
"""Drug and ng/ml; one that nobody declared has no dose."""
MOVES = st.one_of(
    st.tuples(st.just("flow"), st.integers(0, 700), st.none()),
    st.tuples(st.just("bolus"), st.integers(0, 700), LIQUIDS),
    st.tuples(st.just("refill"), st.none(), LIQUIDS),
)


@given(catheter_nl=st.integers(1, 300), moves=st.lists(MOVES, max_size=15))
def test_dose_is_that_of_plug_flow(catheter_nl: int, moves: list[Any]) -> None:
    """RES-11, RES-12, DOS-01: against a tube of single nanolitres; nothing is gained nor lost."""
    account, tube, inside = Account(), deque([("", 0)] * catheter_nl), ("", 0)
    account.prime(catheter_nl)
    doses_fg: Counter[str] = Counter()
    entered_fg: Counter[str] = Counter()
    since_fg = 0
    for kind, volume_nl, liquid in moves:
        if kind == "refill":
            inside, since_fg = liquid, 0
            account.refilled(*liquid)
            continue
        entering = inside if kind == "flow" else liquid
        if kind == "flow":
            account.deliver(HOUR, volume_nl)
        else:
            account.push(volume_nl, *liquid)
        for _ in range(volume_nl):
            tube.append(entering)
            drug, concentration = tube.popleft()
            entered_fg[entering[0]] += entering[1]
            doses_fg[drug] += concentration
            since_fg += concentration if drug == inside[0] else 0
        for drug in ("A", "B", "saline"):
            assert account.doses_fg.get(drug, 0) == doses_fg[drug]
            held_fg = sum(plug[0] * plug[2] for plug in account.plugs if plug[1] == drug)
            assert doses_fg[drug] + held_fg == entered_fg[drug]
        assert not inside[0] or account.dose_since_refill_fg == since_fg


@pytest.mark.parametrize(("liquids", "early"), [(MAX_PLUGS, False), (MAX_PLUGS + 1, True)])
def test_as_many_liquids_as_there_are_places_become_dose_in_their_turn(
    liquids: int, *, early: bool
) -> None:
    """DOS-01, RES-11: what is in the catheter is no dose; for one liquid more the first counts."""
    account = Account()
    account.prime(100_000)
    account.push(100_000, "first", 7)
    for number in range(1, liquids):
        account.push(1_000, "FUDR", number)
    pushed_nl = 100_000 if early else 1_000 * (liquids - 1)
    assert account.doses_fg == {"first": 7 * pushed_nl}


def test_many_liquids_in_a_catheter_lose_nothing() -> None:
    """DOS-01, RES-11: of too many plugs the first counts early, and then not again."""
    account = Account()
    account.prime(100_000)
    for number in range(40):
        account.push(1_000, f"drug {number % 3}", 1 + number)
    account.push(1_000_000, "water", 0)
    given_fg = sum(1_000 * (1 + number) for number in range(40))
    assert sum(account.doses_fg.values()) == given_fg
    assert sum(plug[0] for plug in account.plugs) == 100_000 - account.early_nl
    assert account.early_nl == 0


def test_a_drug_that_no_place_is_left_for_is_refused_before_it_is_in_the_pump() -> None:
    """DOS-09: what is in the pump is counted, each of it."""
    bench = Bench()
    bench.configure()
    bench.run(300)
    refill = REFILL.model_copy(update={"withdrawn_nl": 28_000_000})
    for number in range(MAX_DRUGS):
        drug = f"drug {number}"
        bench.ask(m.BeginRefill())
        reply = bench.ask(
            m.CommitRefill(
                refill=refill.model_copy(update={"drug": drug}),
                reason=RefillReason.OTHER,
                previous_refill_id=number + 1,
            )
        )
        if number < MAX_DRUGS - 1:  # FUDR has the other place
            assert reply == m.Done(reference=number + 2)
            bench.run(300)
    assert reply == m.Refused(reason=Refusal.TOO_MANY_DRUGS)
    begin = m.BeginBolusAccess(drug="another", concentration_ng_per_ml=1)
    assert bench.ask(begin) == m.Refused(reason=Refusal.TOO_MANY_DRUGS)
    assert bench.ask(begin.model_copy(update={"drug": "FUDR"})) == m.Done()
    assert len(bench.logic._state.account.doses_fg) == MAX_DRUGS
    assert min(bench.logic._state.account.doses_fg.values()) > 0


def test_a_refill_ends_no_declared_injection() -> None:
    """RES-12: what was declared before it, and went in after it, is dose all the same."""
    bench = ten_days_on()
    before_fg = bench.logic._state.account.doses_fg["FUDR"]
    thinner = m.BeginBolusAccess(drug="FUDR", concentration_ng_per_ml=1_000_000)
    assert bench.ask(thinner) == m.Done()
    bench.ask(m.BeginRefill())
    assert isinstance(commit(bench, declared(bench.level_nl)), m.Done)
    assert bench.status().bolus_access_open
    assert bench.ask(m.EndBolusAccess(injected_nl=1_000_000)) == m.Done()
    gained_fg = bench.logic._state.account.doses_fg["FUDR"] - before_fg
    assert gained_fg == 170_000 * 5_000_000 + 830_000 * 1_000_000  # the catheter's content first


def test_a_catheter_that_is_exchanged_takes_nothing_of_what_is_in_doubt() -> None:
    """DOS-01: what an occlusion held goes with it, and not with the doubt of what came before."""
    account = Account()
    account.prime(CATHETER_NL)
    account.refilled("A", 10_000, 50)
    account.deliver(HOUR, 200_000, 100_000)
    account.prime(CATHETER_NL)
    less_fg, more_fg = account.doubt.less_fg["A"], account.doubt.more_fg["A"]
    account.refilled("B", 0)
    assert account.doubt.less_fg["A"] >= less_fg
    assert account.doubt.more_fg["A"] >= more_fg
