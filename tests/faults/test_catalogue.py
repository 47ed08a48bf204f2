"""The catalogue: complete, sound data, and settable wherever a stimulus is."""

import re
from typing import Any, Final

import pytest
from pydantic import TypeAdapter, ValidationError

from protocol.vocabulary import AlarmId, EventKind
from pumpsim import stimuli
from pumpsim.catalogue import CATALOGUE
from pumpsim.catalogue.entry import SAMPLE_S, Fault, Severity
from pumpsim.device import Device
from pumpsim.firmware.alarms import TABLE
from pumpsim.performance.effects import EFFECTS
from pumpsim.pumpfile import demo
from pumpsim.scenario.file import Event
from pumpsim.scenario.visits import AnyVisit
from pumpsim.sensors import NAMES

VISIT: Final[TypeAdapter[Any]] = TypeAdapter(AnyVisit)
NOT_TRIED: Final = {
    AlarmId.EMPTY_RESERVOIR,  # behind a low one: see low_reservoir_of_a_fast_pump
    AlarmId.REFILL_DUE,  # ordinary life
    AlarmId.OVERFILL,  # refused by the pump, and the plant takes no more
    AlarmId.OFF_PLAN,  # needs a plan in the pump file
    AlarmId.DOSE_LIMIT,  # follows from what is prescribed, not from a fault
}
FORESEEN: Final = {AlarmId.LOW_RESERVOIR, AlarmId.REFILL_OVERDUE}
"""What it takes for these comes on slowly: the effect is counted from before any pump may alarm."""
DOMAIN_ROWS: Final = {
    "fast restrictor": ("restrictor_fast",),
    "broken restrictor": ("restrictor_broken",),
    "clogged filter or restrictor; precipitate; viscous fill": (
        "restrictor_clogged",
        "viscous_fill",
    ),
    "flow stop upstream": ("flow_stop",),
    "catheter occlusion, complete": ("occlusion_complete",),
    "catheter clot, partial": ("occlusion_partial",),
    "occlusion lets go": ("occlusion_release",),
    "catheter disconnect": ("catheter_disconnected",),
    "partial catheter leak": ("catheter_leak_partial",),
    "septum leak": ("septum_leak",),
    "pocket fill": ("pocket_fill", "refill_without_syringe"),
    "undeclared needle": ("undeclared_needle", "undeclared_fill"),
    "wrong refill volume typed": (
        "wrong_refill_volume",
        "wrong_refill_volume_low",
        "wrong_withdrawn_volume",
    ),
    "refill through the bolus path": ("refill_bolus_path",),
    "fill sensor: gain": ("fill_sensor_gain",),
    "fill sensor: stuck in range": ("fill_sensor_stuck",),
    "pressure sensor: bias": (
        "reservoir_pressure_bias_high",
        "reservoir_pressure_bias_low",
        "catheter_pressure_bias_high",
        "catheter_pressure_bias_low",
        "pocket_pressure_bias_high",
        "pocket_pressure_bias_low",
    ),
    "temperature sensor: bias": ("temperature_bias_high", "temperature_bias_low"),
    "any sensor: rail, spike, stale, missing": tuple(
        f"{kind}_{name.rpartition('_')[0]}"
        for name in NAMES
        for kind in ("rail_high", "spike", "stuck", "missing")
        if (kind, name) != ("stuck", "fill_level_nl")
    ),
    "any sensor: drift (SEN-03)": tuple(
        f"drift_{side}_{name}"
        for name in ("reservoir_pressure", "catheter_pressure", "temperature", "fill_level")
        for side in ("up", "down")
    ),
    "propellant leak": ("propellant_leak",),
    "air in reservoir": ("gas_in_reservoir",),
    "fever, heat": ("fever_40",),
    "altitude, depth": ("altitude_low_pressure", "depth_high_pressure"),
    "hyperbaric reflux": ("hyperbaric_reflux",),
    "clock: jump, freeze, drift, garbage": (
        "clock_jump_forward",
        "clock_jump_back",
        "clock_frozen",
        "clock_garbage",
        "clock_flag_invalid",
        "oscillator_stopped",
        "oscillator_off",
    ),
    "memory: torn write, bit flip, both copies bad": (
        "memory_torn_write",
        "memory_bit_flip_one_copy",
        "memory_both_copies",
        "memory_write_fails",
    ),
    "power loss, brown-out, boot loop": ("power_cycles",),
    "any link (COM-01, COM-03, COM-04, COM-06, COM-09, COM-10)": (
        "link_silent",
        "link_loss",
        "link_corruption",
        "link_duplicates",
        "link_replay",
        "link_stalled",
    ),
    "battery: low, end of service": ("battery_low", "battery_end"),
    "logic: raises, stalls, nonsense": (
        "firmware_raises",
        "firmware_stalls",
        "firmware_nonsense",
    ),
}


def test_every_row_of_the_domain_facts_has_its_faults() -> None:
    """ALM-01: complete against the list of what went wrong in the field."""
    missing = {name for names in DOMAIN_ROWS.values() for name in names} - set(CATALOGUE)
    assert not missing


def test_every_alarm_is_tried_or_says_why_not() -> None:
    """ALM-01."""
    expected = [word for fault in CATALOGUE.values() for word in fault.expects]
    alarms = {word for word in expected if isinstance(word, AlarmId)}
    assert set(AlarmId) - alarms == NOT_TRIED


@pytest.mark.parametrize(
    "alarm", sorted(set(AlarmId) - NOT_TRIED - FORESEEN), ids=lambda alarm: alarm.name
)
def test_the_bound_of_the_alarm_s_row_is_tried(alarm: AlarmId) -> None:
    """ALM-01: what the table of alarms promises, some fault of the catalogue asks for."""
    bounds_s = [fault.bound_s for fault in CATALOGUE.values() if fault.awaits(alarm)]
    assert min(bounds_s) <= max(TABLE[alarm].within_s, SAMPLE_S)


def test_names_are_unique_words() -> None:
    names = [*CATALOGUE]
    assert [fault.name for fault in CATALOGUE.values()] == names
    assert [name for name in names if not re.fullmatch(r"[a-z][a-z0-9_]*", name)] == []
    assert max(map(len, names)) <= 29  # the table's first column


@pytest.mark.parametrize("fault", CATALOGUE.values(), ids=lambda fault: fault.name)
def test_an_entry_is_sound(fault: Fault) -> None:
    assert fault.sentence.endswith(".")
    assert bool(fault.expects) is bool(fault.bound_s) is not bool(fault.not_promised)
    if fault.expects:
        assert fault.effect_name() in EFFECTS
    severities = [0.0]
    if fault.severity is not None:
        stated, worst, unit, _, of = fault.severity
        assert stated != worst
        assert bool(unit) is not bool(of)  # a number says of what it is
        severities = [stated, worst, stated + 0.37 * (worst - stated)]
    for severity in severities:
        for step in fault.steps_at(severity):
            stimuli.ADAPTER.validate_python(step.stimulus)
        visit = fault.visit_at(severity)
        assert visit is None or VISIT.validate_python(visit)


def test_severities_read_as_a_stimulus_takes_them() -> None:
    assert Severity(0.7, 0.2).word(0.45) == 0.45
    assert Severity(3.5, 10.0, "mL").word(3.5) == "3.5 mL"
    assert Severity(50_000, 100_000).word(61_234.7) == 61_235
    assert Severity(3_000, 6_000, "m").word(3_000.4) == "3000 m"


def test_a_fault_is_set_by_its_name() -> None:
    """By the control API's body, at its stated severity or another one."""
    device = Device(demo(), seed=1)
    device.implant()
    device.stimulate(0, stimuli.ADAPTER.validate_python({"kind": "fault", "name": "septum_leak"}))
    assert device.plant.conditions["septum_leak_ml_per_day"] == 3.5
    named = {"kind": "fault", "name": "restrictor_clogged", "severity": 0.5}
    device.stimulate(0, stimuli.ADAPTER.validate_python(named))
    assert device.plant.conditions["restrictor_conductance_factor"] == 0.5


def test_a_scenario_takes_it_too() -> None:
    event = Event.model_validate({"at": "3 d", "do": "fault", "name": "fever_40"})
    assert isinstance(event.action, stimuli.NamedFault)
    assert event.action.name == "fever_40"


def test_a_wrong_name_is_told_the_right_one() -> None:
    with pytest.raises(ValidationError, match="did you mean 'septum_leak'"):
        stimuli.ADAPTER.validate_python({"kind": "fault", "name": "septum_leek"})


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("pocket_fill", r"refill \(fill = usual, into = pocket\)"),
        ("wrong_refill_volume", r"refill \(fill = usual, volume = .+ mL\)"),
        ("power_cycles", r"power_cycle \(cause = brown_out\), 7200 s later power_cycle"),
        ("refill_overdue", "nothing, only time"),
    ],
)
def test_what_is_no_single_act_is_refused_and_its_parts_are_told(name: str, parts: str) -> None:
    with pytest.raises(ValidationError, match=f"{name} is no single act; its parts are {parts}"):
        stimuli.ADAPTER.validate_python({"kind": "fault", "name": name})


@pytest.mark.parametrize(
    ("name", "severity", "hint"),
    [
        (
            "septum_leak",
            -1,
            "must lie between 0.0, which is no fault, and 10.0 mL/day; stated is 3.5",
        ),
        ("septum_leak", 500, "that of septum_leak must lie between"),
        ("septum_leak", 0, "must lie between"),
        ("restrictor_clogged", 1.3, "must lie between 1.0, which is no fault, and 0.2"),
        ("temperature_bias_low", 100, "must lie between 0, which is no fault, and"),
        ("undeclared_fill", 0.0001, "must lie between 0.0 mL"),
        ("occlusion_complete", 2.0, "occlusion_complete has no degrees"),
    ],
)
def test_a_severity_that_the_fault_cannot_have_is_refused(
    name: str, severity: float, hint: str
) -> None:
    with pytest.raises(ValidationError, match=hint) as refused:
        stimuli.ADAPTER.validate_python({"kind": "fault", "name": name, "severity": severity})
    [error] = refused.value.errors()
    assert error["loc"] == ("fault", "severity")


@pytest.mark.parametrize("fault", CATALOGUE.values(), ids=lambda fault: fault.name)
def test_a_milder_severity_is_one_that_its_stimuli_take(fault: Fault) -> None:
    """Whatever lies between no fault and the worst can be set: nothing is refused as it acts."""
    if fault.severity is None or fault.visit is not None:
        return
    stated, worst, _, nothing, _ = fault.severity
    least = 1 if isinstance(stated, int) else 0.001
    mildest = nothing + least if worst > nothing else nothing - least
    for severity in (mildest, (nothing + stated) / 2, worst):
        assert fault.severity.why_not(severity) is None
        for step in fault.steps_at(severity):
            stimuli.ADAPTER.validate_python(step.stimulus)
    assert fault.severity.why_not(nothing)
    assert (nothing < stated < worst) or (nothing > stated > worst)


def test_an_alarm_and_an_event_of_one_number_are_told_apart() -> None:
    number = int(EventKind.OCCLUSION_RELEASED)
    assert number in list(AlarmId)
    release = CATALOGUE["occlusion_release"]
    assert release.awaits(EventKind.OCCLUSION_RELEASED)
    assert not release.awaits(AlarmId(number))
