"""The course plan: the drug a refill is to bring, and the configuration that all of it rests on."""

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocol import messages as m
from protocol.control import PowerLostError, Request
from protocol.memory import RamMemory
from protocol.vocabulary import AlarmId, Priority, RefillReason, ResetCause, Role
from pumpsim.firmware import ReferenceLogic
from pumpsim.firmware.clock import EARLIEST_S
from pumpsim.firmware.plan import Course, Plan, cycle_s, given_s
from pumpsim.firmware.ticks import from_s
from pumpsim.nvm import MortalMemory
from tests.firmware.bench import DAY, MINUTE, Bench
from tests.firmware.usual import CONFIGURATION, REFILL, USUAL

DAY_S = 86_400


def plan(*steps: tuple[str, int]) -> Plan:
    """Steps of (drug, days)."""
    return tuple(m.PlanStep(drug=drug, duration_s=days * DAY_S) for drug, days in steps)


HAI = plan(("FUDR", 14), ("saline", 14))

LONG = plan(("FUDR", 28), ("saline", 7))


def planned(steps: Plan, **changed: Any) -> m.Configuration:
    return CONFIGURATION.model_copy(update={"plan": steps, **changed})


# ---- the course


@pytest.mark.parametrize(
    ("visits", "steps"),
    [
        ([(0, "FUDR", True), (14, "saline", True), (28, "FUDR", True)], HAI),
        ([(0, "FUDR", True), (14, "FUDR", False), (28, "saline", True)], HAI),
        ([(0, "FUDR", True), (11, "saline", True), (40, "FUDR", True), (54, "saline", True)], HAI),
        ([(0, "FUDR", True), (10, "saline", False), (24, "FUDR", True)], HAI),
        ([(0, "FUDR", True), (7, "FUDR", True), (14, "saline", True)], HAI),  # pump verified
        ([(0, "saline", True), (14, "FUDR", True)], HAI),  # begun at its second step
        ([(0, "heparin", False), (14, "saline", True), (28, "FUDR", True)], HAI),
        ([(0, "FUDR", True), (14, "heparin", False), (28, "FUDR", True)], HAI),
        ([(0, "FUDR", True), (5, "heparin", False), (14, "saline", True)], HAI),
        ([(0, "FUDR", True), (14, "heparin", False), (28, "saline", False)], HAI),
        ([(0, "FUDR", True), (5, "saline", False), (12, "saline", True)], HAI),
        ([(0, "FUDR", True), (14, "FUDR", True), (28, "saline", True)], LONG),
        ([(0, "A", True), (14, "A", True), (28, "A", True), (30, "B", False)], plan(("A", 14))),
        (
            [(0, "A", True), (7, "A", True), (14, "B", True), (21, "B", False), (28, "A", True)],
            plan(("A", 7), ("A", 7), ("B", 7)),
        ),
        ([(0, "A", True), (3, "C", False), (10, "A", True)], plan(("A", 7), ("B", 7), ("C", 7))),
        ([(0, "A", True), (1, "B", True)], ()),
    ],
)  # fmt: skip
def test_each_refill_brings_what_the_plan_calls_for(
    visits: list[tuple[int, str, bool]], steps: Plan
) -> None:
    """RES-11: by the order of the steps; early, late and extra visits do not turn it round."""
    course = Course()
    told = [course.refilled(day * DAY, drug, steps) for day, drug, _ in visits]
    assert told == [expected for _, _, expected in visits]


@given(
    days=st.lists(st.integers(11, 60), max_size=12),
    start=st.integers(0, 1),
)
def test_no_delay_turns_the_order_round(days: list[int], start: int) -> None:
    """Whenever the patient comes, drugs in turn are on plan, and the same one again is not."""
    course, at = Course(), 0
    assert course.refilled(0, HAI[start].drug, HAI)
    for number, wait in enumerate(days):
        at += wait * DAY
        again = Course(course.step, course.since)
        assert not again.refilled(at, HAI[(start + number) % 2].drug, HAI)
        assert course.refilled(at, HAI[(start + number + 1) % 2].drug, HAI)


def test_a_cycle_and_a_drugs_part_of_it() -> None:
    """DOS-02."""
    steps = plan(("A", 7), ("B", 14), ("A", 7))
    assert (cycle_s(steps), given_s(steps, "A")) == (28 * DAY_S, 14 * DAY_S)
    assert (cycle_s(()), given_s((), "A")) == (28 * DAY_S, 28 * DAY_S)
    assert given_s(steps, "C") == 28 * DAY_S


# ---- with the logic around it


def visit(bench: Bench, drug: str) -> set[AlarmId]:
    """A refill with that drug, and what it alarms of drugs."""
    report = bench.ask(m.ReadConfiguration())
    assert isinstance(report, m.ConfigurationReport)
    previous = report.last_refill_id
    bench.ask(m.BeginRefill())
    update: dict[str, Any] = {"drug": drug}
    if previous is not None:
        update |= {"withdrawn_nl": bench.level_nl}
    bench.level_nl = 28_000_000
    refill = REFILL.model_copy(update=update)
    commit = m.CommitRefill(refill=refill, reason=RefillReason.OTHER, previous_refill_id=previous)
    assert isinstance(bench.ask(commit), m.Done)
    found = {a.alarm for a in bench.alarms() if a.present} & {AlarmId.OFF_PLAN}
    bench.run(6)
    return found


def configure(bench: Bench, steps: Plan, base: int = 0, **changed: Any) -> None:
    configuration = planned(steps, **changed)
    write = m.WriteConfiguration(base_config_id=base, configuration=configuration)
    assert bench.ask(write) == m.Done(reference=base + 1)


def test_two_fills_of_chemotherapy_in_a_row_are_off_plan() -> None:
    """A double dose by two right refills; told at the commit, and latched."""
    bench = Bench()
    configure(bench, HAI)
    assert visit(bench, "FUDR") == set()
    bench.wait_until(bench.ticks + 14 * DAY)
    assert visit(bench, "FUDR") == {AlarmId.OFF_PLAN}
    [alarm] = [a for a in bench.alarms() if a.alarm is AlarmId.OFF_PLAN]
    assert (alarm.present, alarm.priority) == (False, Priority.MEDIUM)
    bench.wait_until(bench.ticks + 14 * DAY)
    assert visit(bench, "saline") == set()


def test_the_place_in_the_plan_outlives_a_reset() -> None:
    """RST-02, RST-03: with the time it took."""
    bench = Bench()
    configure(bench, HAI)
    visit(bench, "FUDR")
    bench.run(1)
    bench.ask(m.RunSelfTest())
    start_s = bench.rtc_s()
    later = RamMemory(content=bench.memory.read(0, bench.memory.size))
    again = Bench(later, start_s=start_s + 14 * DAY_S)
    again.level_nl -= 14 * 24 * 54_000
    again.run(1)
    assert visit(again, "saline") == set()
    too_soon = Bench(bench.memory, start_s=start_s + DAY_S)
    too_soon.level_nl -= 24 * 54_000
    too_soon.run(1)
    assert visit(too_soon, "saline") == {AlarmId.OFF_PLAN}


def test_another_plan_is_taken_up_where_the_drug_is() -> None:
    """A plan for a pump that already gives the second step's drug, and one for another drug."""
    bench = Bench()
    configure(bench, ())
    assert visit(bench, "saline") == set()
    bench.wait_until(bench.ticks + 14 * DAY)
    configure(bench, HAI, base=1)
    assert visit(bench, "FUDR") == set()
    bench.wait_until(bench.ticks + 14 * DAY)
    configure(bench, HAI, base=2, tolerance_permille=200)  # the same plan: nothing moves
    assert visit(bench, "FUDR") == {AlarmId.OFF_PLAN}
    configure(bench, plan(("A", 3), ("B", 4)), base=3)
    assert visit(bench, "B") == set()
    configure(bench, (), base=4)
    assert visit(bench, "FUDR") == set()


@pytest.mark.parametrize(
    ("steps", "interval_days", "due_days", "lead_days"),
    [
        ((), 20, 20, 5),
        (HAI, 20, 14, 3.5),
        (HAI, 10, 10, 2.5),
        (plan(("FUDR", 60)), 90, 30, 14),  # by the drug's stability
    ],
)
def test_a_step_that_ends_is_a_refill_that_is_due(
    steps: Plan, interval_days: int, due_days: int, lead_days: float
) -> None:
    """RES-03, RES-04: the earliest of interval, step and stability, and its own lead."""
    bench = Bench()
    configure(bench, steps, refill_interval_s=interval_days * DAY_S)
    visit(bench, "FUDR")
    filled = bench.ticks - 6 * MINUTE
    due_s = bench.status().refill_due_in_s
    assert due_s is not None
    assert due_s == due_days * DAY_S - 6 * 60
    lead = int(lead_days * DAY)
    for ticks, expected in (
        (filled + due_days * DAY - lead - 1, None),
        (filled + due_days * DAY - lead, Priority.LOW),
        (filled + due_days * DAY, Priority.MEDIUM),
    ):
        bench.wait_until(ticks)
        bench.guard.sample(ticks, USUAL._replace(rtc_s=bench.rtc_s()))
        due = [a.priority for a in bench.alarms() if a.alarm is AlarmId.REFILL_DUE]
        assert due == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("changed", "days"),
    [
        ({"refill_interval_s": 5 * DAY_S}, 5),
        ({"drug_stability_s": 4 * DAY_S}, 4),
        ({"plan": plan(("FUDR", 6), ("saline", 14))}, 6),
        ({"refill_interval_s": 60 * DAY_S}, 14),  # never later until somebody refills
        ({"drug_stability_s": 90 * DAY_S, "tolerance_permille": 100}, 14),
    ],
)
def test_a_configuration_moves_the_due_date_earlier_and_never_later(
    changed: dict[str, Any], days: int
) -> None:
    """RES-03, FLW-07: counted from the refill."""
    bench = Bench()
    bench.configure()
    bench.wait_until(DAY)
    new = CONFIGURATION.model_copy(update=changed)
    bench.ask(m.WriteConfiguration(base_config_id=1, configuration=new))
    status = bench.ask(m.GetStatus())
    assert isinstance(status, m.Status)
    assert status.status.refill_due_in_s == (days - 1) * DAY_S
    for until, told in ((days * DAY - 2 * MINUTE, Priority.LOW), (days * DAY, Priority.MEDIUM)):
        bench.wait_until(until)
        bench.run(1)
        assert [a.priority for a in bench.alarms() if a.alarm is AlarmId.REFILL_DUE] == [told]


@pytest.mark.parametrize(
    ("stability_days", "days"), [(None, 14), (5, 5), (0, 0), (20, 14), (300, 14)]
)
def test_a_drug_that_does_not_keep_is_due_sooner(stability_days: int | None, days: int) -> None:
    """RES-03: as declared with the fill, where that is less than configured."""
    bench = Bench()
    bench.ask(m.WriteConfiguration(base_config_id=0, configuration=CONFIGURATION))
    bench.ask(m.BeginRefill())
    stability_s = None if stability_days is None else stability_days * DAY_S
    fill = REFILL.model_copy(update={"stability_s": stability_s})
    assert bench.ask(m.CommitRefill(refill=fill)) == m.Done(reference=1)
    assert bench.status().refill_due_in_s == days * DAY_S


def test_another_catheter_holds_nobody_knows_what() -> None:
    """RES-11: until it is flushed, what leaves it is no dose; of the same one all is known."""
    bench = Bench()
    bench.configure()
    bench.run(300)
    held = [170_000, "FUDR", 5_000_000], [400_000, "", 0]
    for number, (volume_nl, drug, concentration_ng_per_ml) in enumerate(held, 1):
        new = CONFIGURATION.model_copy(update={"catheter_volume_nl": volume_nl})
        bench.ask(m.WriteConfiguration(base_config_id=number, configuration=new))
        assert bench.logic._state.account.plugs == [[volume_nl, drug, concentration_ng_per_ml]]


def test_a_renewed_fill_is_due_when_its_step_ends() -> None:
    """RES-03: a pump verified on the fifth day of a step."""
    bench = Bench()
    configure(bench, HAI)
    visit(bench, "FUDR")
    bench.wait_until(5 * DAY)
    visit(bench, "FUDR")
    assert bench.status().refill_due_in_s == 9 * DAY_S - 6 * 60


# ---- the configuration in use

CONFIGURATIONS = [
    CONFIGURATION.model_copy(
        update={"nominal_flow_nl_per_h": flow, "calibration_flow_nl_per_h": flow, "plan": steps}
    )
    for flow, steps in ((54_000, ()), (40_000, HAI), (70_000, plan(("FUDR", 3))))
]


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["write", "write", "status", "sample", "refill", "reset"]),
            st.integers(0, 2),
            st.integers(0, 25),  # the operation at which the supply fails, if there are so many
        ),
        max_size=12,
    ),
    seed=st.integers(0, 2**32),
)  # fmt: skip
def test_the_configuration_told_is_the_one_in_use(
    steps: list[tuple[str, int, int]], seed: int
) -> None:
    """FLW-07: writes, power cuts and telemetry in any order.

    Its number and its content always come from one write, the limits in use are that content's, and
    what a write that was answered has set is never lost.
    """
    cells = RamMemory()
    logic, ticks, count, answered = booted(cells), 0, 0, 0
    written: dict[int, list[m.Configuration]] = {0: []}
    for kind, which, cut_at in steps:
        number, configuration = in_use(logic)
        assert number >= answered
        if configuration is not None:
            assert configuration in written[number]
        ticks += MINUTE
        count += 1
        if kind == "reset":
            logic, ticks = booted(cells), 0
            continue
        if kind == "sample":
            logic.sample(ticks, USUAL._replace(sequence=count))
            continue
        bodies: list[m.Body] = [m.GetStatus()]
        if kind == "write":
            written.setdefault(number + 1, []).append(CONFIGURATIONS[which])
            bodies = [
                m.WriteConfiguration(base_config_id=number, configuration=CONFIGURATIONS[which])
            ]
        elif kind == "refill":
            bodies = [m.BeginRefill(), m.CommitRefill(refill=REFILL)]
        logic, ticks, reply = cut(logic, cells, (seed, cut_at), ticks, bodies)
        if kind == "write" and isinstance(reply, m.Done):
            assert reply.reference is not None
            answered = reply.reference
            assert in_use(logic) == (answered, CONFIGURATIONS[which])
    assert in_use(booted(cells))[0] >= answered


def booted(cells: RamMemory) -> ReferenceLogic:
    logic = ReferenceLogic()
    logic.boot(cells, ResetCause.BROWN_OUT, 0)
    return logic


def cut(
    logic: ReferenceLogic,
    cells: RamMemory,
    fault: tuple[int, int],
    ticks: int,
    bodies: list[m.Body],
) -> tuple[ReferenceLogic, int, m.Body | None]:
    """Requests to a memory that fails at an operation; after it, the next life."""
    seed, cut_at = fault
    state = logic.save()
    reply: m.Body | None = None
    try:
        logic.load(MortalMemory(cells, seed, cut_at=cut_at), state)
        for body in bodies:
            reply = logic.handle(ticks, Request(body, Role.CLINICIAN, 1)).reply
    except PowerLostError:
        return booted(cells), 0, None
    logic.load(cells, logic.save())
    return logic, ticks, reply


def in_use(logic: ReferenceLogic) -> tuple[int, m.Configuration | None]:
    """The configuration's number, and the content that detection, limits and reports go by."""
    state, model = logic._state, logic._model
    report = logic.handle(state.now, Request(m.ReadConfiguration(), Role.PATIENT, 1)).reply
    assert isinstance(report, m.ConfigurationReport)
    used = None if model is None else model.configuration
    assert used == report.configuration == state.configuration
    if model is not None and used is not None:
        assert model.limits.over == used.nominal_flow_nl_per_h * 1_150 // 1_000
        at_calibration = model.flow.estimate(USUAL)
        assert at_calibration is not None
        assert at_calibration.estimate == used.calibration_flow_nl_per_h
    for series in state.dose_limit.series:
        assert used is not None
        beyond = used.nominal_flow_nl_per_h * series.limited_ng_per_ml // 4
        assert series.windows[0].limit_fg == beyond
    return state.config_id, used


# ---- what counts since a refill

ASKED: list[m.Body] = [
    m.GetStatus(),
    m.ListAlarms(after_occurrence=0),
    m.ReadConfiguration(),
    m.Close(),
    m.AcknowledgeAlarm(alarm=AlarmId.FLOW_STOP, occurrence=1),
    m.PauseAudio(alarm=AlarmId.UNDER_INFUSION, occurrence=1, duration_ms=60_000),
    m.BeginRefill(),
    m.AbortRefill(),
    m.BeginBolusAccess(drug="contrast", concentration_ng_per_ml=0),
    m.EndBolusAccess(injected_nl=300_000),
    m.WriteConfiguration(base_config_id=1, configuration=CONFIGURATIONS[1]),
    m.SetClock(rtc_s=5),
    m.SetClock(rtc_s=EARLIEST_S),
    m.SetClock(rtc_s=m.MAX_UNIX_S - 1),
    m.RunSelfTest(),
    m.Explant(),
]
COMMIT = m.CommitRefill(
    refill=REFILL.model_copy(update={"withdrawn_nl": 28_000_000}),
    reason=RefillReason.OTHER,
    previous_refill_id=1,
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(st.sampled_from([*ASKED, COMMIT]), st.just("reset"), st.integers(1, 200_000)),
        max_size=25,
    )
)
@example(steps=[m.BeginRefill(), "reset", COMMIT])
@example(steps=[*ASKED])  # each of them at least once, whatever is drawn
def test_only_a_refill_begins_to_count_anew(steps: list[m.Body | str | int]) -> None:
    """DOS-03, DOS-01: whatever is asked, wherever the flow stands, and over resets."""
    bench = Bench()
    bench.configure()
    bench.run(240)
    bench.ask(m.RunSelfTest())
    before = counters(bench)
    assert before[0] > 0 and before[1] > 0  # noqa: PT018
    uncounted = False  # time that a level, or a syringe, has to tell of first (RST-03)
    for step in steps:
        committed = False
        if isinstance(step, str):
            bench.ask(m.RunSelfTest())
            bench = Bench(bench.memory)
            uncounted = True
        elif isinstance(step, int):
            uncounted = False
            bench.run(1 + step % 7, catheter_pressure_pa=step)
        else:
            committed = step is COMMIT and isinstance(bench.ask(step), m.Done)
            if step is not COMMIT:
                bench.ask(step)
        after = counters(bench)
        if committed:
            assert after[:2] == (0, 0)
            assert uncounted or after[2:] == before[2:]
            uncounted = False
        else:
            assert all(new >= old for new, old in zip(after, before, strict=True))
        before = after


def counters(bench: Bench) -> tuple[int, ...]:
    """Since the refill, and over the service life."""
    status = bench.status()
    assert status.dose_since_refill_ng is not None
    assert status.dose_total_ng is not None
    return (
        status.delivered_since_refill_nl,
        status.dose_since_refill_ng,
        status.delivered_total_nl,
        status.dose_total_ng,
    )


def test_a_step_is_as_long_as_its_seconds() -> None:
    """RES-03: in ticks, the last quarter of it begins the next one."""
    short = (m.PlanStep(drug="A", duration_s=7), m.PlanStep(drug="B", duration_s=7))
    for ticks, drug in ((from_s(7) * 3 // 4 - 1, "A"), (from_s(7) * 3 // 4, "B")):
        course = Course()
        course.refilled(0, "A", short)
        assert course.refilled(ticks, drug, short)


def test_a_step_of_a_plan_that_is_lost_is_none_of_the_next() -> None:
    """NVM-03: the drug in the pump tells the step, and its fill when that began."""
    course = Course(1, -5)
    course.replanned((), HAI, "FUDR", 7)
    assert course == Course(0, 7)
