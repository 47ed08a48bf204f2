"""Faults of a whole device: power, memory, converter, logic; nothing that matters is lost."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import messages as m
from protocol.vocabulary import (
    AlarmId,
    EventKind,
    FirmwareFault,
    RefillReason,
    Refusal,
    ResetCause,
    Role,
    Sounder,
)
from pumpsim import snapshot
from pumpsim.device import SAMPLE_NS, Device
from tests.device.broken_logic import Watchful
from tests.device.test_device import (
    HOUR_NS,
    Programmer,
    make,
    reason,
    status_of,
    stimulus,
    with_logic,
)
from tests.device.test_eventlog import entries_of


def act(device: Device, kind: str, **fields: Any) -> dict[str, int]:
    return device.stimulate(device.now_ns, stimulus(kind, **fields))


def later(device: Device, samples: int) -> None:
    device.advance(device.now_ns + samples * SAMPLE_NS)


def restored(device: Device) -> Device:
    return snapshot.restore(device.pump, json.loads(json.dumps(snapshot.take(device))))


def log_of(device: Device) -> list[m.LogEntry]:
    return entries_of(device.log)


def causes(device: Device) -> list[int]:
    return [entry.subject for entry in log_of(device) if entry.kind is EventKind.BOOT]


def present(device: Device) -> set[AlarmId]:
    reply = Programmer(device, "onlooker").ask(m.ListAlarms(after_occurrence=0))
    assert isinstance(reply, m.AlarmList)
    return {alarm.alarm for alarm in reply.alarms if alarm.present}


# ---- power goes at every memory operation of a visit and an alarm


def visit_and_alarm(device: Device) -> tuple[list[m.Reply], list[m.AlarmOccurrence]]:
    """A refill of 28 ml, an hour, and a reservoir that is suddenly low; what was answered, told."""
    programmer = Programmer(device)
    programmer.open()
    refill = m.Refill(
        withdrawn_nl=27_000_000,
        filled_nl=28_000_000,
        drug="heparin",
        concentration_ng_per_ml=1_000,
        viscosity_permille=1_000,
        batch="B2",
    )
    commit = m.CommitRefill(refill=refill, reason=RefillReason.OTHER, previous_refill_id=1)
    replies = [programmer.command(m.BeginRefill())]
    act(device, "withdraw", volume="26 mL")
    act(device, "fill", volume="26 mL", drug="heparin", concentration="1 ug/mL")
    replies += [
        programmer.command(command)
        for command in (commit, m.Close())
        if programmer.session.session_id is not None  # a reset ends it
    ]
    later(device, 62)
    act(device, "withdraw", volume="25.5 mL")
    later(device, 3)
    programmer.collect()
    told = [p.body.alarm for p in programmer.notices if isinstance(p.body, m.AlarmChanged)]
    return replies, told


def operations_of_the_visit() -> int:
    device = make()
    before = device.chip.operations
    visit_and_alarm(device)
    return device.chip.operations - before


@pytest.mark.slow
def test_a_power_cut_at_any_memory_operation_loses_neither_alarm_nor_visit() -> None:
    """ALM-09, NVM-02, LOG-03, RST-02: a whole device, torn writes, every operation."""
    ends = set()
    whole = operations_of_the_visit()
    assert whole >= 5 * 6  # begin, commit, end of session, the hour, the alarm
    for number in range(1, whole + 1):
        device = make(seed=number)
        fault = act(device, "memory_fault", cut_in=number)["fault"]
        replies, told = visit_and_alarm(device)
        assert device.effects.instants[fault] is not None
        assert int(ResetCause.BROWN_OUT) in causes(device)
        after = present(device)
        assert AlarmId.LOW_RESERVOIR in after
        listed = Programmer(device, "another").ask(m.ListAlarms(after_occurrence=0))
        assert isinstance(listed, m.AlarmList)
        assert {alarm.alarm for alarm in told} <= {alarm.alarm for alarm in listed.alarms}
        assert not after & {AlarmId.CONFIGURATION_LOST, AlarmId.MEMORY_FAULT}
        assert device.actuation.sounder is not Sounder.OFF
        report = Programmer(device, "reader").ask(m.ReadConfiguration())
        assert isinstance(report, m.ConfigurationReport)
        committed = m.Done(reference=2) in replies
        assert report.last_refill_id in ((2,) if committed else (1, 2))
        ends.add((committed, report.last_refill_id))
        sequences = [entry.sequence for entry in log_of(device)]
        assert sequences == [*range(1, device.log.next_sequence)]
    assert {(True, 2), (False, 1)} <= ends


def test_an_alarm_told_before_the_cut_stands_before_the_first_telemetry_after_it() -> None:
    """ALM-09: power goes at each operation of the request that follows the alarm."""
    for number in range(1, 9):
        device = make(seed=number)
        act(device, "withdraw", volume="25.5 mL")
        later(device, 2)
        before = present(device)
        assert AlarmId.LOW_RESERVOIR in before
        programmer = Programmer(device)
        programmer.open()
        act(device, "memory_fault", cut_in=number)
        programmer.command(m.RunSelfTest())
        assert present(device) == before
        status = status_of(programmer.ask(m.GetStatus()))
        assert status.alarms_present == len(before)
        assert status.alarms_unacknowledged >= len(before)


def test_a_cut_in_the_boot_itself_waits_for_the_next_sample() -> None:
    """NVM-02, RST-11: a second cut while it recovers."""
    device = make()
    act(device, "memory_fault", cut_in=2)
    act(device, "power_cycle")
    assert device.guard is not None
    assert causes(device)[-2:] == [ResetCause.POWER_ON, ResetCause.BROWN_OUT]
    assert status_of(Programmer(device).ask(m.GetStatus())).drug == "FUDR"


# ---- memory


def test_memory_that_fails_is_an_alarm_of_the_device() -> None:
    """NVM-07."""
    device = make()
    assert act(device, "memory_fault", failing=100) == {"fault": 1}
    later(device, 59)
    assert device.effects.instants == {1: None}
    assert device.truth()["faults"] == {"1": None}
    later(device, 5)
    struck_ns = device.effects.instants[1]
    assert struck_ns is not None
    assert struck_ns % SAMPLE_NS == 0
    assert present(device) == {AlarmId.MEMORY_FAULT}


@pytest.mark.parametrize(
    ("where", "alarms"),
    [
        ("newest", set[AlarmId]()),
        ("older", set[AlarmId]()),
        ("both", {AlarmId.CONFIGURATION_LOST}),
    ],
)
def test_flipped_bits_are_corrected_or_an_alarm(where: str, alarms: set[AlarmId]) -> None:
    """NVM-01, NVM-03."""
    device = make()
    later(device, 130)
    assert act(device, "memory_fault", flip=3, where=where) == {"fault": 1}
    assert device.effects.instants == {1: device.now_ns}
    act(device, "power_cycle")
    later(device, 2)
    assert present(device) == alarms
    corrected = [e for e in log_of(device) if e.kind is EventKind.MEMORY_CORRECTED]
    assert len(corrected) == (not alarms)
    status = status_of(Programmer(device).ask(m.GetStatus()))
    assert status.drug == (None if alarms else "FUDR")
    assert (status.dose_total_ng is None) == bool(alarms)


def test_memory_without_a_record_cannot_rot() -> None:
    device = make("bare")
    with pytest.raises(ValueError, match="0 sound records"):
        act(device, "memory_fault", flip=1)
    assert device.effects.instants == {}


@pytest.mark.parametrize("fault", [{"cut_in": 5}, {"failing": 3}])
def test_a_memory_fault_that_waits_outlives_a_snapshot(fault: dict[str, int]) -> None:
    device = make(seed=3)
    act(device, "memory_fault", **fault)
    copy = restored(device)
    for each in (device, copy):
        later(each, 70)
    assert copy.truth() == device.truth()
    assert copy.effects.instants[1] is not None
    assert log_of(copy) == log_of(device)


def test_what_a_chip_holds_back_outlives_a_snapshot() -> None:
    device = make("bare")
    device.chip.write(5, b"held back")
    copy = restored(device)
    assert copy.chip.read(5, 9) == b"held back"
    copy.chip.sync()
    assert copy.memory.read(5, 9) == b"held back"


# ---- the log


def test_a_flood_of_refusals_is_counted_and_told_to_the_link() -> None:
    """LOG-02."""
    device = make()
    programmer = Programmer(device)
    act(device, "withdraw", volume="25.5 mL")
    later(device, 1)
    programmer.open(Role.PATIENT)
    for _ in range(500):
        assert reason(programmer.command(m.BeginRefill())) is Refusal.ROLE
    device = restored(device)
    device.attach("wire", events=True)
    later(device, 61)
    bodies = [packet.body for _, packet in device.messages_to_send()]
    logged = [body.entry for body in bodies if isinstance(body, m.EventLogged)]
    (counted,) = [entry for entry in logged if entry.kind is EventKind.COMMAND_REFUSED]
    assert counted.repeats == 499
    kinds = [entry.kind for entry in log_of(device)]
    assert kinds.count(EventKind.COMMAND_REFUSED) == 2
    assert EventKind.ALARM_RAISED in kinds


# ---- the control logic (RST-11)


@pytest.mark.parametrize(
    ("how", "fault"),
    [
        ("raises", FirmwareFault.RAISED),
        ("nonsense", FirmwareFault.BAD_OUTCOME),
        ("bad_deadline", FirmwareFault.BAD_DEADLINE),
        ("stalls", FirmwareFault.STALLED),
    ],
)
def test_logic_that_goes_wrong_is_a_named_fault_and_a_new_life(
    how: str, fault: FirmwareFault
) -> None:
    """RST-11: with a sample, with a request, and after a snapshot in between."""
    for call, saved in itertools.product(("sample", "request"), (False, True)):
        device = make()
        later(device, 1)
        assert act(device, "firmware_fault", how=how) == {"fault": 1}
        assert act(device, "firmware_fault", how=how) == {"fault": 2}  # takes its place
        device = restored(device) if saved else device
        assert device.effects.instants == {1: None, 2: None}
        if call == "sample":
            later(device, 1)
        else:
            assert reason(Programmer(device).ask(m.GetStatus())) is Refusal.FIRMWARE_FAULT
        assert device.effects.instants == {1: None, 2: device.now_ns}
        assert causes(device) == [ResetCause.POWER_ON, ResetCause.FIRMWARE_FAULT]
        (named,) = [e for e in log_of(device) if e.kind is EventKind.FIRMWARE_FAULT]
        assert named.subject == fault
        later(device, 5)
        assert causes(device) == [ResetCause.POWER_ON, ResetCause.FIRMWARE_FAULT]
        assert status_of(Programmer(device).ask(m.GetStatus())).drug == "FUDR"


def test_logic_can_go_wrong_at_its_deadline() -> None:
    """RST-11, SEN-06: no sample comes, and the call that should notice fails."""
    device, _ = watchful()
    act(device, "converter_fault", how="silent")
    act(device, "firmware_fault", how="raises")
    later(device, 5)
    assert device.effects.instants[2] == pytest.approx(3 * SAMPLE_NS, rel=1e-4)
    assert causes(device) == [ResetCause.POWER_ON, ResetCause.FIRMWARE_FAULT]


def test_logic_that_does_not_run_cannot_go_wrong() -> None:
    with pytest.raises(ValueError, match="no control logic"):
        act(make("bare"), "firmware_fault", how="raises")


# ---- the converter (SEN-06)


def watchful() -> tuple[Device, Watchful]:
    device = make("tests.device.broken_logic:Watchful")
    assert device.guard is not None
    logic = device.guard.logic
    assert isinstance(logic, Watchful)
    return device, logic


@pytest.mark.parametrize("how", ["frozen", "silent"])
def test_a_converter_that_hangs_meets_the_logics_own_deadline(how: str) -> None:
    """SEN-06: deadlines and telemetry go on, and no old sample is given as a new one."""
    device, logic = watchful()
    later(device, 3)
    device.attach("wire", SAMPLE_NS)
    device.messages_to_send()
    assert act(device, "converter_fault", how=how) == {"fault": 1}
    given = len(logic.given)
    later(device, 10)
    assert device.effects.instants == {1: 4 * SAMPLE_NS}
    assert len(logic.given) == given
    assert len(logic.missed) == 3
    told = [p.body for _, p in device.messages_to_send() if isinstance(p.body, m.Telemetry)]
    assert len(told) >= 10
    assert [body.status.sample_sequence for body in told][:2] == [3, 3]
    assert {body.status.sample_sequence for body in told} == {3, None}  # forgotten in time
    assert act(device, "converter_fault", how="sound") == {}
    later(device, 2)
    assert [readings.sequence for readings in logic.given[given:]] == [14, 15]


def test_a_bare_device_passes_on_what_its_converter_delivers() -> None:
    """SEN-06: the sequence tells a repeated sample from a new one."""
    for how, sequences in (("frozen", [1, 1, 1]), ("silent", [1])):
        device = make("bare")
        programmer = Programmer(device)
        programmer.ask(m.SubscribeSamples(enabled=True))
        later(device, 1)
        act(device, "converter_fault", how=how)
        later(device, 2)
        programmer.collect()
        samples = [p.body for p in programmer.notices if isinstance(p.body, m.Sampled)]
        assert [sample.readings.sequence for sample in samples] == sequences


course = st.lists(
    st.tuples(st.integers(0, 7 * SAMPLE_NS), st.sampled_from(["frozen", "silent", "sound"])),
    max_size=12,
)


@settings(max_examples=30, deadline=None)
@given(course)
def test_no_sample_is_given_twice_whatever_the_converter_does(
    course: list[tuple[int, str]],
) -> None:
    """SEN-06: samples delayed, repeated, dropped: each one given is new and of its own minute."""
    device, logic = watchful()
    given: dict[int, int] = {}  # sample by instant
    for wait_ns, how in course:
        until_ns = device.now_ns + wait_ns
        while device.now_ns < until_ns:
            device.advance(min(device.next_deadline(), until_ns))
            if logic.given[-1].sequence not in given.values():
                given[device.now_ns] = logic.given[-1].sequence
        act(device, "converter_fault", how=how)
    sequences = [readings.sequence for readings in logic.given]
    assert sequences == sorted(set(sequences))
    assert all(at_ns == sequence * SAMPLE_NS for at_ns, sequence in given.items() if sequence)


def test_a_hanging_converter_outlives_a_snapshot_and_a_reset() -> None:
    """SEN-06: logic that boots while it hangs gets no sample from before."""
    device = make()
    later(device, 2)
    act(device, "converter_fault", how="frozen")
    copy = restored(device)
    for each in (device, copy):
        act(each, "power_cycle")
        later(each, 3)
    assert copy.truth() == device.truth()
    assert status_of(Programmer(copy).ask(m.GetStatus())).sample_sequence is None


# ---- what took effect


def test_a_fault_tells_when_it_took_effect() -> None:
    device = make()
    device.advance(SAMPLE_NS // 2)
    asked = [
        act(device, "plant_condition", name="restrictor_conductance_factor", value=0.5),
        act(device, "oscillator_fault", error_ppm=5.0),
        act(device, "clock_fault", back="1 h"),
        act(device, "sensor_fault", channel="temperature_mk", bias=500),
        act(device, "sensor_fault", channel="pocket_pressure_pa", spike=9_000, spike_every=4),
        act(device, "sensor_fault", channel="fill_level_nl", gain=1.0, stale=True),
        act(device, "battery_fault", drop_mv=400),
    ]
    assert asked == [{"fault": number} for number in range(1, 8)]
    now_ns = SAMPLE_NS // 2
    assert [*device.effects.instants.values()] == [now_ns] * 3 + [None] * 4
    later(device, 6)
    minutes = [None if at is None else at / SAMPLE_NS for at in device.effects.instants.values()]
    assert minutes[:5] == [0.5, 0.5, 0.5, 1.0, 4.0]
    assert minutes[5] in (2.0, 3.0)  # the first reading is held: only later ones can differ
    assert minutes[6] == 1.0
    assert device.readings is not None
    assert device.readings.battery_mv == pytest.approx(2_500, abs=10)


def test_what_is_mended_before_it_took_effect_never_does() -> None:
    device = make()
    act(device, "sensor_fault", channel="temperature_mk", missing=True)
    act(device, "battery_fault", drop_mv=1)
    act(device, "converter_fault", how="silent")
    assert act(device, "sensor_fault", channel="temperature_mk") == {}
    assert act(device, "battery_fault", drop_mv=0) == {}
    assert act(device, "converter_fault", how="sound") == {}
    later(device, 3)
    assert device.effects.instants == {1: None, 2: None, 3: None}
    assert restored(device).effects.instants == device.effects.instants


def test_only_so_many_faults_are_remembered() -> None:
    device = make()
    act(device, "converter_fault", how="silent")
    for _ in range(1_000):
        act(device, "clock_fault")
    later(device, 1)  # the forgotten one strikes unseen
    assert [*device.effects.instants] == [*range(2, 1_002)]


def test_a_weak_battery_outlives_a_snapshot_and_an_hour() -> None:
    device = make()
    act(device, "battery_fault", drop_mv=600)
    copy = restored(device)
    for each in (device, copy):
        each.advance(3 * HOUR_NS)
        assert each.readings is not None
        assert each.readings.battery_mv == pytest.approx(2_300, abs=10)
    assert copy.readings == device.readings
    act(device, "battery_fault", drop_mv=3_999)
    later(device, 1)
    assert device.readings is not None
    assert device.readings.battery_mv in range(10)


def test_a_mute_device_takes_its_faults() -> None:
    """RST-11: logic that cannot boot leaves everything else at work."""
    device = with_logic("Unbootable").device
    act(device, "memory_fault", cut_in=1)
    later(device, 3)
    assert isinstance(Programmer(device).ask(m.Identify()), m.Identity)


@pytest.mark.parametrize(("cause", "torn"), [("brown_out", True), ("watchdog", False)])
def test_only_a_lost_supply_costs_what_was_not_synced(cause: str, torn: bool) -> None:  # noqa: FBT001
    """NVM-02."""
    left = set()
    for seed in range(20):
        device = make("bare", seed)
        device.chip.write(0, b"1234")
        act(device, "power_cycle", cause=cause)
        left.add(device.chip.read(0, 4))
    assert (left != {b"1234"}) == torn
