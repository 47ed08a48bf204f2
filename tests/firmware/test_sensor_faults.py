"""Broken sensors on whole devices, and samples that do not come."""

from itertools import combinations

import pytest

from protocol.control import TICKS_PER_S
from protocol.vocabulary import AlarmId, Cause, Quality
from pumpsim.firmware.persistence import AGE_MAX
from pumpsim.stimuli import HOUR
from tests.firmware.bench import Bench
from tests.firmware.test_estimates import DAY, act, alarms, causes, contains, implanted
from tests.firmware.usual import USUAL

MINUTE = 60 * TICKS_PER_S
FLOW_CHANNELS = ("reservoir_pressure_pa", "catheter_pressure_pa", "temperature_mk", "fill_level_nl")

BLAMED = {
    "reservoir_pressure_pa": Cause.RESERVOIR_PRESSURE_SENSOR,
    "catheter_pressure_pa": Cause.CATHETER_PRESSURE_SENSOR,
    "temperature_mk": Cause.TEMPERATURE_SENSOR,
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("channel", "per_day", "half_tolerance"),
    [
        ("reservoir_pressure_pa", 3_478, 17_500),  # 1 % of the pressure a day
        ("reservoir_pressure_pa", -1_200, -17_500),
        ("catheter_pressure_pa", 1_200, 17_500),
        ("catheter_pressure_pa", -1_200, -17_500),
        ("temperature_mk", 200, 1_200),
        ("temperature_mk", -200, -1_200),
    ],
)
def test_a_drifting_sensor_is_told_before_it_falsifies_the_flow(
    channel: str, per_day: int, half_tolerance: int
) -> None:
    """SEN-03: before the flow is off by half its tolerance."""
    device = implanted()
    bias = 0
    while abs(bias) < abs(half_tolerance):
        bias += per_day // 4
        act(device, kind="sensor_fault", channel=channel, bias=bias)
        device.advance(device.now_ns + 6 * HOUR)
        if causes(device):
            break
    assert abs(bias) < abs(half_tolerance)
    assert BLAMED[channel] in causes(device)


@pytest.mark.parametrize("count", range(1, len(FLOW_CHANNELS) + 1))
def test_every_set_of_lost_channels_degrades_as_documented(count: int) -> None:
    """SEN-07: one of pressures and fill level is enough; without both, nobody watches."""
    for lost in combinations(FLOW_CHANNELS, count):
        device = implanted()
        device.advance(HOUR)
        for channel in lost:
            act(device, kind="sensor_fault", channel=channel, missing=True)
        device.advance(device.now_ns + HOUR)
        beliefs = device.beliefs
        assert beliefs is not None
        pressures = not {"reservoir_pressure_pa", "catheter_pressure_pa"} & set(lost)
        level = "fill_level_nl" not in lost
        assert AlarmId.SENSOR_FAULT in beliefs.alarms
        assert (AlarmId.UNMONITORED in beliefs.alarms) == (not pressures and not level)
        assert (beliefs.flow_nl_per_h is not None) == pressures
        volume = beliefs.residual_volume_nl
        assert volume is not None
        assert volume.quality is (Quality.GOOD if level else Quality.DEGRADED)
        assert contains(volume, device.plant.state.reservoir_volume_m3 * 1e12)
        if beliefs.flow_nl_per_h is not None and "temperature_mk" in lost:
            assert beliefs.flow_nl_per_h.quality is Quality.DEGRADED


def test_samples_that_do_not_come_are_missed_in_time_and_old_ones_forgotten() -> None:
    """SEN-06: by the logic's own deadline; what was read is no longer told."""
    bench = Bench()
    bench.configure()
    bench.run(3)
    deadline = bench.guard.deadline
    assert deadline == bench.ticks + AGE_MAX
    bench.ticks = deadline - 1
    assert bench.raised() == []
    bench.ticks = deadline
    outcome = bench.guard.advance(deadline)
    assert outcome.beliefs is not None
    assert outcome.beliefs.causes == (Cause.CONVERTER,)
    assert set(bench.raised()) == {AlarmId.SENSOR_FAULT, AlarmId.UNMONITORED}
    status = bench.status()
    assert status.flow_nl_per_h is None
    assert status.reservoir_pressure_pa is None
    assert status.residual_volume_nl is None
    bench.run(1)
    assert bench.status().flow_nl_per_h is not None
    present = [alarm.alarm for alarm in bench.alarms() if alarm.present]
    assert present == []


def test_two_channels_that_disagree_are_both_doubted() -> None:
    """SEN-05: pressure against temperature, either way round, and the estimate says so."""
    for channel, bias in (("reservoir_pressure_pa", 30_000), ("temperature_mk", -3_000)):
        device = implanted()
        device.advance(HOUR)
        act(device, kind="sensor_fault", channel=channel, bias=bias)
        device.advance(device.now_ns + 3 * HOUR)
        assert AlarmId.SENSOR_CONFLICT in alarms(device)
        assert {Cause.RESERVOIR_PRESSURE_SENSOR, Cause.TEMPERATURE_SENSOR} <= set(causes(device))
        assert device.beliefs is not None
        assert device.beliefs.flow_nl_per_h is not None
        assert device.beliefs.flow_nl_per_h.quality is Quality.DEGRADED


def test_after_a_reset_nothing_is_judged_before_its_window_is_full() -> None:
    """SEN-09: a slope needs six hours, a stuck channel an hour, and no old state is used."""
    device = implanted()
    device.advance(2 * DAY)
    act(device, kind="power_cycle")
    act(device, kind="plant_condition", name="restrictor_conductance_factor", value=1.3)
    device.advance(device.now_ns + 5 * HOUR)
    assert alarms(device) == set()
    device.advance(device.now_ns + 2 * HOUR)
    assert AlarmId.OVER_INFUSION in alarms(device)


def test_a_single_wild_sample_alarms_nothing() -> None:
    """SEN-04: on any channel, to any value in range."""
    for channel, value in (
        ("reservoir_pressure_pa", 600_000),
        ("catheter_pressure_pa", 600_000),
        ("pocket_pressure_pa", 60_000),
        ("temperature_mk", 320_000),
        ("fill_level_nl", 500_000),
        ("battery_mv", 2_000),
    ):
        bench = Bench()
        bench.configure()
        bench.run(3)
        bench.run_screened(1, **{channel: value})
        bench.run(3)
        assert bench.raised() == []
        assert getattr(USUAL, channel) != value


def test_an_emptied_reservoir_is_not_unmonitored() -> None:
    """SEN-07: pressure and level jump at once, and both wait for one sample."""
    device = implanted()
    device.advance(HOUR)
    act(device, kind="withdraw")
    for _ in range(5):
        device.advance(device.now_ns + HOUR // 60)
        assert AlarmId.UNMONITORED not in alarms(device)
    assert AlarmId.EMPTY_RESERVOIR in alarms(device)
