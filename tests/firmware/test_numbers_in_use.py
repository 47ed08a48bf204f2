"""Numbers that change by themselves are found, and put right from the record (NVM-04)."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import messages as m
from protocol.control import TICKS_PER_S, Request
from protocol.vocabulary import (
    AlarmId,
    EventKind,
    RefillReason,
    Role,
)
from pumpsim.firmware import ReferenceLogic
from pumpsim.firmware.account import Account
from pumpsim.firmware.deviation import Limits
from pumpsim.firmware.dose_doubt import DoseDoubt
from pumpsim.firmware.flow import FlowModel
from pumpsim.firmware.integrity import CHECK_INTERVAL
from pumpsim.firmware.store import SLOTS, Store
from pumpsim.nvm import MortalMemory
from tests.firmware.bench import DAY, MINUTE, Bench
from tests.firmware.in_use import alarms_of, in_use, needled, other_total
from tests.firmware.test_store import Unreadable
from tests.firmware.usual import CONFIGURATION, REFILL


@pytest.fixture
def bench() -> Bench:
    return in_use()


Spoil = Callable[[ReferenceLogic], None]


def other_configuration(logic: ReferenceLogic) -> None:
    changed = {"nominal_flow_nl_per_h": 54_000 ^ 1 << 12}
    logic._state.configuration = CONFIGURATION.model_copy(update=changed)


def rotten_configuration(logic: ReferenceLogic) -> None:
    """In place: whoever holds it holds the same."""
    assert logic._model is not None
    rotten = CONFIGURATION.model_copy()
    logic._state.configuration = rotten
    logic._model = logic._model._replace(configuration=rotten)
    rotten.__dict__["nominal_flow_nl_per_h"] ^= 1 << 12


def other_model_configuration(logic: ReferenceLogic) -> None:
    assert logic._model is not None
    changed = CONFIGURATION.model_copy(update={"low_volume_nl": 3_000_000 ^ 1 << 20})
    logic._model = logic._model._replace(configuration=changed)


def no_model(logic: ReferenceLogic) -> None:
    logic._model = None


def other_limits(logic: ReferenceLogic) -> None:
    assert logic._model is not None
    over, *others = logic._model.limits
    logic._model = logic._model._replace(limits=Limits(over ^ 1 << 15, *others))


def other_factors(logic: ReferenceLogic) -> None:
    assert logic._model is not None
    logic._model = logic._model._replace(flow=FlowModel(CONFIGURATION, 1_001))


def other_refill(logic: ReferenceLogic) -> None:
    logic._state.refills.refill = REFILL.model_copy(update={"viscosity_permille": 1_512})


def other_concentration(logic: ReferenceLogic) -> None:
    logic._state.account.concentration_ng_per_ml ^= 1 << 10


def other_dose(logic: ReferenceLogic) -> None:
    logic._state.account.doses_fg["FUDR"] = 1 << 40


def other_stretch(logic: ReferenceLogic) -> None:
    logic._state.account.stretch_nl = 0


def other_beginning(logic: ReferenceLogic) -> None:
    logic._state.account.doubted_before[1] ^= 1 << 12


def other_doubt(logic: ReferenceLogic) -> None:
    logic._state.account.doubt.more_fg["FUDR"] = 1


def other_liquid(logic: ReferenceLogic) -> None:
    logic._state.account.plugs[0][2] ^= 1 << 10


def other_content(logic: ReferenceLogic) -> None:
    logic._state.account.plugs[-1][0] ^= 1 << 10


def other_held(logic: ReferenceLogic) -> None:
    logic._state.account.held_nl = 1 << 10


def other_early(logic: ReferenceLogic) -> None:
    logic._state.account.early_nl = 1 << 10


def other_catheter(logic: ReferenceLogic) -> None:
    logic._state.account.catheter_nl ^= 1 << 10


SPOILS: list[Spoil] = [
    other_configuration,
    rotten_configuration,
    other_model_configuration,
    no_model,
    other_limits,
    other_factors,
    other_refill,
    other_concentration,
    other_total,
    other_dose,
    other_stretch,
    other_beginning,
    other_doubt,
    other_liquid,
    other_content,
    other_held,
    other_early,
    other_catheter,
]


def minutes(interval: int) -> int:
    return interval // MINUTE


@pytest.mark.parametrize("spoil", SPOILS, ids=lambda spoil: spoil.__name__)
def test_a_number_that_changes_by_itself_is_a_fault_and_is_put_right(
    bench: Bench, spoil: Spoil
) -> None:
    """NVM-04: within half an hour, whatever it was, and all goes on as it would have."""
    other = Bench()
    other.configure()
    other.run(5)
    spoil(bench.logic)
    for each in (bench, other):
        each.run(minutes(CHECK_INTERVAL))
    wary = {AlarmId.DOSE_LIMIT}  # what a dose that leaps must look like until it is proven
    assert alarms_of(bench) - wary == {AlarmId.MEMORY_FAULT}
    for each in (bench, other):
        each.run(60)
    assert alarms_of(bench) - wary == {AlarmId.MEMORY_FAULT}
    assert bench.logic._model is not None
    assert bench.logic._sealed() == other.logic._sealed()
    was, is_now = other.status(), bench.status()
    assert is_now.delivered_total_nl == pytest.approx(was.delivered_total_nl, abs=20)
    assert is_now.dose_total_ng == pytest.approx(was.dose_total_ng, rel=0.01)
    assert is_now.refill_due_in_s == was.refill_due_in_s
    assert alarms_of(bench.reset()) == set()  # what was kept is sound


@pytest.mark.parametrize("spoil", SPOILS, ids=lambda spoil: spoil.__name__)
def test_a_request_is_not_built_on_a_number_that_changed(bench: Bench, spoil: Spoil) -> None:
    """NVM-04: it is proven before each request, and never sealed anew as it is."""
    spoil(bench.logic)
    bench.ask(m.RunSelfTest())
    assert alarms_of(bench) == {AlarmId.MEMORY_FAULT}
    assert bench.logic._state.configuration == CONFIGURATION
    assert bench.logic._state.account.balanced()


def test_a_status_tells_what_was_put_right_since_it_was_last_asked_for(bench: Bench) -> None:
    """NVM-04."""
    other_total(bench.logic)
    bench.run(1)
    wrong = bench.status().delivered_total_nl
    bench.ask(m.ReadConfiguration())
    assert bench.status().delivered_total_nl != wrong


def test_numbers_that_are_put_right_in_a_window_tell_no_narrower_flow(bench: Bench) -> None:
    """FLW-01, FLW-08, NVM-04: a syringe may be drawing, and the pressures are no evidence."""
    bench.run(60)
    bench.ask(m.BeginRefill())
    bench.run(5)
    other_total(bench.logic)
    bench.ask(m.ReadConfiguration())
    flow = bench.status().flow_nl_per_h
    assert flow is not None
    assert flow.low < 0


def test_numbers_that_cannot_be_put_right_are_unknown(bench: Bench) -> None:
    """NVM-03, NVM-04: RAM and both records are bad."""
    for place in Store(bench.memory).places():
        bench.memory.write(place[20], b"?")
    other_total(bench.logic)
    bench.run(minutes(CHECK_INTERVAL))
    assert alarms_of(bench) == {AlarmId.MEMORY_FAULT, AlarmId.CONFIGURATION_LOST}
    assert bench.status().dose_total_ng is None
    report = bench.ask(m.ReadConfiguration())
    assert isinstance(report, m.ConfigurationReport)
    assert report.configuration is None


def test_a_configuration_from_the_store_brings_its_own_number(bench: Bench) -> None:
    """FLW-07: the last one that was committed, and 0 when none is left."""
    memory = MortalMemory(bench.memory, 0)
    bench.logic.load(memory, bench.logic.save())
    other = CONFIGURATION.model_copy(update={"nominal_flow_nl_per_h": 40_000})
    memory.fail(99)
    bench.ask(m.WriteConfiguration(base_config_id=1, configuration=other))  # not kept
    memory.fail(0)
    other_total(bench.logic)
    ask = Request(m.RunSelfTest(), Role.SERVICE, 1)
    told = bench.logic.handle(bench.ticks, ask).beliefs
    assert told is not None
    assert (bench.logic._state.configuration, told.config_id) == (CONFIGURATION, 1)
    for place in Store(bench.memory).places():
        bench.memory.write(place[20], b"?")
    other_total(bench.logic)
    told = bench.logic.handle(bench.ticks, ask).beliefs
    assert told is not None
    assert (bench.logic._state.configuration, told.config_id) == (None, 0)


def test_a_healthy_pump_proves_itself_in_silence(bench: Bench) -> None:
    """NVM-04: through refills, a bolus and a reset nothing is out of balance."""
    emptied = REFILL.model_copy(update={"withdrawn_nl": 28_000_000})
    bench.run(30)
    bench.ask(m.BeginBolusAccess(drug="contrast", concentration_ng_per_ml=5))
    bench.ask(m.EndBolusAccess(injected_nl=2_000_000))
    bench.ask(m.BeginRefill())
    bench.ask(m.CommitRefill(refill=emptied, reason=RefillReason.OTHER, previous_refill_id=1))
    bench.run(200)
    again = bench.reset()
    again.run(30)
    assert alarms_of(bench) == alarms_of(again) == set()
    assert bench.logic._state.account.balanced()


def test_a_number_that_changes_before_the_first_sample_is_put_right(bench: Bench) -> None:
    """NVM-04: there are no readings to reckon with yet."""
    again = bench.reset()
    other_total(again.logic)
    again.ask(m.RunSelfTest())
    assert alarms_of(again) == {AlarmId.MEMORY_FAULT}
    assert again.logic._state.account.balanced()


def test_a_number_that_changes_in_a_pump_that_was_never_configured_is_put_right() -> None:
    """NVM-04: nothing is reckoned yet."""
    bench = Bench()
    bench.run(61)
    other_total(bench.logic)
    bench.ask(m.RunSelfTest())
    assert alarms_of(bench) == {AlarmId.MEMORY_FAULT}
    assert bench.status().delivered_total_nl == 0


@pytest.mark.parametrize("which", [0, 1], ids=["newest", "older"])
def test_a_number_that_changed_is_put_right_though_one_slot_cannot_be_read(which: int) -> None:
    """NVM-01, NVM-04, NVM-07: and again once it can, from the newest record of this life."""
    bench = needled()
    for _ in range(2):
        bench.run(1, fill_level_nl=20_000_000)
        bench.ask(m.RunSelfTest())
    total_nl, due_s = bench.status().delivered_total_nl, bench.status().refill_due_in_s
    place = Store(bench.memory).places()[which]
    memory = Unreadable(bench.memory, [place[0] * SLOTS // bench.memory.size])
    bench.logic.load(memory, bench.logic.save())
    other_total(bench.logic)
    bench.ask(m.RunSelfTest())
    assert AlarmId.MEMORY_FAULT in alarms_of(bench)
    assert bench.status().delivered_total_nl == pytest.approx(total_nl, abs=5)
    memory.unread = []
    bench.outcomes.clear()
    bench.ask(m.RunSelfTest())
    assert (EventKind.MEMORY_CORRECTED in bench.events()) == (which == 0)  # the newest was late
    status = bench.status()
    assert (status.delivered_total_nl, status.refill_due_in_s) == (total_nl, due_s)
    assert bench.logic._state.account.balanced()
    assert {alarm.alarm for alarm in Bench(bench.memory).alarms()} >= {AlarmId.TAMPERING}


def test_numbers_that_are_gone_come_back_with_the_memory() -> None:
    """NVM-03, NVM-04: RAM is bad, and no slot can be read for a while."""
    bench = needled()
    memory = Unreadable(bench.memory, [0, 1])
    total_nl = bench.status().delivered_total_nl
    other_total(bench.logic)
    bench.logic._store = Store(memory)
    bench.logic._store.saved = True
    bench.ask(m.RunSelfTest())
    assert {AlarmId.CONFIGURATION_LOST, AlarmId.MEMORY_FAULT} <= alarms_of(bench)
    memory.unread = []
    bench.run(2, fill_level_nl=20_000_000)
    assert AlarmId.CONFIGURATION_LOST not in alarms_of(bench)
    assert bench.logic._state.configuration == CONFIGURATION
    assert bench.status().delivered_total_nl == pytest.approx(total_nl + 2 * 900, abs=20)


@pytest.mark.parametrize("minutes", [20, 50])
def test_a_dose_that_is_put_right_is_as_far_beyond_the_prescription(minutes: int) -> None:
    """DOS-02, NVM-04: what came in since the last save is no time without supply."""
    bench = Bench()
    bench.configure()
    bench.run(10 * 60)
    bench.run(minutes, reservoir_pressure_pa=447_700)
    (series,) = bench.logic._state.dose_limit.series
    excess_fg = series.sum_fg
    other_total(bench.logic)
    bench.ask(m.RunSelfTest())
    (series,) = bench.logic._state.dose_limit.series
    assert series.sum_fg >= excess_fg - 20 * 5_000_000
    assert series.sum_fg == pytest.approx(excess_fg, rel=0.2)


def other_total_unread(bench: Bench) -> None:
    """And for a while no slot can be read."""
    memory = Unreadable(bench.memory, [0, 1])
    other_total(bench.logic)
    bench.logic._store = Store(memory)
    bench.logic._store.saved = True
    bench.ask(m.RunSelfTest())
    memory.unread = []


@pytest.mark.parametrize("gone", [False, True])
@pytest.mark.parametrize("level_died_first", [False, True])
def test_a_total_that_is_put_right_takes_what_is_left_along(
    *, gone: bool, level_died_first: bool
) -> None:
    """NVM-04, RES-01, SEN-07: while no level tells, volume is reckoned from the account."""
    bench = Bench()
    bench.configure()
    bench.run(65)
    if level_died_first:
        bench.run_screened(60, fill_level_nl=None)
    spoil = other_total_unread if gone else (lambda bench: other_total(bench.logic))
    spoil(bench)
    for _ in range(10):
        bench.run_screened(60, fill_level_nl=None)
        bench.ask(m.RunSelfTest())
        volume = bench.logic._state.volume
        left_nl = 28_000_000 - 900 * bench.number
        assert volume is not None
        assert volume.low <= left_nl <= volume.high
        assert volume.estimate == pytest.approx(left_nl, abs=1_000)


SILENCES = st.sampled_from([0, 59, 61, 3_600, 20 * 3_600])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 70), SILENCES, st.booleans()), min_size=1, max_size=4))
def test_a_total_that_is_put_right_never_falls(course: list[tuple[int, int, bool]]) -> None:
    """DOS-01, NVM-04: whenever it was kept, and however long no sample has come."""
    bench = Bench()
    bench.configure()
    last_nl = 0
    for minutes, silent_s, saves in course:
        bench.run(minutes)
        bench.wait_until(bench.ticks + silent_s * TICKS_PER_S)
        if saves:
            bench.ask(m.RunSelfTest())
        before = bench.status()
        other_total(bench.logic)
        bench.ask(m.RunSelfTest())
        after = bench.status()
        assert after.delivered_total_nl == pytest.approx(before.delivered_total_nl, abs=20)
        assert after.refill_due_in_s == before.refill_due_in_s
        assert after.delivered_total_nl >= last_nl
        last_nl = after.delivered_total_nl - 20


steps = st.one_of(
    st.tuples(st.integers(0, 10**7), st.integers(-(10**5), 10**6)),
    st.tuples(st.sampled_from(["FUDR", "heparin"]), st.integers(0, 10**7)),
)


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(steps, max_size=30), st.integers(0, 50), st.data())
def test_an_account_is_in_balance_until_a_bit_flips(
    rows: list[tuple[int | str, int]], bit: int, data: st.DataObject
) -> None:
    """NVM-04: any total, any bit, any history; and what follows does not hide it."""
    account = Account()
    account.prime(170_000)

    def live(row: tuple[int | str, int]) -> None:
        what, number = row
        if isinstance(what, int):
            account.deliver(what, number)
        else:
            account.refilled(what, number)

    for row in rows:
        live(row)
        assert account.balanced()
    name = data.draw(
        st.sampled_from(["total_nl", "since_refill_nl", "dose_since_refill_fg", "remainder"])
    )
    setattr(account, name, getattr(account, name) ^ 1 << bit)
    assert not account.balanced()
    live(data.draw(steps.filter(lambda row: isinstance(row[0], int))))
    assert not account.balanced()


def less_doubted(doubt: DoseDoubt) -> None:
    doubt.less_fg["FUDR"] ^= 1 << 20


def more_doubted(doubt: DoseDoubt) -> None:
    doubt.more_fg["FUDR"] ^= 1 << 20


def settled_later(doubt: DoseDoubt) -> None:
    total_nl, uncertain_nl, spread_nl = doubt.settled
    doubt.settled = (total_nl, uncertain_nl, spread_nl ^ 1 << 12)


def mixed_better(doubt: DoseDoubt) -> None:
    doubt.mixed["FUDR"] = (5_000_000, 5_000_000)


def slower(doubt: DoseDoubt) -> None:
    doubt.rates["FUDR"] = doubt.rates["FUDR"]._replace(doubtful=0)


def opened_later(doubt: DoseDoubt) -> None:
    doubt.at_refill = (doubt.at_refill[0] ^ 1 << 20, doubt.at_refill[1])


def less_dense(doubt: DoseDoubt) -> None:
    doubt.densest["FUDR"] ^= 1 << 20


def another_liquid(doubt: DoseDoubt) -> None:
    doubt.liquids = [("FUDR", 1)]


def declared_again(doubt: DoseDoubt) -> None:
    doubt.all_declared = not doubt.all_declared


@pytest.mark.parametrize(
    "spoil",
    [
        less_doubted,
        more_doubted,
        settled_later,
        mixed_better,
        slower,
        opened_later,
        less_dense,
        another_liquid,
        declared_again,
    ],
)
def test_what_doubts_a_dose_is_as_it_was_made(spoil: Callable[[DoseDoubt], None]) -> None:
    """NVM-04: a flipped bit makes no bound narrower, and no later change hides it."""
    account = Account()
    account.prime(170_000)
    for _ in range(3):
        account.refilled("FUDR", 5_000_000, 20)
        account.deliver(DAY, 54_000)
    assert account.balanced()
    spoil(account.doubt)
    assert not account.balanced()
    account.refilled("FUDR", 5_000_000)
    account.inject(1_000, "", 0)
    assert not account.balanced()
