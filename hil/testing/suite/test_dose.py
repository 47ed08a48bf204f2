"""What was given: volume, dose through the dead volume, and limits in every window of time."""

from typing import Final

import pytest
from hypothesis import strategies as st

from hil.testing.desk import Desk
from hil.testing.oracle import NL_PER_ML, Tip
from hil.testing.prove import Prove
from hil.testing.refilling import commit, refilled
from hil.testing.steady import REFILL
from hil.testing.subject import Subject
from protocol import messages as m
from protocol.vocabulary import AlarmId

OFF: Final = 0.002
"""Of a volume: what the steps of the sensors may make of it."""
ROUNDING: Final = 1e-4
"""Of a total against the sum of what was told: keeping the rests, it is far less."""
PRIMED_MIN: Final = 240
"""The dead volume is through by then."""
NL_PER_UL: Final = 1_000
PHASES_MIN: Final = 12
FASTEST_NL_PER_H: Final = 30_000_000


class Given:
    """The truth of a desk's pump, minute by minute, through the plug-flow model."""

    def __init__(self, desk: Desk, refill: m.Refill = REFILL) -> None:
        self.desk = desk
        self.tip = Tip.primed(desk.configuration.catheter_volume_nl)
        self.drug, self.concentration = refill.drug, float(refill.concentration_ng_per_ml)
        self.volume_nl = 0.0

    def wait(self, minutes: int) -> None:
        for _ in range(minutes):
            self.desk.minute()
            volume_nl = self.desk.pump.flow_nl_per_h() / 60
            self.volume_nl += volume_nl
            self.tip.push(volume_nl, self.drug, self.concentration)

    def dose_ng(self, drug: str) -> float:
        return self.tip.doses_ng.get(drug, 0.0)

    def check(self, requirement: str = "DOS-01") -> None:
        """What it believes against the truth."""
        desk, status = self.desk, self.desk.status()
        slack_nl = OFF * self.volume_nl + NL_PER_UL
        off_nl = status.delivered_total_nl - self.volume_nl
        volume = f"{self.volume_nl:.0f} nL delivered"
        desk.that(abs(off_nl) <= slack_nl, requirement, volume, status.delivered_total_nl)
        true_ng = self.dose_ng(self.drug)
        off_ng = (status.dose_total_ng or 0) - true_ng
        slack_ng = slack_nl * self.concentration / NL_PER_ML + 1
        dose = f"{true_ng:.0f} ng of {self.drug} through the dead volume"
        desk.that(abs(off_ng) <= slack_ng, requirement, dose, status.dose_total_ng)


@pytest.mark.parametrize("catheter_nl", [20_000, 170_000, 300_000])
def test_dose_begins_behind_the_dead_volume(subject: Subject, catheter_nl: int) -> None:
    """What is in the catheter at implantation is no drug: dose begins when it is through."""
    given = Given(subject.desk(catheter_volume_nl=catheter_nl))
    for _ in range(10):
        given.wait(45)
        given.check("RES-11")


@pytest.mark.parametrize("ng_per_ml", [700, 6_460_001, 10**9])
def test_dose_is_kept_to_the_last_digit(subject: Subject, ng_per_ml: int) -> None:
    """However thin or dense the drug is: a minute may hold less than the unit that is told."""
    refill = REFILL.model_copy(update={"concentration_ng_per_ml": ng_per_ml})
    given = Given(subject.desk(refill), refill)
    for _ in range(2):
        given.wait(PRIMED_MIN)
        given.check()


def test_every_refill_is_bridged(subject: Subject) -> None:
    """After a change of drug or concentration the old one is given for the dead volume."""
    desk = subject.desk(REFILL.model_copy(update={"filled_nl": 20_000_000}))
    given = Given(desk)
    given.wait(300)
    liquids = (("FUDR", 5_000_000), ("FUDR", 2_000_000), ("saline", 0), ("FUDR", 6_460_000))
    for drug, concentration in liquids:
        desk.must_do(m.BeginRefill(), "RES-05")
        given.wait(2)
        left_nl = desk.pump.level_nl
        mixed = {"drug": drug, "concentration_ng_per_ml": concentration}
        reply = commit(desk, left_nl, left_nl, **mixed)
        desk.that(isinstance(reply, m.Done), "RES-05", "a refill that is taken", reply)
        since = desk.status().delivered_since_refill_nl, desk.status().dose_since_refill_ng
        desk.that(since == (0, 0), "RES-05", "nothing delivered since the refill", since)
        given.drug, given.concentration = drug, float(concentration)
        before_ng = given.dose_ng(drug)
        for _ in range(5):
            given.wait(50)
            given.check("RES-11")
            true_ng, told_ng = given.dose_ng(drug) - before_ng, desk.status().dose_since_refill_ng
            slack_ng = OFF * true_ng + NL_PER_UL * 5.0 + 1
            words = f"{true_ng:.0f} ng of {drug} since the refill, whatever the fill it is of"
            desk.that(abs((told_ng or 0) - true_ng) <= slack_ng, "RES-11", words, told_ng)


def test_totals_lose_nothing_to_rounding(subject: Subject) -> None:
    """The total is the sum of the flows that were told, over days, to the nanolitre."""
    desk = subject.desk(nominal_flow_nl_per_h=53_717, calibration_flow_nl_per_h=53_717)
    desk.wait(10)
    first, total_nl, told_nl = desk.status().delivered_total_nl, 0, 0.0
    for _ in range(1_500):
        desk.minute()
        status = desk.status()
        flow, total_nl = status.flow_nl_per_h, status.delivered_total_nl - first
        desk.that(flow is not None, "FLW-01", "a flow", flow)
        assert flow is not None
        told_nl += flow.estimate / 60
    seen = f"{total_nl} nL ({total_nl - told_nl:+.0f})"
    close = abs(total_nl - told_nl) <= ROUNDING * told_nl
    desk.that(close, "DOS-01", f"{told_nl:.0f} nL, the sum of the flows told", seen)
    since = desk.status().delivered_since_refill_nl
    desk.that(since >= total_nl, "DOS-03", f"at least {total_nl} nL since the refill", since)


def test_totals_only_grow(subject: Subject) -> None:
    """Nothing that people do or ask takes from what was delivered."""
    desk = subject.desk()
    desk.wait(PRIMED_MIN)
    desk.let(rtc_off_s=5_000)
    desk.wait(2)
    alarm = desk.alarms()[-1]
    number = alarm.occurrence
    deeds: list[m.Command] = [
        m.PauseAudio(alarm=alarm.alarm, occurrence=number, duration_ms=60_000),
        m.AcknowledgeAlarm(alarm=alarm.alarm, occurrence=number),
        m.RunSelfTest(),
        m.SetClock(rtc_s=1_800_000_000),
        m.WriteConfiguration(base_config_id=1, configuration=desk.configuration),
        m.BeginBolusAccess(drug="contrast", concentration_ng_per_ml=0),
        m.EndBolusAccess(injected_nl=0),
        m.BeginRefill(),
        m.AbortRefill(),
        m.Close(),
    ]
    last = desk.status()
    for deed in deeds:
        desk.do(deed)
        now = desk.status()
        grown = now.delivered_total_nl >= last.delivered_total_nl
        grown = grown and (now.dose_total_ng or 0) >= (last.dose_total_ng or 0)
        grown = grown and now.delivered_since_refill_nl >= last.delivered_since_refill_nl
        desk.that(grown, "DOS-03", "no total that falls", now)
        last = now
        desk.wait(1)


def test_a_flow_that_turns_back_takes_nothing_back(subject: Subject) -> None:
    """What was delivered is in the patient; a stiff catheter holds nothing back."""
    desk = subject.desk(catheter_compliance_nl_per_kpa=0)
    desk.wait(PRIMED_MIN)
    desk.let(artery_pa=256e3)
    desk.wait(3)
    before = desk.status()
    desk.wait(30)
    now = desk.status()
    kept = now.delivered_total_nl >= before.delivered_total_nl
    kept = kept and (now.dose_total_ng or 0) >= (before.dose_total_ng or 0)
    desk.that(kept, "DOS-03", f"at least {before.delivered_total_nl} nL", now.delivered_total_nl)


@pytest.mark.parametrize("level", [True, False], ids=["level", "no level"])
def test_what_flowed_back_is_no_drug_when_it_comes_again(subject: Subject, *, level: bool) -> None:
    """Two hours of blood: it fills the catheter, and comes out before any drug does."""
    refill = REFILL.model_copy(update={"filled_nl": 20_000_000})
    desk = subject.desk(refill, catheter_compliance_nl_per_kpa=0)
    given = Given(desk)
    given.wait(2 * PRIMED_MIN)
    desk.let(reads={} if level else {"fill_level_nl": None})
    given.wait(5)
    dose_ng, blood_nl, usual_pa = given.dose_ng(REFILL.drug), 0.0, desk.pump.artery_pa
    above_pa = desk.pump.reservoir_pa() - desk.pump.catheter_pa() + 200e3
    rise = [usual_pa + above_pa * minute / 120 for minute in range(120)]
    for minute, artery_pa in enumerate([*rise, *[rise[-1]] * 120, *[usual_pa] * 600]):
        desk.let(artery_pa=artery_pa)
        desk.minute()
        out_nl = desk.pump.flow_nl_per_h() / 60
        drug_nl, blood_nl = max(out_nl - blood_nl, 0.0), max(blood_nl - out_nl, 0.0)
        dose_ng += drug_nl * REFILL.concentration_ng_per_ml / NL_PER_ML
        if minute % 60 == 0:
            status, left_nl = desk.status(), desk.pump.level_nl
            told, left = status.dose_total_between_ng, status.residual_volume_nl
            desk.bounds(told, dose_ng, "DOS-01", "ng, which were given")
            desk.bounds(left, left_nl, "RES-01", "nL")


def test_a_drug_that_is_in_turn_has_the_limit_of_its_turn(subject: Subject) -> None:
    """A day in a fortnight: a quarter of that day more is all there may be of it in a cycle."""
    plan = (
        m.PlanStep(drug=REFILL.drug, duration_s=86_400),
        m.PlanStep(drug="saline", duration_s=13 * 86_400),
    )
    desk = subject.desk(plan=plan, nominal_flow_nl_per_h=round(54_015 / 1.12))
    after = desk.minutes_to(AlarmId.DOSE_LIMIT, 3 * 1_440)
    words = "dose_limit within 3 d: they bring 3.3 days' dose, and 1.25 are allowed"
    desk.that(after is not None, "DOS-02", words, desk.standing())


@pytest.mark.parametrize(
    ("fills", "rest_nl"),
    [((20, 1), 600_000), ((1, 20), 600_000), ((20, 0), 600_000), ((20, 1, 1), 2_000_000)],
)
def test_what_a_needle_leaves_is_within_the_bounds(
    subject: Subject, fills: tuple[int, ...], rest_nl: int
) -> None:
    """A rest of the fill before, itself no purer, mixes with the new one, denser or thinner."""
    first, *others = (mg_per_ml * 1_000_000 for mg_per_ml in fills)
    refill = REFILL.model_copy(update={"filled_nl": 10_000_000, "concentration_ng_per_ml": first})
    desk = subject.desk(refill)
    given = Given(desk, refill)
    given.wait(PRIMED_MIN)
    put_nl = 5_000_000
    for ng_per_ml in others:
        desk.must_do(m.BeginRefill(), "RES-05")
        given.wait(2)
        taken_nl = desk.pump.level_nl - rest_nl
        desk.let(level_nl=float(rest_nl + put_nl))
        commit(desk, taken_nl, put_nl, concentration_ng_per_ml=ng_per_ml)
        mixed = rest_nl * given.concentration + put_nl * ng_per_ml
        given.concentration = mixed / (rest_nl + put_nl)
        for _ in range(4):
            given.wait(600)
            true_ng, told = given.dose_ng(REFILL.drug), desk.status().dose_total_between_ng
            desk.bounds(told, true_ng, "DOS-01", "ng, which were given")


@pytest.mark.parametrize("bolus_ul", [20, 100, 250, 3_000])
def test_a_bolus_pushes_out_what_was_in_the_catheter(subject: Subject, bolus_ul: int) -> None:
    """The catheter's content is dose first, then what was injected."""
    desk = subject.desk()
    given = Given(desk)
    given.wait(PRIMED_MIN)
    drug, concentration = ("FUDR", 1_000_000.0) if bolus_ul > 200 else ("contrast", 0.0)
    access = m.BeginBolusAccess(drug=drug, concentration_ng_per_ml=round(concentration))
    desk.must_do(access, "RES-12")
    given.wait(2)
    injected_nl = bolus_ul * NL_PER_UL
    desk.must_do(m.EndBolusAccess(injected_nl=injected_nl), "RES-12")
    given.tip.push(injected_nl, drug, concentration)
    given.check("RES-12")
    given.wait(PRIMED_MIN)
    given.check("RES-12")


def test_a_configuration_written_anew_leaves_the_catheter_as_it_is(subject: Subject) -> None:
    """What is in it is what was in it, where its dead volume is the same."""
    desk = subject.desk()
    given = Given(desk)
    given.wait(PRIMED_MIN)
    new = desk.configuration.model_copy(update={"low_volume_nl": 4_000_000})
    desk.must_do(m.WriteConfiguration(base_config_id=1, configuration=new), "FLW-07")
    for _ in range(3):
        given.wait(60)
        given.check("RES-11")


def test_a_catheter_that_is_written_anew_may_be_the_old_one(subject: Subject) -> None:
    """Its dead volume was wrong by a little: what is in it is drug for all that."""
    refill = REFILL.model_copy(update={"concentration_ng_per_ml": 50_000_000})
    desk = subject.desk(refill)
    given = Given(desk, refill)
    given.wait(PRIMED_MIN)
    new = desk.configuration.model_copy(update={"catheter_volume_nl": 175_000})
    desk.must_do(m.WriteConfiguration(base_config_id=1, configuration=new), "FLW-07")
    for _ in range(4):
        given.wait(PRIMED_MIN // 4)
        true_ng, told = given.dose_ng(REFILL.drug), desk.status().dose_total_between_ng
        desk.bounds(told, true_ng, "DOS-01", "ng, which were given")


def test_many_liquids_in_a_catheter_are_all_dose(subject: Subject) -> None:
    """A bolus after the other, each of another concentration: none is lost on the way."""
    desk = subject.desk()
    given = Given(desk)
    given.wait(PRIMED_MIN)
    volume_nl = 5 * NL_PER_UL
    for turn in range(30):
        ng_per_ml = 1_000_000 * (1 + turn % 7)
        desk.must_do(
            m.BeginBolusAccess(drug=REFILL.drug, concentration_ng_per_ml=ng_per_ml), "RES-12"
        )
        desk.must_do(m.EndBolusAccess(injected_nl=volume_nl), "RES-12")
        given.tip.push(volume_nl, REFILL.drug, ng_per_ml)
    given.wait(PRIMED_MIN)
    given.check("RES-11")


def inject(
    desk: Desk,
    volume_nl: int,
    drug: str = REFILL.drug,
    concentration_ng_per_ml: int = REFILL.concentration_ng_per_ml,
) -> None:
    """A declared injection: of the drug that the pump gives, if none is named."""
    access = m.BeginBolusAccess(drug=drug, concentration_ng_per_ml=concentration_ng_per_ml)
    desk.must_do(access, "RES-12")
    desk.must_do(m.EndBolusAccess(injected_nl=volume_nl), "RES-12")
    desk.minute()


def test_what_is_too_much_for_a_week_stands_for_a_week(subject: Subject) -> None:
    """An injection of more than two days' dose: the day's limit is over sooner."""
    desk = subject.desk()
    desk.wait(PRIMED_MIN)
    inject(desk, 3_000_000)
    for days in (0, 3, 3):
        desk.wait(days * 1_440)
        stands = AlarmId.DOSE_LIMIT in desk.present()
        desk.that(stands, "DOS-02", "dose_limit: the week holds it", desk.standing())


def days_of(*steps: tuple[str, int]) -> tuple[m.PlanStep, ...]:
    """A course plan."""
    return tuple(m.PlanStep(drug=drug, duration_s=n * 86_400) for drug, n in steps)


def inject_all_day(desk: Desk, each_nl: int) -> None:
    """Every three quarters of an hour, 24 times."""
    for _ in range(24):
        inject(desk, each_nl)
        desk.wait(44)
    desk.wait(1_440 - 24 * 45)


def test_another_cycle_forgets_no_dose_of_the_one_before(subject: Subject) -> None:
    """270 uL a day are within the day's limit; three of them are beyond that of either cycle."""
    desk = subject.desk(plan=days_of(("FUDR", 2), ("saline", 2)))
    desk.wait(PRIMED_MIN)
    for _ in range(2):
        inject_all_day(desk, 11_250)
    none = AlarmId.DOSE_LIMIT not in desk.present()
    desk.that(none, "DOS-02", "no dose_limit yet: 540 uL, of 648", desk.standing())
    plan = days_of(("FUDR", 2), ("saline", 3))
    new = desk.configuration.model_copy(update={"plan": plan})
    desk.must_do(m.WriteConfiguration(base_config_id=1, configuration=new), "FLW-07")
    inject_all_day(desk, 11_250)
    told = AlarmId.DOSE_LIMIT in desk.present()
    desk.that(told, "DOS-02", "dose_limit: 810 uL, of 648", desk.standing())


def test_a_drug_of_two_steps_is_given_in_both(subject: Subject) -> None:
    """Its limit of a cycle is that of all its days; each day's injections are within the day's."""
    desk = subject.desk(plan=days_of(("FUDR", 3), ("saline", 1), ("FUDR", 3)))
    desk.wait(PRIMED_MIN)
    for _ in range(5):
        inject_all_day(desk, 10_000)
        none = AlarmId.DOSE_LIMIT not in desk.present()
        words = "no dose_limit: 240 uL a day, of 324 that are allowed"
        desk.that(none, "DOS-02", words, desk.standing())


def test_a_dose_beyond_all_counting_stays_the_largest(subject: Subject) -> None:
    """As much of a drug as can be declared, again and again: nothing starts from 0."""
    desk = subject.desk()
    desk.wait(PRIMED_MIN)
    last_ng = desk.status().dose_total_ng or 0
    for _ in range(60):
        inject(desk, m.MAX_VOLUME_NL, concentration_ng_per_ml=m.MAX_DISSOLVED_NG_PER_ML)
        now_ng = desk.status().dose_total_ng or 0
        desk.that(now_ng >= last_ng, "DOS-07", f"at least {last_ng} ng", now_ng)
        limited = AlarmId.DOSE_LIMIT in desk.present()
        desk.that(limited, "DOS-07", "dose_limit, all along", desk.standing())
        last_ng = now_ng
    desk.power_cycle()
    now_ng = desk.status().dose_total_ng or 0
    desk.that(now_ng >= last_ng, "DOS-07", f"at least {last_ng} ng after a reset", now_ng)


def test_two_injections_within_an_hour_count_together(subject: Subject, prove: Prove) -> None:
    """Each is within the limit of an hour, both are not: the alarm stands when the second is in."""
    hour_nl = 54_000 // 4  # the limit is 125 % of the prescription

    def twice(gap_min: int, phase_min: int, each_permille: int, *, reset: bool) -> None:
        desk = subject.desk()
        desk.wait(PRIMED_MIN + phase_min)
        each_nl = hour_nl * each_permille // 1_000
        inject(desk, each_nl)
        alone = AlarmId.DOSE_LIMIT in desk.present()
        desk.that(not alone, "DOS-02", "no alarm for one within the limit", desk.standing())
        if reset:
            desk.power_cycle()
        desk.wait(gap_min - 1)
        inject(desk, each_nl)
        both = AlarmId.DOSE_LIMIT in desk.present()
        window = f"dose_limit: {2 * each_permille / 10:.0f} % of an hour's excess in {gap_min} min"
        desk.that(both, "DOS-02", window, desk.standing())

    for phase_min in range(PHASES_MIN):  # a window that is a little short forgets in one of them
        twice(58, phase_min, 700, reset=False)
    gap, phase = st.integers(1, 58), st.integers(0, PHASES_MIN)
    each = st.integers(600, 850)
    prove(twice, 10, gap_min=gap, phase_min=phase, each_permille=each, reset=st.booleans())


@pytest.mark.parametrize("gap_h", [2, 5])
def test_the_next_hour_has_its_own_dose(subject: Subject, gap_h: int) -> None:
    """What came hours ago is no part of this hour's window."""
    desk = subject.desk()
    desk.wait(PRIMED_MIN)
    for _ in range(2):
        inject(desk, 54_000 * 7 // 40)
        desk.that(AlarmId.DOSE_LIMIT not in desk.present(), "DOS-02", "no alarm", desk.standing())
        desk.wait(gap_h * 60)


@pytest.mark.parametrize(
    ("limit_permille", "faster", "exceeds"),
    [(1_050, 1.1, True), (1_050, 1.02, False), (1_200, 1.14, False), (1_010, 1.05, True)],
)
def test_a_flow_above_the_limit_is_told_ahead(
    subject: Subject, limit_permille: int, faster: float, *, exceeds: bool
) -> None:  # fmt: skip
    """The alarm comes before any window holds more than its limit, and only if one would."""
    nominal = round(54_015 / faster)
    desk = subject.desk(nominal_flow_nl_per_h=nominal, dose_limit_permille=limit_permille)
    desk.wait(PRIMED_MIN // 2)
    after = desk.minutes_to(AlarmId.DOSE_LIMIT, 400)
    if not exceeds:
        desk.that(after is None, "DOS-02", "no dose_limit within it", desk.standing())
        return
    dead_min = 170_000 / 54_015 * 60
    hour_min = 60 * (limit_permille / 1_000 - 1) / (faster - 1)
    latest = dead_min + hour_min - PRIMED_MIN // 2 + 2
    seen = "never" if after is None else f"{after + PRIMED_MIN // 2} min after the refill"
    ahead = f"dose_limit by {latest + PRIMED_MIN // 2:.0f} min after the refill"
    desk.that(after is not None and after <= latest, "DOS-02", ahead, seen)


def test_a_dose_nobody_declared_is_unknown(subject: Subject) -> None:
    """Configured and never filled: volume counts, dose is unknown, and nothing is assumed."""
    desk = subject.desk(refill=None)
    desk.wait(30)
    status = desk.status()
    unknown = status.dose_total_ng is None and status.drug is None
    desk.that(unknown, "DOS-09", "no drug and no dose", status)


def test_what_an_occlusion_holds_back_is_not_delivered(subject: Subject) -> None:
    """Behind a clot the catheter widens; what it holds is delivered when it leaves at the tip."""
    desk = subject.desk()
    desk.wait(60)
    before_nl = desk.status().delivered_total_nl
    entered_nl = 0.0
    for minute in range(90):
        desk.let(artery_pa=12_400.0 + 600 * minute)
        desk.minute()
        entered_nl += desk.pump.flow_nl_per_h() / 60
    held_nl = 600 * 89 / 1e3 * desk.configuration.catheter_compliance_nl_per_kpa
    counted_nl = desk.status().delivered_total_nl - before_nl
    fair = f"less than the {entered_nl:.0f} nL that entered, by about {held_nl:.0f} nL held back"
    close = 0.3 * held_nl < entered_nl - counted_nl < 1.1 * held_nl
    desk.that(close, "OCC-04", fair, f"{counted_nl} nL")


def test_totals_of_a_service_life_have_room(subject: Subject) -> None:
    """Beyond 32 bits of nanolitres, in the fastest pump that there may be."""
    filled_nl = 190_000_000
    fast = {
        "calibration_flow_nl_per_h": FASTEST_NL_PER_H,
        "nominal_flow_nl_per_h": FASTEST_NL_PER_H,
    }
    refill = REFILL.model_copy(update={"filled_nl": filled_nl})
    desk = subject.desk(refill, capacity_nl=200_000_000, **fast)
    given_nl, total_nl = 0.0, 0
    while given_nl < 2**32 + filled_nl:
        before_nl = desk.pump.level_nl
        desk.wait(5 * 60)
        passed_nl = before_nl - desk.pump.level_nl
        given_nl += passed_nl
        told_nl = desk.status().delivered_total_nl
        words = f"{passed_nl / 1e6:.0f} mL more in 5 h, at {given_nl / 1e9:.2f} L"
        grown = abs(told_nl - total_nl - passed_nl) <= passed_nl / 10
        desk.that(grown, "DOS-10", words, f"{(told_nl - total_nl) / 1e6:.0f} mL more")
        refilled(desk, taken_nl=0, put_nl=filled_nl - desk.pump.level_nl)
        desk.wait(2)
        total_nl = desk.status().delivered_total_nl
