"""Estimates against the truth: real plant, real sensors, the logic's intervals."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.control import Interval, Request
from protocol.messages import (
    MAX_LIST,
    AcknowledgeAlarm,
    AlarmList,
    BeginRefill,
    Done,
    ListAlarms,
    LogEntry,
)
from protocol.vocabulary import AlarmId, Cause, EventKind, Quality, Role
from pumpsim import pumpfile
from pumpsim.device import SAMPLE_NS, Device
from pumpsim.firmware import ReferenceLogic
from pumpsim.firmware.flow import WIDEST_PPM, FlowModel
from pumpsim.plant.parameters import PatientParameters, PumpParameters
from pumpsim.plant.plant import Plant
from pumpsim.plant.properties import water_viscosity_pa_s
from pumpsim.stimuli import ADAPTER, HOUR
from tests.firmware.usual import USUAL

DAY = 24 * HOUR


def implanted(seed: int = 1) -> Device:
    device = Device(pumpfile.demo(), seed)
    device.implant()
    return device


def act(device: Device, **fields: object) -> None:
    device.stimulate(device.now_ns, ADAPTER.validate_python(fields))


def quality(device: Device) -> Quality:
    beliefs = device.beliefs
    assert beliefs is not None
    assert beliefs.flow_nl_per_h is not None
    return beliefs.flow_nl_per_h.quality


def causes(device: Device) -> tuple[Cause, ...]:
    assert device.beliefs is not None
    return device.beliefs.causes


def alarms(device: Device) -> set[AlarmId]:
    assert device.beliefs is not None
    return set(device.beliefs.alarms)


def acknowledge_all(device: Device) -> None:
    listed = device.ask_logic(Request(ListAlarms(after_occurrence=0), Role.CLINICIAN, 1))
    assert isinstance(listed, AlarmList)
    for a in listed.alarms:
        body = AcknowledgeAlarm(alarm=a.alarm, occurrence=a.occurrence)
        assert device.ask_logic(Request(body, Role.CLINICIAN, 1)) == Done()


def contains(interval: Interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high


def watch(device: Device, until_ns: int) -> None:
    """Every sample: truth inside belief."""
    while device.now_ns < until_ns:
        device.advance(device.now_ns + SAMPLE_NS)
        beliefs, state = device.beliefs, device.plant.state
        assert beliefs is not None
        if beliefs.flow_nl_per_h is not None:
            assert contains(beliefs.flow_nl_per_h, state.flow_m3_per_s * 3_600e12)
        if beliefs.residual_volume_nl is not None:
            assert contains(beliefs.residual_volume_nl, state.reservoir_volume_m3 * 1e12)


LIVES = st.lists(
    st.sampled_from(
        [
            {"kind": "fever", "rise": "2.5 K", "ramp": "1 h", "duration": "5 h"},
            {"kind": "warm_bath", "rise": "4 K"},
            {"kind": "altitude", "height": "2400 m", "duration": "3 h"},
            {"kind": "dive", "pressure": "20 kPa"},
        ]
    ),
    max_size=3,
)


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32), life=LIVES, age_days=st.integers(0, 12))
def test_truth_lies_inside_flow_and_volume_through_ordinary_life(
    seed: int, life: list[dict[str, str]], age_days: int
) -> None:
    """FLW-01, ENV-01."""
    device = implanted(seed)
    for stimulus in life:
        act(device, **stimulus)
        watch(device, device.now_ns + 2 * HOUR)
    device.advance(age_days * DAY)
    watch(device, device.now_ns + 2 * HOUR)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32), age_h=st.integers(1, 60), minutes=st.integers(0, 20))
def test_truth_lies_inside_flow_and_volume_while_a_reservoir_is_emptied_and_filled(
    seed: int, age_h: int, minutes: int
) -> None:
    """FLW-01, FLW-08: a syringe draws all there is; the flow stops, and comes back cold."""
    device = implanted(seed)
    device.advance(age_h * HOUR)
    device.ask_logic(Request(BeginRefill(), Role.CLINICIAN, 1))
    watch(device, device.now_ns + 2 * SAMPLE_NS)
    act(device, kind="withdraw")
    watch(device, device.now_ns + minutes * SAMPLE_NS)
    act(device, kind="fill", volume="28 mL", drug="FUDR", concentration="6.46 mg/mL")
    watch(device, device.now_ns + 5 * SAMPLE_NS)


@given(
    pump_k=st.floats(300.0, 316.0),
    ambient_pa=st.floats(75_000.0, 140_000.0),
    viscosity=st.sampled_from([1.0, 1.014, 2.25]),
)
def test_the_flow_model_agrees_with_the_physics_over_the_envelope(
    pump_k: float, ambient_pa: float, viscosity: float
) -> None:
    """ENV-01: within e_flow, over temperature and pressure."""
    plant = Plant(PumpParameters(), PatientParameters(), 1)
    hydraulics = plant._physics._hydraulics
    reservoir_pa = hydraulics.reservoir_pa(15e-6, pump_k, 0)
    catheter_pa = ambient_pa + 12_399.0
    fluidity = 1.0 / (water_viscosity_pa_s(pump_k) * viscosity)
    truth = hydraulics.inlet_m3 * fluidity * (reservoir_pa - catheter_pa) * 3_600e12
    report = pumpfile.demo().report()
    assert report.configuration is not None
    model = FlowModel(report.configuration, round(viscosity * 1_000))
    sample = USUAL._replace(
        reservoir_pressure_pa=round(reservoir_pa),
        catheter_pressure_pa=round(catheter_pa),
        pocket_pressure_pa=round(ambient_pa),
        temperature_mk=round(pump_k * 1e3),
    )
    flow = model.estimate(sample)
    assert flow is not None
    assert contains(flow, truth)
    assert flow.estimate == pytest.approx(truth, rel=0.002)
    assert flow.quality is Quality.GOOD
    assert (flow.high - flow.estimate) * 1_000_000 <= flow.estimate * WIDEST_PPM


def test_beyond_the_envelope_an_estimate_is_marked_as_extrapolated() -> None:
    """ENV-02."""
    device = implanted()
    device.advance(HOUR)
    assert quality(device) is Quality.GOOD
    act(device, kind="altitude", height="3500 m")
    device.advance(2 * HOUR)
    assert quality(device) is Quality.DEGRADED


FAULTS = {
    "fast": ("plant_condition", "restrictor_conductance_factor", 1.3, Cause.RESTRICTOR_FAST),
    "broken": ("plant_condition", "restrictor_conductance_factor", 3.0, Cause.RESTRICTOR_FAST),
    "clogged": ("plant_condition", "restrictor_conductance_factor", 0.7, Cause.RESTRICTOR_SLOW),
    "stopped": ("plant_condition", "restrictor_conductance_factor", 0.0, Cause.RESTRICTOR_SLOW),
    "clot": ("plant_condition", "catheter_extra_resistance_ratio", 0.25, Cause.CATHETER_OCCLUDED),
    "blocked": ("plant_condition", "catheter_extra_resistance_ratio", 1e6, Cause.CATHETER_OCCLUDED),
    "off": ("plant_condition", "catheter_disconnected", 1.0, Cause.CATHETER_OFF),
    "leak": ("plant_condition", "septum_leak_ml_per_day", 3.5, Cause.SEPTUM_LEAK),
    "loss": ("plant_condition", "propellant_pressure_factor", 0.9, Cause.PROPELLANT_LOSS),
    "reservoir high": (
        "sensor_fault",
        "reservoir_pressure_pa",
        50_000,
        Cause.RESERVOIR_PRESSURE_SENSOR,
    ),
    "reservoir low": (
        "sensor_fault",
        "reservoir_pressure_pa",
        -50_000,
        Cause.RESERVOIR_PRESSURE_SENSOR,
    ),
    "catheter high": (
        "sensor_fault",
        "catheter_pressure_pa",
        50_000,
        Cause.CATHETER_PRESSURE_SENSOR,
    ),
    "catheter low": (
        "sensor_fault",
        "catheter_pressure_pa",
        -50_000,
        Cause.CATHETER_PRESSURE_SENSOR,
    ),
    "pocket high": ("sensor_fault", "pocket_pressure_pa", 50_000, Cause.POCKET_PRESSURE_SENSOR),
    "pocket low": ("sensor_fault", "pocket_pressure_pa", -40_000, Cause.POCKET_PRESSURE_SENSOR),
    "hot": ("sensor_fault", "temperature_mk", 3_000, Cause.TEMPERATURE_SENSOR),
    "cold": ("sensor_fault", "temperature_mk", -3_000, Cause.TEMPERATURE_SENSOR),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_true_cause_is_always_among_those_told(name: str, seed: int) -> None:
    """Whenever any cause is reported, from the fault on."""
    kind, what, value, cause = FAULTS[name]
    device = implanted(seed)
    device.advance(8 * HOUR)
    assert causes(device) == ()
    if kind == "plant_condition":
        act(device, kind=kind, name=what, value=value)
    else:
        act(device, kind=kind, channel=what, bias=value)
    told: set[tuple[Cause, ...]] = set()
    for _ in range(24 * 6):
        device.advance(device.now_ns + HOUR // 6)
        now = causes(device)
        assert not now or cause in now
        told.add(now)
    assert any(0 < len(now) < len(Cause) // 2 for now in told)


def test_what_is_blocked_is_not_delivered_until_it_is_released() -> None:
    """OCC-04: a tenth is counted before the pressure tells; of all of it nothing gets lost."""
    device = implanted()
    device.advance(8 * HOUR)
    act(device, kind="plant_condition", name="catheter_extra_resistance_ratio", value=1e6)
    believed_nl, reservoir_fl = delivered_nl(device), device.plant.ledger.reservoir_fl
    device.advance(device.now_ns + 6 * HOUR)
    left_nl = (reservoir_fl - device.plant.ledger.reservoir_fl) / 1e6
    assert 0 <= delivered_nl(device) - believed_nl < 0.1 * left_nl
    act(device, kind="plant_condition", name="catheter_extra_resistance_ratio", value=0)
    device.advance(device.now_ns + HOUR)
    left_nl = (reservoir_fl - device.plant.ledger.reservoir_fl) / 1e6
    assert delivered_nl(device) - believed_nl == pytest.approx(left_nl, rel=0.02)


def delivered_nl(device: Device) -> int:
    assert device.beliefs is not None
    return device.beliefs.delivered_total_nl


def test_a_release_tells_the_volume_that_was_stored() -> None:
    """OCC-03: within a quarter of the truth."""
    device = implanted()
    device.advance(8 * HOUR)
    act(device, kind="plant_condition", name="catheter_extra_resistance_ratio", value=1e6)
    device.advance(device.now_ns + 6 * HOUR)
    held_before = device.plant.ledger.catheter_fl
    act(device, kind="plant_condition", name="catheter_extra_resistance_ratio", value=0)
    device.advance(device.now_ns + 3 * SAMPLE_NS)
    released_nl = (held_before - device.plant.ledger.catheter_fl) / 1e6
    entries: list[LogEntry] = []
    while (page := device.log.page(len(entries) + 1, MAX_LIST)).entries:
        entries += page.entries
    told = [entry.value for entry in entries if entry.kind is EventKind.OCCLUSION_RELEASED]
    assert told == [pytest.approx(released_nl, rel=0.25)]


def test_a_fever_is_not_believed_by_one_channel_alone() -> None:
    """ENV-05: the sensor that corrects the flow cannot tell a fever by itself."""
    device = implanted()
    device.advance(2 * HOUR)
    act(device, kind="sensor_fault", channel="temperature_mk", bias=4_000)
    device.advance(8 * HOUR)
    assert device.beliefs is not None
    assert AlarmId.TEMPERATURE_HIGH not in device.beliefs.alarms
    assert {AlarmId.PROPELLANT_LOW, AlarmId.SENSOR_CONFLICT} <= alarms(device)
    assert Cause.TEMPERATURE_SENSOR in causes(device)


@pytest.mark.slow
@pytest.mark.parametrize("leak_first", [True, False])
@pytest.mark.parametrize("known", [True, False])
def test_a_fever_beside_a_propellant_leak_is_not_hidden_by_it(
    *, leak_first: bool, known: bool
) -> None:
    """ENV-02, SEN-05: each denies the other; a new alarm sounds, and none that stood ends."""
    device = implanted()
    device.advance(8 * HOUR)
    fever = {"kind": "fever", "rise": "5 K", "ramp": "1 h", "duration": "5 d"}
    leak = {"kind": "plant_condition", "name": "propellant_pressure_factor", "value": 0.9}
    first, second = (leak, fever) if leak_first else (fever, leak)
    act(device, **first)
    device.advance(20 * HOUR)
    stood = alarms(device)
    if known:
        acknowledge_all(device)
    act(device, **second)
    for _ in range(20 * 12):
        device.advance(device.now_ns + HOUR // 12)
        assert stood & {AlarmId.TEMPERATURE_HIGH, AlarmId.PROPELLANT_LOW} <= alarms(device)
    told = alarms(device)
    assert AlarmId.PROPELLANT_LOW in told
    assert told & {AlarmId.TEMPERATURE_HIGH, AlarmId.SENSOR_CONFLICT}
    assert told - stood


def uncertain(device: Device) -> int:
    assert device.guard is not None
    assert isinstance(device.guard.logic, ReferenceLogic)
    return device.guard.logic._state.account.uncertain_nl


@pytest.mark.parametrize("factor", [1.3, 0.7])
def test_a_contradicted_flow_is_believed_as_the_level_has_it(factor: float) -> None:
    """SEN-05, FLW-01, DOS-01: truth inside; the higher channel counts, the gap is doubted."""
    device = implanted()
    device.advance(8 * HOUR)
    act(device, kind="plant_condition", name="restrictor_conductance_factor", value=factor)
    device.advance(20 * HOUR)
    assert device.beliefs is not None
    before, pumped_fl = device.beliefs, device.plant.ledger.reservoir_fl
    uncertain_nl = uncertain(device)
    watch(device, 44 * HOUR)
    counted_nl = device.beliefs.delivered_total_nl - before.delivered_total_nl
    doubted_nl = uncertain(device) - uncertain_nl
    left_nl = (pumped_fl - device.plant.ledger.reservoir_fl) / 1e6
    by_level_nl = counted_nl if factor > 1 else counted_nl - doubted_nl
    assert by_level_nl == pytest.approx(left_nl, rel=0.05)
    assert doubted_nl == pytest.approx(abs(left_nl - left_nl / factor), rel=0.15)
    assert quality(device) is Quality.DEGRADED


def test_a_level_that_lies_halves_no_dose() -> None:
    """SEN-05, DOS-02: at 1.3 times nominal, of which the level tells half."""
    device = implanted()
    device.advance(8 * HOUR)
    act(device, kind="sensor_fault", channel="fill_level_nl", gain=0.5)
    device.advance(20 * HOUR)
    assert AlarmId.BALANCE_FAULT in alarms(device)
    assert device.beliefs is not None
    act(device, kind="fever", rise="3 K", ramp="1 h", duration="20 d")
    act(device, kind="altitude", height="2400 m", ramp="1 h", duration="20 d")
    before, pumped_fl = device.beliefs, device.plant.ledger.reservoir_fl
    uncertain_nl = uncertain(device)
    device.advance(3 * DAY)
    counted_nl = device.beliefs.delivered_total_nl - before.delivered_total_nl
    doubted_nl = uncertain(device) - uncertain_nl
    left_nl = (pumped_fl - device.plant.ledger.reservoir_fl) / 1e6
    assert counted_nl == pytest.approx(left_nl, rel=0.03)
    assert doubted_nl == pytest.approx(left_nl / 2, rel=0.2)
    assert AlarmId.DOSE_LIMIT in alarms(device)


@pytest.mark.slow
@pytest.mark.parametrize("ends", [False, True])
def test_what_the_level_told_does_not_outlive_it(*, ends: bool) -> None:
    """SEN-06: after it died the pressures are counted, whether the leak goes on or not."""
    device = implanted()
    device.advance(8 * HOUR)
    act(device, kind="plant_condition", name="septum_leak_ml_per_day", value=5.0)
    device.advance(24 * HOUR)
    act(device, kind="sensor_fault", channel="fill_level_nl", missing=True)
    device.advance(25 * HOUR)
    if ends:
        act(device, kind="plant_condition", name="septum_leak_ml_per_day", value=0.0)
    assert device.beliefs is not None
    before_nl = device.beliefs.delivered_total_nl
    device.advance(35 * HOUR)
    assert device.beliefs.delivered_total_nl - before_nl == pytest.approx(10 * 54_000, rel=0.05)
    assert AlarmId.BALANCE_FAULT in alarms(device)
    flow = device.beliefs.flow_nl_per_h
    assert flow is not None
    assert flow.quality is Quality.DEGRADED
    assert contains(flow, 54_000)
    assert contains(flow, 54_000 + 5e6 / 24)  # nobody has told that it has ended
    act(device, kind="sensor_fault", channel="reservoir_pressure_pa", missing=True)
    device.advance(36 * HOUR)
    before_nl = device.beliefs.delivered_total_nl
    device.advance(46 * HOUR)
    assert device.beliefs.delivered_total_nl - before_nl == pytest.approx(10 * 54_000, rel=0.05)


@pytest.mark.parametrize("factor", [1.5, 0.6])
def test_a_contradicted_flow_is_held_beyond_the_envelope_too(factor: float) -> None:
    """FLW-01, ENV-02, SEN-05: thin air does not make the level's evidence unheard."""
    device = implanted()
    device.advance(8 * HOUR)
    act(device, kind="plant_condition", name="restrictor_conductance_factor", value=factor)
    act(device, kind="altitude", height="3000 m", duration="2 d")
    device.advance(22 * HOUR)
    assert alarms(device) >= {AlarmId.BALANCE_FAULT, AlarmId.AMBIENT_PRESSURE}
    watch(device, 24 * HOUR)
    assert quality(device) is Quality.DEGRADED


def test_a_contradicted_flow_without_pressures_is_none() -> None:
    """FLW-01: the level alone goes on being accounted for."""
    device = implanted()
    device.advance(8 * HOUR)
    act(device, kind="plant_condition", name="restrictor_conductance_factor", value=1.4)
    device.advance(20 * HOUR)
    act(device, kind="sensor_fault", channel="reservoir_pressure_pa", missing=True)
    device.advance(21 * HOUR)
    assert device.beliefs is not None
    assert device.beliefs.flow_nl_per_h is None
    before_nl = device.beliefs.delivered_total_nl
    device.advance(22 * HOUR)
    assert device.beliefs.delivered_total_nl - before_nl == pytest.approx(1.4 * 54_167, rel=0.1)
