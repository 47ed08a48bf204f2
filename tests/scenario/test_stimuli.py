"""Stimuli: each does to the device what its words say, or says why it cannot and does nothing."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from protocol.vocabulary import AlarmId, ResetCause
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


def test_a_cough_presses_on_pump_and_artery_for_as_long_as_the_fit_lasts() -> None:
    device = implanted()
    before = device.plant.state
    pocket_pa, artery_pa = before.pocket_pressure_pa, before.catheter_pressure_pa
    act(device, kind="cough", pressure="15 kPa", duration="90 s")
    state = later(device, MINUTE).plant.state
    assert state.pocket_pressure_pa - pocket_pa == pytest.approx(15_000, abs=600)
    assert state.catheter_pressure_pa - artery_pa == pytest.approx(15_000, abs=600)
    state = later(device, MINUTE).plant.state
    assert state.pocket_pressure_pa == pytest.approx(pocket_pa, abs=600)


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


def test_a_clock_can_stand_and_tell_garbage_and_runs_again() -> None:
    device = implanted()
    told_s: list[int | None] = [device.oscillator.rtc_s(AT)]
    for how in ("frozen", "garbage", "running"):
        act(device, kind="clock_fault", how=how, valid=True)
        for _ in range(2):
            readings = later(device, 3 * MINUTE).readings
            assert readings is not None
            assert readings.rtc_valid
            told_s.append(readings.rtc_s)
    shown_s, frozen_s, still_s, odd_s, odder_s, before_s, after_s = told_s
    assert shown_s == frozen_s == still_s
    assert len({still_s, odd_s, odder_s}) == 3
    assert (before_s or 0) + 180 == after_s


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
    for fields in ({"cut_in": 1}, {"torn": True}, {"failing": 99}, {"flip": 5, "where": "both"}):
        device = implanted()
        assert act(device, kind="memory_fault", **fields) == {"fault": 1}
        later(device, 2 * HOUR)
        assert device.truth()["faults"]["1"] is not None
        assert device.resets == ("cut_in" in fields or "torn" in fields)


def test_memory_that_is_mended_fails_no_more() -> None:
    device = implanted()
    act(device, kind="memory_fault", failing=99)
    assert act(device, kind="memory_fault", failing=0) == {}
    later(device, 2 * HOUR)
    assert device.truth()["faults"] == {"1": None}
    assert device.beliefs is not None
    assert AlarmId.MEMORY_FAULT not in device.beliefs.alarms


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


# ---- what a bench puts in the place of the patient and the battery


def on_a_bench() -> Device:
    """A pump at 37 degC and sea level, against a mean artery, all held."""
    device = implanted()
    act(device, kind="bath", temperature="37 degC")
    act(device, kind="chamber", pressure="101.325 kPa")
    act(device, kind="outlet_pressure", pressure="93 mmHg")
    return later(device, 4 * HOUR)


def flow_nl_per_h(device: Device) -> float:
    return device.plant.state.flow_m3_per_s * 3_600e12


def test_a_bath_moves_the_flow_as_vapour_and_water_do() -> None:
    device = on_a_bench()
    before = flow_nl_per_h(device)
    act(device, kind="bath", temperature="40 degC")
    # domain facts, section 2: n-butane at 378.5 kPa against 114.0, water at 0.6527 mPa s
    risen = (378.5 - 113.7) / (347.8 - 113.7) * 0.6913 / 0.6527
    assert flow_nl_per_h(later(device, 4 * HOUR)) / before == pytest.approx(risen, rel=3e-3)
    temperature_k = device.plant.state.pump_temperature_k
    assert temperature_k == pytest.approx(313.15, abs=1e-3)


def test_pressure_at_the_outlet_takes_from_what_drives_the_flow() -> None:
    device = on_a_bench()
    before = flow_nl_per_h(device)
    act(device, kind="outlet_pressure", pressure="113 mmHg")
    # domain facts, section 2: -0.57 % for 10 mmHg
    assert flow_nl_per_h(later(device, HOUR)) / before == pytest.approx(1 - 2 * 0.0057, abs=4e-4)


def test_thin_air_around_pump_and_outlet_raises_the_flow() -> None:
    device = on_a_bench()
    before = flow_nl_per_h(device)
    act(device, kind="chamber", pressure="75.2 kPa")  # 8,000 ft: +11.1 %
    assert flow_nl_per_h(later(device, HOUR)) / before == pytest.approx(1.111, abs=3e-3)


def test_what_is_released_is_the_patients_again() -> None:
    device, free = on_a_bench(), later(implanted(), 4 * HOUR)
    for what in ("bath", "chamber", "outlet_pressure", "outlet_pressure"):  # twice harms nothing
        assert act(device, kind="release", what=what) == {}
    later(device, 24 * HOUR)
    later(free, 24 * HOUR)
    assert device.truth()["held"] == {}
    for name in ("body_temperature_k", "pocket_pressure_pa", "outlet_pressure_pa"):
        assert getattr(device.plant.state, name) == getattr(free.plant.state, name)


def test_a_supply_takes_the_batterys_place() -> None:
    device = implanted()

    def battery_mv() -> int | None:
        readings = later(device, MINUTE).readings
        assert readings is not None
        return readings.battery_mv

    of_its_own = battery_mv()
    act(device, kind="supply_voltage", voltage="3.3 V")
    assert battery_mv() == pytest.approx(3_300, abs=7)
    number = act(device, kind="battery_fault", drop_mv=500)["fault"]
    assert battery_mv() == pytest.approx(3_300, abs=7)
    assert device.truth()["faults"][str(number)] is None  # a cell that feeds nothing shows nothing
    act(device, kind="release", what="supply_voltage")
    assert of_its_own is not None
    assert battery_mv() == pytest.approx(of_its_own - 500, abs=13)
    assert device.truth()["faults"][str(number)] is not None


def test_without_supply_nothing_is_decided_and_the_liquid_goes_on() -> None:
    device = implanted()
    boot_id, sequence = device.boot_id, device.readings and device.readings.sequence
    act(device, kind="power_off")
    act(device, kind="power_off")  # twice harms nothing
    given_fl = device.plant.given_fl
    later(device, 12 * HOUR)
    assert device.plant.given_fl - given_fl == pytest.approx(27e9 * 24, rel=0.1)
    assert (device.boot_id, device.beliefs) == (boot_id, None)
    assert device.readings is not None
    assert device.readings.sequence == sequence
    assert not device.truth()["powered"]
    for kind, fields in (("power_cycle", {}), ("firmware_fault", {"how": "raises"})):
        with pytest.raises(ValueError, match=r"supply|no control logic"):
            act(device, kind=kind, **fields)


def test_with_its_supply_back_it_boots_and_accounts_for_the_time_without() -> None:
    device = implanted()
    act(device, kind="power_off")
    later(device, 12 * HOUR)
    act(device, kind="power_on")
    assert (device.boot_id, device.resets, device.reset_cause) == (2, 1, ResetCause.POWER_ON)
    act(device, kind="power_on")  # of what is on: no boot
    later(device, 10 * MINUTE)
    assert device.boot_id == 2
    assert device.beliefs is not None
    given_nl = device.plant.given_fl / 1e6
    assert device.beliefs.delivered_total_nl == pytest.approx(given_nl, rel=0.15)  # RST-03


def test_a_snapshot_without_supply_goes_on_without() -> None:
    device = on_a_bench()
    act(device, kind="supply_voltage", voltage="3.1 V")
    act(device, kind="power_off")
    later(device, HOUR)
    twin = snapshot.restore(demo(), json.loads(json.dumps(snapshot.take(device))))
    for one in (device, twin):
        later(one, HOUR)
        act(one, kind="power_on")
        act(one, kind="bath", temperature="30 degC")
        later(one, HOUR)
    twin.timeline_id = device.timeline_id
    before, after = snapshot.take(device), snapshot.take(twin)
    for data in (before, after):
        del data["sessions"]  # they know of the timeline
    assert json.dumps(after) == json.dumps(before)


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
        ({"kind": "bath", "temperature": "51 degC"}, "323150"),
        ({"kind": "bath", "temperature": "30 degC", "time_constant": "0 s"}, "greater than 0"),
        ({"kind": "outlet_pressure", "pressure": "301 kPa"}, "300000"),
        ({"kind": "chamber", "pressure": "0 kPa"}, "30000"),
        ({"kind": "supply_voltage", "voltage": "4.1 V"}, "4000"),
        ({"kind": "release", "what": "fever"}, "'bath', 'outlet_pressure'"),
        ({"kind": "battery_fault"}, "drop_mv"),
        ({"kind": "battery_fault", "drop_mv": 5_000}, "4000"),
        ({"kind": "converter_fault", "how": "slow"}, "'frozen', 'silent' or 'sound'"),
        ({"kind": "firmware_fault", "how": "odd"}, "'bad_deadline' or 'stalls'"),
        ({"kind": "memory_fault"}, "say one of cut_in, torn, failing, flip"),
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
