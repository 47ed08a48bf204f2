"""What a reset ends, and what outlives it."""

from typing import Final

from hil.conformance import check, power
from hil.conformance.case import LOGIC, Needs, case
from hil.conformance.deeds import (
    command_id,
    commit,
    deed,
    executed,
    last_refill,
    logged,
    occurrence,
    restore_later,
    same_again,
    sound_reservoir_alarms,
    write,
)
from hil.conformance.probe import Probe
from protocol import messages as m
from protocol.vocabulary import AlarmId, EventKind, OutcomeState, Refusal

POWER: Final = Needs(power=True)
DECIDES: Final = Needs(LOGIC.capabilities, power=True)
BOOT_MS: Final = 2_000
"""T_boot."""


@case(
    "RBT-01", "RST-04", "A reset is another life: the boot id grows, the uptime starts anew.", POWER
)
def a_reset_is_a_new_life(probe: Probe) -> None:
    probe.settle()
    boot_id, uptime_ms = probe.boot_id, probe.uptime_ms
    power.cycle(probe)
    probe.settle()
    check.that(probe.boot_id > boot_id, f"a boot id above {boot_id}", probe.boot_id)
    young = probe.uptime_ms < max(uptime_ms, 60_000)
    check.that(young, "an uptime that started anew", f"{probe.uptime_ms} ms")


@case("RBT-02", "COM-06", "Sessions end with a reset; their commands get stale_boot.", POWER)
def sessions_end_with_a_reset(probe: Probe) -> None:
    seat = probe.open()
    packet = seat.packet(deed(probe))
    power.cycle(probe)
    probe.settle()
    check.refused(probe.reply(packet), Refusal.STALE_BOOT)
    reply = seat.do(deed(probe), boot_id=probe.boot_id)
    check.refused(reply, Refusal.NO_SESSION)


@case("RBT-03", "COM-06", "The right to write ends with a reset.", POWER)
def the_right_to_write_ends_with_a_reset(probe: Probe) -> None:
    executed(probe.open().do(deed(probe)))
    power.cycle(probe)
    probe.settle()
    executed(probe.open().do(deed(probe)))


@case(
    "RBT-04", "COM-04", "What was done before a reset is known after it, and not done again.", POWER
)
def outcomes_outlive_a_reset(probe: Probe) -> None:
    packet = probe.open().packet(deed(probe))
    executed(probe.reply(packet))
    power.cycle(probe)
    probe.settle()
    outcome = probe.ask(m.QueryOutcome(command_id=command_id(packet)))
    state = check.of_kind(outcome, m.CommandOutcome).state
    check.same(state, OutcomeState.DONE, "outcome after the reset")
    since = probe.log_end()
    executed(probe.open().do(deed(probe), command_id=command_id(packet)))
    check.same(logged(probe, since, EventKind.COMMAND_DONE), [], "commands done again")


@case("RBT-05", "SEC-04", "A session played again after a reset does nothing.", DECIDES)
def a_replay_after_a_reset_does_nothing(probe: Probe) -> None:
    seat = probe.open()
    played = [seat.packet(m.BeginRefill()), seat.packet(m.AbortRefill())]
    for packet in played:
        check.done(probe.reply(packet))
    power.cycle(probe)
    for packet in played:
        check.refused(probe.reply(packet), Refusal.STALE_BOOT)
    check.same(probe.status().refill_open, expected=False, what="refill window open")


@case("RBT-06", "RST-04", "A boot is logged, with its cause and the number of resets.", POWER)
def a_boot_is_logged(probe: Probe) -> None:
    since = probe.log_end()
    power.cycle(probe)
    probe.settle()
    boots = logged(probe, since, EventKind.BOOT)
    check.same([entry.boot_id for entry in boots], [probe.boot_id], "boots logged")


@case("RBT-07", "COM-08", "A link that lived on hears of the boot.", POWER)
def a_boot_is_told(probe: Probe) -> None:
    probe.settle()
    boot_id = probe.boot_id
    power.cycle(probe)
    notice = probe.await_notice(lambda p: isinstance(p.body, m.Booted), "booted")
    assert isinstance(notice.header, m.NoticeHeader)
    check.that(notice.header.boot_id > boot_id, f"a boot id above {boot_id}", notice)


@case("RBT-08", "RST-02", "The event log goes on where it was.", POWER)
def the_log_outlives_a_reset(probe: Probe) -> None:
    executed(probe.open().do(deed(probe)))
    end = probe.log_end()
    before = probe.log(max(end - 5, 0))
    power.cycle(probe)
    after = [entry for entry in probe.log(max(end - 5, 0)) if entry.sequence < end]
    check.same(after, before, "the last entries before the reset")


@case("RBT-09", "RST-01", "A device that decides tells a status within 2 s of its reset.", DECIDES)
def a_status_comes_soon(probe: Probe) -> None:
    power.cycle(probe)
    probe.status()
    check.that(probe.uptime_ms <= BOOT_MS, f"an uptime of at most {BOOT_MS} ms", probe.uptime_ms)


@case("RBT-10", "RST-02", "The configuration outlives a reset, with its id.", DECIDES)
def the_configuration_outlives_a_reset(probe: Probe) -> None:
    _, old = probe.configured()
    restore_later(probe, old)
    new = old.model_copy(update={"tolerance_permille": 50 if old.tolerance_permille > 50 else 51})
    write(probe, probe.open(), new)
    config_id = probe.config_id
    power.cycle(probe)
    check.same(probe.configured()[1], new, "configuration")
    check.same(probe.config_id, config_id, "configuration id")


@case("RBT-11", "RST-02", "The last refill outlives a reset, with its id.", DECIDES)
def the_refill_outlives_a_reset(probe: Probe) -> None:
    seat = probe.open()
    check.done(seat.do(m.BeginRefill()))
    check.done(commit(probe, seat, same_again(probe)))
    before = last_refill(probe.configured()[0])
    power.cycle(probe)
    check.same(last_refill(probe.configured()[0]), before, "last refill")


@case("RBT-12", "DOS-01", "No total falls by a reset.", DECIDES)
def totals_outlive_a_reset(probe: Probe) -> None:
    before = probe.status()
    power.cycle(probe)
    after = probe.status()
    volumes = (before.delivered_total_nl, after.delivered_total_nl)
    doses = (before.dose_total_ng or 0, after.dose_total_ng or 0)
    check.that(volumes[0] <= volumes[1], f"{volumes[0]} nl or more", f"{volumes[1]} nl")
    check.that(doses[0] <= doses[1], f"{doses[0]} ng or more", f"{doses[1]} ng")


@case(
    "RBT-13",
    "ALM-09",
    "No alarm is lost by a reset.",
    Needs(LOGIC.capabilities, power=True, lasts="5 min"),
)
def alarms_outlive_a_reset(probe: Probe) -> None:
    sound_reservoir_alarms(probe, probe.open())
    before = occurrence(probe, AlarmId.EMPTY_RESERVOIR)
    power.cycle(probe)
    after = occurrence(probe, AlarmId.EMPTY_RESERVOIR)
    check.same(after.occurrence, before.occurrence, "occurrence")
    check.same(after.acknowledged, expected=False, what="acknowledged")


@case(
    "RBT-14",
    "ALM-12",
    "No pause outlives a reset.",
    Needs(LOGIC.capabilities, power=True, lasts="5 min"),
)
def no_pause_outlives_a_reset(probe: Probe) -> None:
    seat = probe.open()
    sound_reservoir_alarms(probe, seat)
    empty = occurrence(probe, AlarmId.EMPTY_RESERVOIR)
    body = m.PauseAudio(alarm=empty.alarm, occurrence=empty.occurrence, duration_ms=300_000)
    check.done(seat.do(body))
    power.cycle(probe)
    after = occurrence(probe, AlarmId.EMPTY_RESERVOIR)
    check.same(after.audio_paused, expected=False, what="paused")
