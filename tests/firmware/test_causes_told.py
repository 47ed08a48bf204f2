"""The true cause is among those told: faults of the catalogue on whole devices, with a reset."""

from typing import Any, Final

import pytest

from protocol.vocabulary import Cause
from pumpsim.catalogue import CATALOGUE
from pumpsim.device import Device
from pumpsim.performance.trial import VISIT
from pumpsim.pumpfile import FillSection
from pumpsim.scenario.programmer import DeviceBedside
from pumpsim.scenario.visits import Clinic
from pumpsim.stimuli import HOUR
from tests.firmware.test_estimates import act, causes
from tests.lived import lived

SECOND: Final = HOUR // 3_600
DAYS: Final = 5
"""A leak has emptied the reservoir by then, and a clot has seen warm and cold days."""
CAUSES: Final = {
    "restrictor_fast": Cause.RESTRICTOR_FAST,
    "restrictor_broken": Cause.RESTRICTOR_FAST,
    "restrictor_clogged": Cause.RESTRICTOR_SLOW,
    "flow_stop": Cause.RESTRICTOR_SLOW,
    "septum_leak": Cause.SEPTUM_LEAK,
    "propellant_leak": Cause.PROPELLANT_LOSS,
    "occlusion_complete": Cause.CATHETER_OCCLUDED,
    "occlusion_partial": Cause.CATHETER_OCCLUDED,
    "occlusion_release": Cause.CATHETER_OCCLUDED,
    "catheter_disconnected": Cause.CATHETER_OFF,
    "gas_in_reservoir": Cause.GAS,
    "pocket_fill": Cause.POCKET,
    "refill_without_syringe": Cause.NEEDLE,
    "refill_bolus_path": Cause.BOLUS_PATH,
    "wrong_refill_volume": Cause.NEEDLE,
    "wrong_refill_volume_low": Cause.NEEDLE,
    "wrong_withdrawn_volume": Cause.NEEDLE,
    "undeclared_needle": Cause.NEEDLE,
    "undeclared_fill": Cause.NEEDLE,
    "fever_40": Cause.HEAT,
    "altitude_low_pressure": Cause.ALTITUDE,
    "depth_high_pressure": Cause.DEPTH,
    "hyperbaric_reflux": Cause.DEPTH,
    "fill_sensor_gain": Cause.FILL_LEVEL_SENSOR,
    "fill_sensor_stuck": Cause.FILL_LEVEL_SENSOR,
    "temperature_bias_high": Cause.TEMPERATURE_SENSOR,
    "temperature_bias_low": Cause.TEMPERATURE_SENSOR,
    "stuck_catheter_pressure": Cause.CATHETER_PRESSURE_SENSOR,
    "spike_temperature": Cause.TEMPERATURE_SENSOR,
    "missing_fill_level": Cause.FILL_LEVEL_SENSOR,
    "rail_low_reservoir_pressure": Cause.RESERVOIR_PRESSURE_SENSOR,
    "missing_pocket_pressure": Cause.POCKET_PRESSURE_SENSOR,
    "rail_low_battery": Cause.BATTERY_SENSOR,
    "missing_catheter_pulse": Cause.PULSE_SENSOR,
}
"""A wrong syringe, or a wrong word about it, is a needle's doing."""


def receive(device: Device, visit: dict[str, Any]) -> None:
    usual = FillSection(**device.pump.fill.model_dump(mode="json"))
    clinic = Clinic(DeviceBedside(device), device.pump, {"usual": usual})
    clinic.receive(VISIT.validate_python(visit))


@pytest.mark.slow
@pytest.mark.parametrize("name", CAUSES)
def test_a_cause_that_acts_alone_is_among_those_told(name: str) -> None:
    """Whenever any is, at the stated severity: before a reset, right after it, and later."""
    fault, cause = CATALOGUE[name], CAUSES[name]
    device = lived(fault.start_day)
    assert causes(device) == ()
    for step in fault.steps_at(fault.stated()):
        device.advance(device.now_ns + step.after_s * SECOND)
        act(device, **step.stimulus)
    visit = fault.visit_at(fault.stated())
    if visit is not None:
        receive(device, visit)
    told = 0
    for look in range(DAYS * 24 * 6):
        device.advance(device.now_ns + HOUR // 6)
        if look == 9 * 6:
            act(device, kind="power_cycle", cause="brown_out")
        now = causes(device)
        told += bool(now)
        assert not now or cause in now, f"{look / 6:.1f} h"
    assert told
