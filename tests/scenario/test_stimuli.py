"""Stimuli: each does to the device what its words say, or says why it cannot and does nothing."""

from typing import Any

import pytest
from pydantic import ValidationError

from protocol.vocabulary import ResetCause
from pumpsim import snapshot
from pumpsim.device import Device
from pumpsim.pumpfile import demo
from pumpsim.stimuli import ADAPTER, HOUR, MINUTE, SECOND, Stimulus, kinds

AT = 2 * HOUR


def implanted() -> Device:
    device = Device(demo(), seed=1)
    device.implant()
    device.advance(AT)
    return device


def act(device: Device, **fields: Any) -> dict[str, int]:
    return device.stimulate(device.now_ns, ADAPTER.validate_python(fields))


def later(device: Device, duration_ns: int) -> Device:
    device.advance(device.now_ns + duration_ns)
    return device


def flow_ratio(kind: str, wait_ns: int, **fields: Any) -> float:
    """The flow with a stimulus over the flow without it, at the same instant."""
    with_it, without = implanted(), implanted()
    act(with_it, kind=kind, **fields)
    return (
        later(with_it, wait_ns).plant.state.flow_m3_per_s
        / later(without, wait_ns).plant.state.flow_m3_per_s
    )


def test_a_fever_of_two_kelvin_raises_the_flow_by_an_eighth() -> None:
    # domain facts, section 4: 39 degrees Celsius is +12.9 % on n-butane
    assert flow_ratio("fever", 6 * HOUR, rise="2 K") == pytest.approx(1.129, abs=0.004)


def test_a_warm_bath_passes() -> None:
    assert flow_ratio("warm_bath", 40 * MINUTE) > 1.05
    assert flow_ratio("warm_bath", 12 * HOUR) == pytest.approx(1.0, abs=1e-4)


def test_a_cabin_at_8000_feet_raises_the_flow_by_a_ninth() -> None:
    # domain facts, section 2: +11.1 %
    assert flow_ratio("altitude", 2 * HOUR, height="2438 m") == pytest.approx(1.111, abs=0.003)


def test_a_chamber_deeper_than_the_propellant_presses_liquid_back() -> None:
    # domain facts, section 4: hyperbaric reflux, at 24 m for n-butane
    device = implanted()
    act(device, kind="dive", pressure="300 kPa", duration="2 h")
    later(device, HOUR)
    assert device.plant.state.flow_m3_per_s < 0
    assert device.plant.ledger.refluxed_fl > 0
    assert later(device, 12 * HOUR).plant.state.flow_m3_per_s > 0


def test_air_in_the_reservoir_moves_the_fill_level() -> None:
    device = implanted()
    before_m3 = device.plant.state.reservoir_volume_m3
    assert act(device, kind="fill_gas", volume="1 mL") == {"filled_gas_nl": 1_000_000}
    added_ml = (device.plant.state.reservoir_volume_m3 - before_m3) * 1e6
    assert 0.2 < added_ml < 0.5  # 1 mL at sea level under three atmospheres


def test_a_drug_beside_the_septum_is_lost_in_the_tissue() -> None:
    device = implanted()
    act(device, kind="fill_pocket", volume="10 mL", drug="FUDR", concentration="5 mg/mL")
    assert device.truth()["lost_ng"] == {"FUDR": 50_000_000}


def test_a_spike_comes_and_goes() -> None:
    device = implanted()
    act(device, kind="sensor_fault", channel="temperature_mk", spike=5_000, spike_every=4)
    readings = []
    for _ in range(8):
        later(device, MINUTE)
        assert device.readings is not None
        readings.append(device.readings.temperature_mk)
    assert sum(r is not None and r > 313_000 for r in readings) == 2


def test_a_syringe_draws_what_a_needle_reaches() -> None:
    device = implanted()
    assert act(device, kind="withdraw", volume="5 mL") == {"withdrawn_nl": 5_000_000}
    before_fl = device.plant.ledger.reservoir_fl
    drawn = act(device, kind="withdraw")["withdrawn_nl"]
    assert device.plant.ledger.reservoir_fl == before_fl - drawn * 10**6
    assert 0 < device.plant.ledger.reservoir_fl < 10**12  # a needle leaves some


def test_a_fill_stands_in_the_ledger_and_cools_the_pump() -> None:
    device = implanted()
    act(device, kind="withdraw")
    filled_fl = device.plant.ledger.filled_fl
    act(device, kind="fill", volume="28 mL", drug="FUDR", concentration="1 mg/mL")
    assert device.plant.ledger.filled_fl - filled_fl == 28 * 10**12
    assert device.plant.state.pump_temperature_k < 305.0


def test_a_fill_beside_the_septum_leaves_the_reservoir_alone() -> None:
    device = implanted()
    before_fl = device.plant.ledger.reservoir_fl
    assert act(device, kind="fill_pocket", volume="20 mL") == {"spilled_nl": 20_000_000}
    assert device.plant.ledger.reservoir_fl == before_fl
    assert device.plant.ledger.pocket_fl == 20 * 10**12


def test_an_injection_presses_on_the_catheter_until_it_is_in() -> None:
    device = implanted()
    rest_pa = device.plant.state.catheter_pressure_pa
    injected_fl = device.plant.ledger.injected_fl
    act(device, kind="inject_bolus", volume="3 mL", duration="3 min")
    later(device, MINUTE)
    assert device.plant.state.catheter_pressure_pa > rest_pa + 1_500
    later(device, 5 * MINUTE)
    assert device.plant.ledger.injected_fl - injected_fl == 3 * 10**12
    assert device.plant.state.catheter_pressure_pa < rest_pa + 1_500


def test_a_blocked_restrictor_stops_the_flow() -> None:
    device = implanted()
    act(device, kind="plant_condition", name="restrictor_conductance_factor", value=0.0)
    later(device, HOUR)
    assert device.plant.state.flow_m3_per_s == 0.0


def test_a_broken_sensor_is_broken_until_it_is_mended() -> None:
    device = implanted()
    act(device, kind="sensor_fault", channel="fill_level_nl", stuck_at=1_000_000)
    later(device, MINUTE)
    assert device.readings is not None
    assert device.readings.fill_level_nl == 1_000_000
    act(device, kind="sensor_fault", channel="temperature_mk", missing=True)
    act(device, kind="sensor_fault", channel="fill_level_nl")
    later(device, MINUTE)
    assert device.readings.fill_level_nl > 20_000_000
    assert device.readings.temperature_mk is None
    assert set(device.truth()["sensor_faults"]) == {"temperature_mk"}


def test_a_crystal_can_run_off_and_stand_still() -> None:
    device = implanted()
    act(device, kind="oscillator_fault", error_ppm=1_000.0)
    before = device.ticks()
    fast = later(device, HOUR).ticks() - before
    assert fast / (3_600 * 32_768) == pytest.approx(1.001, abs=2e-5)
    act(device, kind="oscillator_fault", stopped=True)
    before = device.ticks()
    assert later(device, HOUR).ticks() == before


def test_a_clock_can_jump_either_way_and_lose_its_name() -> None:
    device = implanted()
    shown_s = device.oscillator.rtc_s(AT)
    act(device, kind="clock_fault", back="1 d", forward="1 h", valid=True)
    assert device.oscillator.rtc_s(AT) - shown_s == 3_600 - 86_400
    assert device.oscillator.rtc_valid
    act(device, kind="clock_fault")
    assert not device.oscillator.rtc_valid


def test_a_battery_fades_at_once_and_recovers() -> None:
    device = implanted()
    healthy = later(device, MINUTE).readings
    act(device, kind="battery_fault", drop_mv=500)
    weak = later(device, MINUTE).readings
    act(device, kind="battery_fault", drop_mv=0)
    again = later(device, MINUTE).readings
    assert healthy is not None
    assert weak is not None
    assert again is not None
    assert healthy.battery_mv is not None
    assert weak.battery_mv == pytest.approx(healthy.battery_mv - 500, abs=12)
    assert again.battery_mv == pytest.approx(healthy.battery_mv, abs=12)


def test_a_converter_can_freeze_and_fall_silent() -> None:
    for how in ("frozen", "silent"):
        device = implanted()
        act(device, kind="converter_fault", how=how)
        before = device.readings
        assert later(device, 10 * MINUTE).readings is before
        act(device, kind="converter_fault", how="sound")
        last = later(device, MINUTE).readings
        assert last is not None
        assert last.sequence == AT // MINUTE + 11


def test_memory_can_lose_its_supply_fail_and_rot() -> None:
    for fields in ({"cut_in": 1}, {"failing": 99}, {"flip": 5, "where": "both"}):
        device = implanted()
        assert act(device, kind="memory_fault", **fields) == {"fault": 1}
        later(device, 2 * HOUR)
        assert device.truth()["faults"]["1"] is not None
        assert device.resets == ("cut_in" in fields)


def test_logic_can_go_wrong_in_each_way_once() -> None:
    for how in ("raises", "nonsense", "bad_deadline", "stalls"):
        device = implanted()
        act(device, kind="firmware_fault", how=how)
        later(device, HOUR)
        assert device.resets == 1
        assert device.reset_cause is ResetCause.FIRMWARE_FAULT
        assert device.truth()["faults"] == {"1": AT + MINUTE}


def test_a_power_cycle_boots_the_electronics_and_leaves_the_liquid() -> None:
    device = implanted()
    reservoir_fl, boot_id = device.plant.ledger.reservoir_fl, device.boot_id
    act(device, kind="power_cycle", cause="brown_out")
    assert (device.boot_id, device.resets) == (boot_id + 1, 1)
    assert device.reset_cause is ResetCause.BROWN_OUT
    assert device.ticks() == 0
    assert device.plant.ledger.reservoir_fl == reservoir_fl


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "fill", "volume": "31 mL", "drug": "FUDR", "concentration": "1 mg/mL"},
        {"kind": "withdraw", "volume": "29 mL"},
        {"kind": "inject_bolus", "volume": "60 mL", "duration": "1 s"},
        {"kind": "sensor_fault", "channel": "battery_mv", "stuck_at": 5_000},
    ],
    ids=lambda fields: fields["kind"],
)
def test_what_cannot_be_is_refused_and_changes_nothing(fields: dict[str, Any]) -> None:
    device = implanted()
    before = snapshot.take(device)
    with pytest.raises(ValueError, match=r"cannot|would need|can be stuck"):
        act(device, **fields)
    assert snapshot.take(device) == before


@pytest.mark.parametrize(
    ("fields", "hint"),
    [
        ({"kind": "fevr"}, "fever"),
        ({"kind": "fever", "rise": "2 degC"}, "use K"),
        ({"kind": "fever", "rise": "7 K"}, "6000"),
        ({"kind": "fever", "ris": "2 K"}, "Extra inputs"),
        (
            {"kind": "plant_condition", "name": "septum_leak", "value": 1.0},
            "septum_leak_ml_per_day",
        ),
        (
            {"kind": "plant_condition", "name": "propellant_pressure_factor", "value": 3.0},
            "must lie in 0 to 2",
        ),
        ({"kind": "plant_condition", "name": "x", "value": float("nan")}, "finite"),
        ({"kind": "sensor_fault", "channel": "fill_level"}, "fill_level_nl"),
        ({"kind": "altitude"}, "height"),
        ({"kind": "battery_fault"}, "drop_mv"),
        ({"kind": "battery_fault", "drop_mv": 5_000}, "4000"),
        ({"kind": "converter_fault", "how": "slow"}, "'frozen', 'silent' or 'sound'"),
        ({"kind": "firmware_fault", "how": "odd"}, "'bad_deadline' or 'stalls'"),
        ({"kind": "memory_fault"}, "say one of cut_in, failing, flip"),
        ({"kind": "memory_fault", "cut_in": 3, "flip": 1}, "say one of"),
        ({"kind": "memory_fault", "flip": 1, "where": "oldest"}, "'newest', 'older' or 'both'"),
    ],
)
def test_words_that_mean_nothing_are_refused_with_the_way_out(
    fields: dict[str, Any], hint: str
) -> None:
    with pytest.raises(ValidationError, match=hint):
        ADAPTER.validate_python(fields)


def test_a_stimulus_written_as_json_reads_as_the_same_stimulus() -> None:
    fever = ADAPTER.validate_python({"kind": "fever", "rise": "1.5 K", "ramp": "90 min"})
    text = fever.model_dump_json()
    assert '"rise":"1.5 K"' in text
    assert ADAPTER.validate_json(text) == fever
    assert fever.ramp == 5_400 * SECOND


def test_every_kind_has_its_word() -> None:
    assert {"fever", "withdraw", "fill", "power_cycle"} < set(kinds(Stimulus))
