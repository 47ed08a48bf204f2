"""Faults end by their names, and with them the conditions of the alarms they led to."""

from functools import cache
from typing import Any, Final

import pytest
from pydantic import ValidationError

from protocol import messages as m
from protocol.control import Request
from protocol.vocabulary import AlarmId, Role
from pumpsim.catalogue import CATALOGUE
from pumpsim.catalogue.entry import HOUR_S, MINUTE_S, Fault, samples
from pumpsim.device import Device
from pumpsim.firmware.alarms import TABLE
from pumpsim.performance.states import States
from pumpsim.performance.trial import SECOND_NS, Run
from pumpsim.pumpfile import FillSection, demo
from pumpsim.scenario.file import Event
from pumpsim.scenario.programmer import DeviceBedside
from pumpsim.scenario.visits import Clinic, Refill
from pumpsim.stimuli import ADAPTER, clearance

LASTING: Final = [fault for fault in CATALOGUE.values() if clearance(fault)]
QUICK: Final = ("missing_temperature", "battery_end", "clock_frozen", "memory_write_fails")
MOMENTS: Final = (
    "clock_jump_back",
    "memory_torn_write",
    "firmware_raises",
    "undeclared_needle",
    "fever_40",
)
WINDOW_S: Final = 6 * HOUR_S + 10 * MINUTE_S
"""What the level tells is a line through six hours of ten-minute means (decision 0006)."""
ENDS_WITHIN_S: Final = {
    AlarmId.OVER_INFUSION: WINDOW_S,
    AlarmId.UNDER_INFUSION: WINDOW_S,
    AlarmId.FLOW_STOP: WINDOW_S,
    AlarmId.BALANCE_FAULT: WINDOW_S,
    AlarmId.SENSOR_FAULT: samples(5),  # so many sound readings make a channel trusted again
}
SOON_S: Final = 15 * MINUTE_S
"""Everything else is looked at every ten minutes at least."""


@cache
def states() -> States:
    return States(demo())


def detected(fault: Fault) -> Run:
    """A run at the sample at which it was."""
    run = Run(states(), fault, 1, beyond=False)
    assert fault.visit is None
    trial = run.play()
    assert trial.detected_by, trial
    return run


def act(device: Device, **fields: Any) -> dict[str, int]:
    return device.stimulate(device.now_ns, ADAPTER.validate_python(fields))


def care(device: Device, alarm: AlarmId) -> None:
    """What hands and programmers have to do besides, as nothing ends by itself."""
    if alarm is AlarmId.CLOCK_INVALID:  # TIM-05: until somebody has set it
        true_s = int(device.pump.clock.start.timestamp()) + device.now_ns // SECOND_NS
        reply = device.ask_logic(Request(m.SetClock(rtc_s=true_s), Role.CLINICIAN, 1))
        assert reply == m.Done()
    elif alarm is AlarmId.MEMORY_FAULT:  # NVM-07: until a life has found all of it sound
        act(device, kind="power_cycle")
    elif alarm is AlarmId.LOW_RESERVOIR:
        usual = FillSection(**device.pump.fill.model_dump(mode="json"))
        clinic = Clinic(DeviceBedside(device), device.pump, {"usual": usual})
        clinic.receive(Refill(kind="refill", fill="usual"))
        assert not clinic.journal.refusals


def present(device: Device) -> set[AlarmId]:
    assert device.beliefs is not None
    return set(device.beliefs.alarms)


def occurrences(device: Device) -> dict[AlarmId, bool]:
    """Alarms that are open, and whether their condition is present."""
    told = device.ask_logic(Request(m.ListAlarms(after_occurrence=0), Role.CLINICIAN, 1))
    assert isinstance(told, m.AlarmList)
    return {AlarmId(alarm.alarm): alarm.present for alarm in told.alarms}


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault, marks=() if fault.name in QUICK else pytest.mark.slow, id=fault.name)
        for fault in LASTING
        if fault.expects
    ],
)
def test_the_condition_ends_with_the_fault(fault: Fault) -> None:
    """ALM-08: and what latches stays, for somebody to acknowledge it."""
    run = detected(fault)
    device, alarm = run.device, run.watch.found
    assert isinstance(alarm, AlarmId)
    act(device, kind="fault", name=fault.name, end=True)
    care(device, alarm)
    end_ns = device.now_ns + ENDS_WITHIN_S.get(alarm, SOON_S) * SECOND_NS
    while alarm in present(device) and device.now_ns < end_ns:
        device.advance(device.sample_ns)
    assert alarm not in present(device)
    assert occurrences(device).get(alarm) is (False if TABLE[alarm].latching else None)


@pytest.mark.parametrize("name", ["occlusion_complete", "no_flow_evidence", "converter_silent"])
def test_what_was_broken_is_as_it_was(name: str) -> None:
    device = Device(demo(), seed=1)
    device.implant()
    sound = {key: device.truth()[key] for key in ("conditions", "sensor_faults")}, device.converter
    act(device, kind="fault", name=name)
    act(device, kind="fault", name=name, end=True)
    truth = device.truth()
    assert ({key: truth[key] for key in sound[0]}, device.converter) == sound


@pytest.mark.parametrize("name", MOMENTS)
def test_what_is_a_moment_has_no_end(name: str) -> None:
    with pytest.raises(ValidationError, match=f"{name} is over by itself, or cannot be undone"):
        ADAPTER.validate_python({"kind": "fault", "name": name, "end": True})


def test_an_end_has_no_severity() -> None:
    named = {"kind": "fault", "name": "septum_leak", "severity": 4.0, "end": True}
    with pytest.raises(ValidationError, match="an end has no degrees: leave severity out"):
        ADAPTER.validate_python(named)


def test_a_scenario_ends_it_too() -> None:
    event = Event.model_validate({"at": "3 d", "do": "fault", "name": "flow_stop", "end": True})
    device = Device(demo(), seed=1)
    device.implant()
    act(device, kind="fault", name="flow_stop")
    assert device.plant.conditions["restrictor_conductance_factor"] == 0.0
    device.stimulate(device.now_ns, event.action)
    assert device.plant.conditions["restrictor_conductance_factor"] == 1.0


def test_what_lasts_can_be_ended() -> None:
    """Of faults that are one act and no moment, each has an end."""
    lasting = {fault.name for fault in LASTING}
    assert not lasting & set(MOMENTS)
    assert {fault.name for fault in CATALOGUE.values() if fault.name.startswith("stuck_")} < lasting
    assert len(lasting) > 70
