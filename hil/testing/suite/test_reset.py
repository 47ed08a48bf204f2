"""Resets: what was told is kept, what was counted goes on, and memory that fails is never blank."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import pytest
from hypothesis import strategies as st

from hil.testing.chip import SIZE, FailingChip
from hil.testing.desk import Desk, span
from hil.testing.prove import Prove
from hil.testing.refilling import begin, commit
from hil.testing.steady import REFILL, START_S
from hil.testing.subject import Subject
from hil.testing.suite.test_alarms import SWITCHES
from hil.testing.suite.test_dose import PRIMED_MIN, inject
from protocol import messages as m
from protocol.control import PowerLostError
from protocol.guard import Guard, made
from protocol.vocabulary import AlarmId, ResetCause, Sounder

DAY: Final = 1_440
OFF_NL_PER_H: Final = 0.06
"""Of a flow while nobody looked: e_flow, and a little."""


def kept(desk: Desk) -> dict[str, Any]:
    """What outlives a reset."""
    report = desk.ask(m.ReadConfiguration())
    assert isinstance(report, m.ConfigurationReport)
    return {
        "configuration": report.configuration,
        "refill": (report.last_refill, report.last_refill_id),
        "drug": desk.status().drug,
        "alarms": [
            {"alarm": one.alarm, "occurrence": one.occurrence, "acknowledged": one.acknowledged}
            for one in desk.alarms()
        ],
    }


def configured(desk: Desk) -> None:
    new = desk.configuration.model_copy(update={"low_volume_nl": 4_000_000})
    desk.must_do(m.WriteConfiguration(base_config_id=1, configuration=new), "FLW-07")


def refilled(desk: Desk) -> None:
    desk.must_do(m.BeginRefill(), "RES-05")
    commit(desk, desk.pump.level_nl, 20e6, batch="B2")


def alarmed(desk: Desk) -> None:
    desk.let(**SWITCHES["pulse sensor"][0])
    desk.wait(5)


def alarmed_high(desk: Desk) -> None:
    desk.let(artery_pa=232e3)
    desk.wait(3)


def acknowledged(desk: Desk) -> None:
    alarmed(desk)
    for one in desk.alarms():
        desk.do(m.AcknowledgeAlarm(alarm=one.alarm, occurrence=one.occurrence))


def ended(desk: Desk) -> None:
    alarmed(desk)
    desk.let(**SWITCHES["pulse sensor"][1])
    desk.wait(10)


DEEDS: Final[dict[str, Callable[[Desk], None]]] = {
    "a configuration": configured,
    "a refill": refilled,
    "an alarm": alarmed,
    "an alarm of HIGH priority": alarmed_high,
    "an acknowledgement": acknowledged,
    "an alarm that ended": ended,
}


@pytest.mark.parametrize("what", sorted(DEEDS))
def test_what_was_told_is_kept(subject: Subject, what: str) -> None:
    """An answer, or an alarm, has left: the supply may go in that moment, and it is remembered."""
    desk = subject.desk()
    desk.wait(70)
    DEEDS[what](desk)
    before, after = kept(desk), kept(desk.next_life())
    desk.note("the supply goes, in this moment; boot")
    desk.act({"kind": "power_cycle", "cause": "brown_out"})
    for name, value in before.items():
        requirement = "ALM-09" if name == "alarms" else "RST-02"
        requirement = "ALM-10" if name == "alarms" and value and not after[name] else requirement
        desk.same(value, after[name], requirement, f"{name} as before")


def test_each_outcome_is_kept_before_it_is_told(subject: Subject) -> None:
    """With every single outcome that tells of an alarm, memory holds it already."""
    desk = subject.desk()
    desk.beyond("the supply does not go there")
    desk.wait(20)
    script: dict[int, dict[str, Any]] = {
        3: SWITCHES["pulse sensor"][0],
        12: {"artery_pa": 232e3},
        20: {"artery_pa": 12_400.0},
        30: {"level_nl": 20e6},
    }
    for minute in range(40):
        if minute in script:
            desk.let(**script[minute])
        told = desk.minute().alarms
        if not told:
            continue
        other = {one.occurrence: one for one in desk.next_life().alarms()}
        for one in told:
            if one.present:
                words = f"{one.alarm.name.lower()} in memory when it is told"
                desk.that(one.occurrence in other, "ALM-10", words, "not there")
                rank = other[one.occurrence].priority
                desk.that(
                    rank >= one.priority, "ALM-18", f"priority {one.priority.name}", rank.name
                )


def test_before_the_first_status_every_alarm_is_back(subject: Subject) -> None:
    """What latched and was not acknowledged is told with the boot itself, and sounds."""
    desk = subject.desk()
    desk.wait(20)
    desk.let(level_nl=22e6)
    desk.wait(12)
    before = [(one.alarm, one.occurrence) for one in desk.alarms()]
    desk.power_cycle()
    after = [
        (one.alarm, one.occurrence) for one in desk.alarms() if one.alarm is not AlarmId.RESETS
    ]
    desk.that(before == after, "ALM-09", f"{before}", after)
    told = [(one.alarm, one.occurrence) for one in desk.told]
    desk.that(set(before) <= set(told), "ALM-09", f"the boot tells of {before}", told)
    desk.that(desk.sounder > 0, "ALM-09", "a sounder that plays", desk.sounder.name)


def test_a_reset_loses_no_dose(subject: Subject, prove: Prove) -> None:
    """Totals go on from where they were; what flowed without supply is counted by the clock."""

    def cycled(wait: int, off: int) -> None:
        desk = subject.desk()
        desk.wait(200)
        desk.wait(wait)
        before = desk.status()
        desk.power_cycle(off)
        after = desk.status()
        fallen = after.delivered_total_nl < before.delivered_total_nl - 60_000
        desk.that(not fallen, "RST-02", f"about {before.delivered_total_nl} nL", after)
        desk.minute()
        status = desk.status()
        flowed_nl = desk.pump.flow_nl_per_h() / 60 * (off + 1)
        grown_nl = status.delivered_total_nl - before.delivered_total_nl
        slack_nl = OFF_NL_PER_H * flowed_nl + 4_000
        fair = f"{flowed_nl:.0f} nL more than before the reset"
        desk.that(abs(grown_nl - flowed_nl) <= slack_nl, "RST-03", fair, grown_nl)
        dose_ng = (status.dose_total_ng or 0) - (before.dose_total_ng or 0)
        true_ng = flowed_nl * REFILL.concentration_ng_per_ml / 1e6
        slack_ng = slack_nl * REFILL.concentration_ng_per_ml / 1e6
        desk.that(abs(dose_ng - true_ng) <= slack_ng, "DOS-01", f"{true_ng:.0f} ng more", dose_ng)
        due_s, was_s = status.refill_due_in_s or 0, before.refill_due_in_s or 0
        passed_s = (off + 1) * 60
        desk.that(
            abs(was_s - due_s - passed_s) <= 70, "RST-03", f"due {passed_s} s sooner", was_s - due_s
        )

    prove(cycled, 8, wait=st.integers(1, 70), off=st.sampled_from([0, 1, 17, 240, 1_000]))


def test_without_a_clock_the_level_bounds_what_left(subject: Subject) -> None:
    """The widest value the fill level allows is counted, and the true one is not above it."""
    desk = subject.desk()
    desk.wait(200)
    before = desk.status()
    desk.let(rtc_valid=False, rtc_off_s=-(10**8))
    desk.power_cycle(600)
    desk.wait(2)
    status = desk.status()
    flowed_nl = desk.pump.flow_nl_per_h() / 60 * 602
    grown_nl = status.delivered_total_nl - before.delivered_total_nl
    fair = f"at least {flowed_nl:.0f} nL, and at most 0.8 mL more"
    close = flowed_nl * 0.97 <= grown_nl <= flowed_nl + 800_000
    desk.that(close, "RST-03", fair, grown_nl)


@pytest.mark.parametrize("silent", [False, True], ids=["level", "no level"])
@pytest.mark.parametrize("hours", [-6, 120])
def test_no_step_of_a_clock_is_taken_for_downtime(
    subject: Subject, hours: int, *, silent: bool
) -> None:
    """It is set before anybody has counted what passed, and tells nothing of that."""
    desk = subject.desk()
    desk.wait(200)
    desk.let(reads={"fill_level_nl": None} if silent else {})
    desk.wait(10)
    desk.power_cycle(60)
    now_s = START_S + desk.minutes * 60
    desk.must_do(m.SetClock(rtc_s=now_s + hours * 3_600), "TIM-06")
    desk.let(rtc_off_s=hours * 3_600)
    desk.wait(3)
    true_nl = desk.minutes * desk.pump.flow_nl_per_h() / 60
    told = desk.status().delivered_total_between_nl
    desk.bounds(told, true_nl, "TIM-06", "nL, which left")


def test_a_clock_that_stopped_lets_nobody_forget_a_dose(subject: Subject) -> None:
    """Two injections within an hour, and between them a boot that nobody can time."""
    desk = subject.desk()
    desk.wait(PRIMED_MIN)
    each_nl = 54_000 // 4 * 7 // 10  # of what the limit of an hour leaves
    inject(desk, each_nl)
    desk.let(rtc_valid=False)
    desk.power_cycle(10)
    desk.wait(5)
    inject(desk, each_nl)
    both = AlarmId.DOSE_LIMIT in desk.present()
    desk.that(both, "DOS-02", "dose_limit: 140 % of an hour's excess in 17 min", desk.standing())


@pytest.mark.parametrize("moved_nl", [-4e6, 4e6])
def test_what_a_needle_moved_is_nothing_that_flowed(subject: Subject, moved_nl: float) -> None:
    """It was told; then supply is lost, and there is no clock to count the time."""
    desk = subject.desk(REFILL.model_copy(update={"filled_nl": 15_000_000}))
    desk.wait(60)
    desk.let(level_nl=desk.pump.level_nl + moved_nl)
    after = desk.minutes_to(AlarmId.TAMPERING, 3)
    desk.that(after is not None, "RES-07", "tampering within 3 min", desk.standing())
    desk.let(rtc_valid=False)
    desk.power_cycle(20 * 60)
    desk.wait(5)
    flowed_nl = desk.minutes * desk.pump.flow_nl_per_h() / 60
    told = desk.status().delivered_total_between_nl
    desk.bounds(told, flowed_nl, "RST-03", "nL, which left at the tip")


def test_a_channel_that_is_stuck_stays_so_however_often_it_boots(subject: Subject) -> None:
    """A level that stands still, and supply that is lost every 66 minutes."""
    desk = subject.desk()
    desk.wait(60)
    desk.let(reads={"fill_level_nl": 27_945_000})
    desk.wait(66)
    for _ in range(4):
        desk.power_cycle()
        desk.wait(66)
        found = AlarmId.SENSOR_FAULT in desk.present()
        desk.that(found, "SEN-02", "sensor_fault from the second hour on", desk.standing())


def test_many_resets_in_a_day_are_told(subject: Subject, prove: Prove) -> None:
    """Three within a day, at boot; the same number over days is nothing."""

    def thrice(gaps_min: tuple[int, int], off_min: int) -> None:
        desk = subject.desk()
        desk.wait(70)
        desk.power_cycle(off_min)
        desk.minute()
        for gap_min in gaps_min:
            desk.that(
                AlarmId.RESETS not in desk.present(), "RST-04", "no alarm yet", desk.standing()
            )
            desk.wait(gap_min)
            desk.power_cycle(off_min)
            desk.minute()
        passed_min = sum(gaps_min) + 2 * (off_min + 1)
        told = desk.occurrence(AlarmId.RESETS) is not None
        within = passed_min < DAY
        words = f"{'resets' if within else 'no alarm'}: three within {span(passed_min)}"
        desk.that(told == within, "RST-04", words, desk.standing())

    near = st.sampled_from([30, 360, 690, 720, 800])
    prove(thrice, 8, gaps_min=st.tuples(near, near), off_min=st.sampled_from([0, 1, 40]))


def test_a_boot_loop_is_told_at_boot(subject: Subject) -> None:
    """The third boot within a day tells it before any sample."""
    desk = subject.desk()
    desk.wait(70)
    for count in (1, 2, 3):
        desk.power_cycle(30)
        told = AlarmId.RESETS in desk.present()
        words = "resets at boot, at the third within 24 h" if count == 3 else "no alarm yet"
        desk.that(told == (count == 3), "RST-04", words, desk.standing())


def test_after_its_own_fault_it_says_so(subject: Subject) -> None:
    """Booted because logic failed, or a watchdog bit: told with the boot."""
    for cause in (ResetCause.FIRMWARE_FAULT, ResetCause.WATCHDOG):
        desk = subject.desk()
        desk.wait(20)
        desk.power_cycle(0, cause)
        told = AlarmId.FIRMWARE_FAULT in desk.present()
        desk.that(told, "RST-11", f"firmware_fault after {cause.name.lower()}", desk.standing())


def test_a_deviation_under_way_outlives_a_reset(subject: Subject) -> None:
    """What stands when supply goes stands when it is back, without a gap."""
    desk = subject.desk(nominal_flow_nl_per_h=round(54_015 / 1.2))
    after = desk.minutes_to(AlarmId.OVER_INFUSION, 70)
    desk.that(after is not None, "FLW-02", "over_infusion", desk.standing())
    desk.power_cycle(5)
    for _ in range(5):
        standing = AlarmId.OVER_INFUSION in desk.present()
        desk.that(standing, "ALM-09", "over_infusion from the boot on", desk.standing())
        desk.minute()


def test_supply_may_go_at_any_operation_of_memory(subject: Subject, prove: Prove) -> None:
    """Old or new, and never something else: whatever was half written."""

    def cut(operation: int, what: str) -> None:
        desk = subject.desk()
        desk.wait(20)
        old = kept(desk)
        chip = FailingChip.of(desk.chip, cut_at=operation)
        _move_to(desk, chip)
        with suppress(PowerLostError):
            DEEDS[what](desk)
        new = None if chip.was_cut else kept(desk)
        desk.note(f"supply goes at operation {operation} of the memory, counted from before {what}")
        desk.chip = chip.survivor()
        desk.boot(ResetCause.BROWN_OUT)
        found = kept(desk)
        allowed = [new["configuration"]] if new else [old["configuration"], _new(old)]
        same = found["configuration"] in allowed
        desk.that(same, "NVM-02", "the old configuration or the new one", found["configuration"])
        refills = [new["refill"][1]] if new else [1, 2]
        desk.that(found["refill"][1] in refills, "NVM-02", f"refill {refills}", found["refill"])
        sound = AlarmId.CONFIGURATION_LOST not in desk.present()
        desk.that(sound, "NVM-02", "nothing lost", desk.standing())

    what = st.sampled_from(["a configuration", "a refill", "an alarm"])
    prove(cut, 24, operation=st.integers(1, 12), what=what)


def test_one_copy_that_rots_is_enough_for_a_cut(subject: Subject, prove: Prove) -> None:
    """The newest record is spoiled, and supply goes while the next one is written."""

    def cut(operation: int, at: int) -> None:
        desk = subject.desk()
        desk.wait(20)
        chip = FailingChip.of(desk.chip, cut_at=operation)
        _move_to(desk, chip, armed=False)
        desk.wait(5)
        before = chip.content()
        alarmed(desk)
        newest = [spot for spot, byte in enumerate(chip.content()) if byte != before[spot]]
        spot = newest[at % len(newest)]
        desk.note(f"a bit flips in byte {spot} of the memory")
        chip.rot(spot)
        chip.arm()
        with suppress(PowerLostError):
            ended(desk)
        desk.note(f"supply goes at operation {operation} of the memory, counted from then")
        desk.chip = chip.survivor()
        desk.boot(ResetCause.BROWN_OUT)
        lost = AlarmId.CONFIGURATION_LOST in desk.present()
        desk.that(not lost, "NVM-02", "nothing lost: the other copy was sound", desk.standing())

    prove(cut, 24, operation=st.integers(1, 12), at=st.integers(0, SIZE - 1))


def _new(old: dict[str, Any]) -> m.Configuration:
    changed: m.Configuration = old["configuration"].model_copy(update={"low_volume_nl": 4_000_000})
    return changed


def _move_to(desk: Desk, chip: FailingChip, *, armed: bool = True) -> None:
    """The same pump, booted on that chip."""
    desk.beyond("its memory is sound there")
    desk.chip = chip
    desk.guard = Guard(made(desk.factory))
    desk.guard.boot(chip, ResetCause.BROWN_OUT, 0)
    desk.earlier, desk.ticks = desk.earlier + desk.ticks, 0
    desk.sample()
    if armed:
        chip.arm()


def test_memory_that_fails_is_told_and_never_taken_for_blank(subject: Subject) -> None:
    """Reads or writes that fail lead to an alarm, at the latest within an hour."""
    desk = subject.desk()
    desk.wait(20)
    chip = FailingChip.of(desk.chip)
    _move_to(desk, chip)
    chip.failing = True
    desk.note("every operation of the memory fails")
    after = desk.minutes_to(AlarmId.MEMORY_FAULT, 61)
    desk.that(after is not None, "NVM-07", "memory_fault within an hour", desk.standing())
    desk.wait(3)
    desk.that(desk.status().flow_nl_per_h is not None, "NVM-07", "still a flow", "none")


def test_a_configuration_that_is_taken_is_kept(subject: Subject) -> None:
    """By memory that fails none is: the one before is in force, now and after a reset."""
    desk = subject.desk()
    desk.wait(20)
    chip = FailingChip.of(desk.chip)
    _move_to(desk, chip)
    chip.failing = True
    desk.note("every operation of the memory fails")
    new = desk.configuration.model_copy(update={"low_volume_nl": 4_000_000})
    reply = desk.do(m.WriteConfiguration(base_config_id=1, configuration=new))
    now = kept(desk)["configuration"]
    chip.failing = False
    desk.note("memory is sound again")
    desk.boot(ResetCause.BROWN_OUT)
    then = kept(desk)["configuration"]
    desk.that(now == then, "FLW-07", f"{then.low_volume_nl} nl is low before a reset, too", now)
    taken = isinstance(reply, m.Done)
    desk.that(taken == (then == new), "FLW-07", "done if it is kept, and only then", reply)


def test_memory_that_cannot_be_read_is_no_first_boot(subject: Subject) -> None:
    """What it holds may still be there: nobody goes on without it in silence."""
    desk = subject.desk()
    desk.wait(20)
    old = kept(desk)
    chip = FailingChip.of(desk.chip)
    chip.failing = True
    desk.beyond("its memory can be read there")
    desk.note("memory cannot be read during the next boot, and is sound after it")
    desk.chip = chip
    desk.boot(ResetCause.BROWN_OUT)
    assert isinstance(desk.chip, FailingChip)
    desk.chip.failing = False
    desk.minute()
    there = kept(desk)["configuration"] == old["configuration"]
    told = AlarmId.CONFIGURATION_LOST in desk.present()
    words = "the configuration as it was, or configuration_lost"
    desk.that(there or told, "NVM-07", words, desk.standing())


def test_bits_that_rot_lose_nothing_in_silence(subject: Subject, prove: Prove) -> None:
    """Memory spoiled anywhere: what it held is there, or an alarm says that it is lost."""

    def rot(places: list[float]) -> None:
        desk = subject.desk()
        desk.wait(70)
        old = kept(desk)
        used = desk.chip.used()
        spots = sorted({int(place * (len(used) - 1)) for place in places})
        desk.beyond("its memory is sound there")
        desk.note(f"bits flip in {len(spots)} of {len(used)} bytes that were written")
        desk.chip = desk.chip.spoiled([used[spot] for spot in spots])
        desk.boot(ResetCause.POWER_ON)
        desk.minute()
        found = kept(desk)
        if found["configuration"] == old["configuration"]:
            desk.same(old["refill"], found["refill"], "NVM-01", "the refill as before")
            return
        lost = AlarmId.CONFIGURATION_LOST in desk.present()
        desk.that(lost, "NVM-03", "the configuration, or configuration_lost", desk.standing())
        desk.that(found["configuration"] is None, "NVM-03", "nothing that was assumed", found)
        desk.that(desk.status().dose_total_ng is None, "NVM-03", "an unknown dose", desk.status())

    share = st.floats(0, 1)
    prove(rot, 30, places=st.lists(share, min_size=1, max_size=6))


def test_what_was_lost_stays_lost_in_every_life(subject: Subject) -> None:
    """Until somebody writes it anew: a reset makes no first boot of it."""
    desk = subject.desk()
    desk.wait(70)
    boot_spoiled(desk, desk.chip.used())
    for _ in range(3):
        lost = AlarmId.CONFIGURATION_LOST in desk.present()
        desk.that(lost, "NVM-03", "configuration_lost", desk.standing())
        desk.that(kept(desk)["configuration"] is None, "NVM-03", "no configuration", "one")
        desk.wait(2)
        desk.power_cycle()
    beliefs = desk.minute().beliefs
    number = 0 if beliefs is None else beliefs.config_id
    new = m.WriteConfiguration(base_config_id=number, configuration=desk.configuration)
    desk.must_do(new, "NVM-03")
    over = AlarmId.CONFIGURATION_LOST not in desk.present()
    desk.that(over, "NVM-03", "no configuration_lost: it was written anew", desk.standing())


def test_an_alarm_does_not_wait_for_memory_that_fails(subject: Subject) -> None:
    """It sounds, and is told, with the sample that completes it."""
    desk = subject.desk()
    desk.wait(20)
    chip = FailingChip.of(desk.chip)
    _move_to(desk, chip)
    chip.failing = True
    desk.note("every operation of the memory fails")
    desk.let(artery_pa=232e3)
    after = desk.minutes_to(AlarmId.FLOW_STOP, 3)
    desk.that(after is not None, "FLW-04", "flow_stop within 3 min", desk.standing())
    loud = desk.sounder is Sounder.HIGH
    desk.that(loud, "ALM-10", "a sounder that plays high", desk.sounder.name.lower())
    told = [one for one in desk.told if one.alarm is AlarmId.FLOW_STOP]
    desk.that(told, "ALM-10", "flow_stop, told", "nothing")


HEAD: Final = 32
"""Bytes at the beginning of a record, in which most logic has its marks."""


def test_marks_that_rot_are_not_taken_for_blank(subject: Subject, prove: Prove) -> None:
    """At the same place of each record: it was there, and an alarm says that it is lost."""

    def rot(at: int) -> None:
        desk = subject.desk()
        desk.wait(70)
        old = kept(desk)
        spots = [area.start + at for area in desk.chip.areas()]
        boot_spoiled(desk, spots)
        if kept(desk)["configuration"] != old["configuration"]:
            lost = AlarmId.CONFIGURATION_LOST in desk.present()
            words = "the configuration, or configuration_lost"
            desk.that(lost, "NVM-03", words, desk.standing())

    prove(rot, HEAD, at=st.integers(0, HEAD - 1))


def test_a_copy_that_rots_takes_nothing_back(subject: Subject, prove: Prove) -> None:
    """A minute after something was told, one of the places it may be kept in is spoiled."""

    def rot(what: str, turn: int, at: int) -> None:
        desk = subject.desk()
        desk.wait(70)
        DEEDS[what](desk)
        desk.minute()
        before, areas = kept(desk), desk.chip.areas()
        area = areas[turn % len(areas)]
        boot_spoiled(desk, [area[at % len(area)]])
        if {AlarmId.CONFIGURATION_LOST, AlarmId.MEMORY_FAULT} & desk.present():
            return
        after = kept(desk)
        known = [one for one in after["alarms"] if one in before["alarms"]]
        words = f"what {what} has left, or an alarm that memory lost it"
        desk.same(before, {**after, "alarms": known}, "NVM-02", words)

    places = st.integers(0, HEAD - 1) | st.integers(0, SIZE - 1)
    prove(rot, 30, what=st.sampled_from(sorted(DEEDS)), turn=st.integers(0, 3), at=places)


def boot_spoiled(desk: Desk, spots: list[int]) -> None:
    """Bits flip in these bytes, and the next life finds them."""
    desk.beyond("its memory is sound there")
    where = f"byte {spots[0]}" if len(spots) == 1 else f"{len(spots)} bytes"
    desk.note(f"a bit flips in {where} of the memory")
    desk.chip = desk.chip.spoiled(spots)
    desk.boot(ResetCause.POWER_ON)
    desk.minute()


def test_an_open_window_is_still_open_after_a_reset(subject: Subject) -> None:
    """A refill that was begun can be declared after a reset in the middle of it."""
    desk = subject.desk()
    desk.wait(45)
    begin(desk)
    left_nl = desk.pump.level_nl
    desk.let(level_nl=25e6)
    desk.power_cycle(1)
    desk.wait(1)
    reply = commit(desk, left_nl, 25e6)
    desk.that(isinstance(reply, m.Done), "RES-05", "a commit that is taken", reply)
    wrong = {AlarmId.TAMPERING, AlarmId.POCKET_FILL, AlarmId.REFILL_DISCREPANCY}
    desk.wait(5)
    desk.that(not wrong & desk.present(), "RES-05", "no alarm", desk.standing())


@pytest.mark.parametrize(
    ("alarm", "filled_nl"),
    [(AlarmId.LOW_RESERVOIR, 3_400_000), (AlarmId.EMPTY_RESERVOIR, 1_400_000)],
)
def test_what_stands_at_its_limit_goes_on_standing(
    subject: Subject, alarm: AlarmId, filled_nl: int
) -> None:
    """Back by less than its hysteresis, and what it was before is not forgotten with a reset."""
    desk = subject.desk(REFILL.model_copy(update={"filled_nl": filled_nl}))
    after = desk.minutes_to(alarm, DAY)
    desk.that(after is not None, "RES-01", alarm.name.lower(), desk.standing())
    before = desk.occurrence(alarm)
    desk.let(bias={"fill_level_nl": 20_000})
    desk.wait(1)
    desk.power_cycle()
    desk.wait(1)
    one = desk.occurrence(alarm)
    same = before is not None and one is not None and one.occurrence == before.occurrence
    words = f"the same {alarm.name.lower()}, which stands"
    desk.that(same and alarm in desk.present(), "ALM-09", words, one)
