"""Faults of pump, catheter and surroundings (domain facts, section 4)."""

from typing import Final

from protocol.vocabulary import AlarmId, EventKind
from pumpsim.catalogue.entry import (
    BEFORE_REFILL,
    DAY_S,
    HOUR_S,
    MINUTE_S,
    SEVERITY,
    Fault,
    Severity,
    Step,
    at_once,
    samples,
)

RESTRICTOR: Final = "restrictor_conductance_factor"
CLOT: Final = "catheter_extra_resistance_ratio"


def _condition(name: str, value: float | str = SEVERITY) -> tuple[Step, ...]:
    return at_once("plant_condition", name=name, value=value)


FLOW: Final = (
    Fault(
        "restrictor_fast",
        "The restrictor lets through more than its label says.",
        (AlarmId.OVER_INFUSION,),
        6 * HOUR_S,
        _condition(RESTRICTOR),
        severity=Severity(1.3, 2.5, nothing=1.0, of="times the conductance"),
    ),
    Fault(
        "restrictor_broken",
        "The restrictor breaks: free flow.",
        (AlarmId.OVER_INFUSION,),
        HOUR_S,
        _condition(RESTRICTOR),
        severity=Severity(3.0, 20.0, nothing=1.0, of="times the conductance"),
    ),
    Fault(
        "restrictor_clogged",
        "Filter or restrictor clog in part.",
        (AlarmId.UNDER_INFUSION,),
        6 * HOUR_S,
        _condition(RESTRICTOR),
        severity=Severity(0.7, 0.2, nothing=1.0, of="times the conductance"),
    ),
    Fault(
        "flow_stop",
        "The restrictor is blocked: nothing flows.",
        (AlarmId.FLOW_STOP,),
        6 * HOUR_S,
        _condition(RESTRICTOR, 0.0),
    ),
    Fault(
        "viscous_fill",
        "The fill is more viscous than declared.",
        (AlarmId.UNDER_INFUSION,),
        10 * HOUR_S,  # FLW-08: the slope begins anew at the refill, settling masks 4 h of it
        visit={"kind": "refill", "fill": "usual", "viscosity_ratio": SEVERITY},
        severity=Severity(1.5, 3.0, of="times the viscosity of water"),
        start_day=BEFORE_REFILL,
    ),
    Fault(
        "septum_leak",
        "The septum leaks into the pocket: the same data as a fast restrictor.",
        (AlarmId.OVER_INFUSION,),
        6 * HOUR_S,
        _condition("septum_leak_ml_per_day"),
        severity=Severity(3.5, 10.0, of="mL/day"),
    ),
    Fault(
        "propellant_leak",
        "The propellant's pressure is low for its temperature.",
        (AlarmId.PROPELLANT_LOW,),
        DAY_S,
        _condition("propellant_pressure_factor"),
        severity=Severity(0.9, 0.6, nothing=1.0, of="times the vapour pressure"),
    ),
    Fault(
        "low_reservoir_of_a_fast_pump",
        "A fast pump runs low sooner than its label says; the alarm must not wait for the label.",
        (AlarmId.LOW_RESERVOIR,),
        2 * DAY_S,
        _condition(RESTRICTOR),
        severity=Severity(1.3, 2.0, nothing=1.0, of="times the conductance"),
        start_day=BEFORE_REFILL,
        effect="nearly_low",
        patience_s=60 * DAY_S,
        margin_below_low_nl=300_000,  # V_low_margin
    ),
    Fault(
        "refill_overdue",
        "Nobody comes to refill the pump.",
        (AlarmId.REFILL_OVERDUE,),
        HOUR_S,
        start_day=BEFORE_REFILL,
        effect="overdue",
        patience_s=60 * DAY_S,
    ),
)

CATHETER: Final = (
    Fault(
        "occlusion_complete",
        "A clot closes the catheter.",
        (AlarmId.OCCLUSION,),
        HOUR_S,
        _condition(CLOT, 1e6),
    ),
    Fault(
        "occlusion_partial",
        "A clot narrows the catheter.",
        (AlarmId.PARTIAL_OCCLUSION, AlarmId.OCCLUSION),
        2 * HOUR_S,
        _condition(CLOT),
        severity=Severity(0.25, 2.0, of="times the resistance of the restrictor"),
    ),
    Fault(
        "occlusion_release",
        "A clot that had closed the catheter lets go: the stored volume arrives at once.",
        (EventKind.OCCLUSION_RELEASED,),
        samples(2),
        (*_condition(CLOT, 1e6), Step(4 * HOUR_S, _condition(CLOT, 0.0)[0].stimulus)),
    ),
    Fault(
        "catheter_disconnected",
        "The catheter comes off and ends in the tissue.",
        (AlarmId.CATHETER_DISCONNECT,),
        2 * HOUR_S,
        _condition("catheter_disconnected", 1.0),
    ),
    Fault(
        "catheter_leak_partial",
        "The catheter leaks a part of the flow.",
        not_promised="2 Pa: not observable with these sensors (OCC-05)",
    ),
    Fault(
        "gas_in_reservoir",
        "Air comes into the reservoir with a fill.",
        steps=at_once("fill_gas", volume="1 mL"),
        not_promised="a bubble moves the fill level by -25 uL per mL and K (RES-09)",
    ),
)

SURROUNDINGS: Final = (
    Fault(
        "fever_40",
        "A fever above 40.5 degC warms the pump above 40 degC for hours.",
        (AlarmId.TEMPERATURE_HIGH,),
        75 * MINUTE_S,
        at_once("fever", rise=SEVERITY, ramp="1 h", duration="6 h"),
        severity=Severity(4.0, 5.0, "K"),
        effect="hot",
    ),
    Fault(
        "altitude_low_pressure",
        "A stay so high that the pressure around the pump leaves the envelope.",
        (AlarmId.AMBIENT_PRESSURE,),
        15 * MINUTE_S,
        at_once("altitude", height=SEVERITY, ramp="10 min", duration="3 h"),
        severity=Severity(3_000, 5_000, "m"),  # above, the sensor's range ends
        effect="thin_air",
    ),
    Fault(
        "depth_high_pressure",
        "A dive so deep that the pressure around the pump leaves the envelope.",
        (AlarmId.AMBIENT_PRESSURE,),
        15 * MINUTE_S,
        at_once("dive", pressure=SEVERITY, ramp="2 min", duration="1 h"),
        severity=Severity(46.0, 150.0, "kPa"),
        effect="pressed",
    ),
    Fault(
        "hyperbaric_reflux",
        "Under pressure the catheter stands above the reservoir: blood enters the pump.",
        (AlarmId.REVERSE_FLOW,),
        samples(2),
        at_once("dive", pressure=SEVERITY, ramp="10 min", duration="1 h"),
        severity=Severity(260.0, 400.0, "kPa"),
        effect="reflux",
    ),
)
