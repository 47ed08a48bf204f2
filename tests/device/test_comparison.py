"""Truth beside belief at one instant: what differs is what the device cannot know."""

from typing import Any

import pytest

from pumpsim.comparison import compare
from pumpsim.device import Device
from tests.device.test_device import HOUR_NS, make, stimulus


def act(device: Device, kind: str, **fields: Any) -> None:
    device.stimulate(device.now_ns, stimulus(kind, **fields))


def test_an_ordinary_day_leaves_small_differences() -> None:
    device = make()
    device.advance(24 * HOUR_NS)
    rows = compare(device)
    assert abs(rows["delivered_nl"]["difference"]) < 30_000
    assert rows["doses_ng"]["FUDR"]["belief"] == pytest.approx(
        rows["doses_ng"]["FUDR"]["truth"], rel=0.02
    )
    for name in ("flow_nl_per_h", "residual_nl"):
        assert rows[name]["low"] <= rows[name]["truth"] <= rows[name]["high"]
    assert abs(rows["temperature_mk"]["difference"]) < 1_000
    assert rows["clock_s"]["valid"]


def test_a_bolus_and_the_first_filling_are_not_what_the_pump_gave() -> None:
    device = make()
    assert compare(device)["delivered_nl"]["truth"] == 0
    act(
        device, "inject_bolus", volume="3 mL", drug="dye", concentration="1 mg/mL", duration="1 min"
    )
    device.advance(HOUR_NS)
    rows = compare(device)
    assert abs(rows["delivered_nl"]["truth"]) < 100_000
    assert rows["doses_ng"]["dye"]["truth"] > 2_000_000
    assert rows["doses_ng"]["dye"]["belief"] is None  # of the reservoir's drug only


def test_a_catheter_that_came_off_shows_in_the_truth_alone() -> None:
    device = make()
    act(device, "plant_condition", name="catheter_disconnected", value=1)
    device.advance(24 * HOUR_NS)
    row = compare(device)["delivered_nl"]
    assert row["truth"] < 50_000
    assert row["belief"] > 1_000_000


def test_clocks_that_run_wrong_are_told_against_plant_time() -> None:
    device = make()
    act(device, "oscillator_fault", error_ppm=1_000)
    act(device, "clock_fault", forward="2 h", valid=False)
    device.advance(24 * HOUR_NS)
    rows = compare(device)
    assert rows["counted_ms"]["truth"] == 24 * 3_600_000
    assert rows["counted_ms"]["difference"] == pytest.approx(86_400, rel=0.01)
    assert rows["clock_s"]["difference"] == pytest.approx(7_200 + 86, abs=2)
    assert not rows["clock_s"]["valid"]


def test_a_bare_device_believes_nothing_and_reads_its_sensors() -> None:
    device = make("bare")
    device.advance(HOUR_NS)
    rows = compare(device)
    assert rows["flow_nl_per_h"]["belief"] is None
    assert rows["residual_nl"]["quality"] is None
    assert rows["delivered_nl"]["difference"] is None
    assert rows["temperature_mk"]["belief"] is not None
