"""A healthy sensor keeps its declared error; a broken one shows its fault and nothing else."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.control import Readings
from pumpsim.plant.physics import PlantState
from pumpsim.sensors import (
    HOUR_NS,
    NAMES,
    Battery,
    Channel,
    SensorFault,
    Sensors,
    default_fit,
)

STATE = PlantState(
    reservoir_pressure_pa=347_801.0,
    catheter_pressure_pa=113_724.0,
    catheter_pulse_pa=2_700.0,
    pocket_pressure_pa=101_325.0,
    pump_temperature_k=310.15,
    reservoir_volume_m3=20.0e-6,
)
TRUTHS = (347_801.0, 113_724.0, 2_700.0, 101_325.0, 310_150.0, 20_000_000.0)
RTC = (1_800_000_000, True)
YEAR_NS = 8_766 * HOUR_NS


def sample(sensors: Sensors, index: int, now_ns: int = 0, state: PlantState = STATE) -> Readings:
    return sensors.sample(index, state, now_ns, RTC)


def column(sensors: Sensors, name: str, count: int) -> list[int | None]:
    return [getattr(sample(sensors, index), name) for index in range(count)]


def test_channels_stand_in_the_order_of_readings() -> None:
    assert Readings._fields == ("sequence", *NAMES, "rtc_s", "rtc_valid")
    readings = sample(Sensors(1), 5)
    assert readings.sequence == 5
    assert readings[-2:] == RTC
    for channel, truth, reading in zip(default_fit(), TRUTHS, readings[1:], strict=False):
        assert reading == pytest.approx(truth, abs=channel.error(0)), channel.name


@given(st.integers(0, 10**6), st.integers(0, 10**7), st.integers(0, 10 * YEAR_NS))
def test_a_healthy_sensor_never_leaves_its_error(seed: int, index: int, now_ns: int) -> None:
    readings = sample(Sensors(seed), index, now_ns)
    for channel, truth, reading in zip(default_fit(), TRUTHS, readings[1:], strict=False):
        assert isinstance(reading, int)
        assert reading % channel.step == 0
        assert abs(reading - truth) <= channel.error(now_ns), channel.name


@pytest.mark.parametrize("channel", default_fit(), ids=lambda channel: channel.name)
def test_the_bias_keeps_its_drift_and_is_used_up(channel: Channel) -> None:
    if not channel.drift_per_hour:
        assert channel.error(10 * YEAR_NS) == channel.error(0)
        return
    limit_hours = int(channel.drift_limit / channel.drift_per_hour)
    largest = 0.0
    for seed in range(40):
        drift = Sensors(seed)._drifts[NAMES.index(channel.name)]
        assert drift.at(0) == 0.0
        hours = range(0, 12 * limit_hours, limit_hours // 7)
        biases = [drift.at(hour) for hour in hours]
        for before, after in itertools.pairwise(biases):
            assert abs(after - before) <= channel.drift_per_hour * (limit_hours // 7) * 1.0001
        largest = max(largest, *(abs(bias) for bias in biases))
    assert 0.6 * channel.drift_limit < largest <= channel.drift_limit


def test_noise_has_the_rms_of_the_sheet() -> None:
    sensors = Sensors(3)
    readings = [sample(sensors, index) for index in range(4_000)]
    for place, channel in enumerate(default_fit()[:6]):
        errors = [float(row[place + 1] or 0) - TRUTHS[place] for row in readings]
        rms = (sum(error * error for error in errors) / len(errors)) ** 0.5
        assert rms == pytest.approx(channel.noise_rms, rel=0.05), channel.name


def test_one_seed_gives_one_series_in_any_order() -> None:
    forward, backward = Sensors(4), Sensors(4)
    indices = range(0, 3_000, 7)
    rows = {index: sample(forward, index, index * HOUR_NS) for index in indices}
    for index in reversed(indices):
        assert sample(backward, index, index * HOUR_NS) == rows[index]
    assert sample(Sensors(5), 0) != rows[0]


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [(channel.name, channel.lowest, channel.highest) for channel in default_fit()[:6]],
)
def test_readings_stay_in_range(name: str, low: int, high: int) -> None:
    far_below = PlantState()
    far_above = PlantState(1e7, 1e7, 1e7, 1e7, 0.0, 0.0, 1e3, 0.0, 1.0)
    assert getattr(sample(Sensors(1), 0, state=far_below), name) in range(low, low + 50_000)
    assert getattr(sample(Sensors(1), 0, state=far_above), name) == high


def test_the_fill_level_reads_to_110_percent_of_any_capacity() -> None:
    for capacity_nl in (20_000_000, 50_000_000):
        sensors = Sensors(1, default_fit(capacity_nl))
        full = PlantState(reservoir_volume_m3=capacity_nl * 2e-12)
        assert sample(sensors, 0, state=full).fill_level_nl == capacity_nl * 11 // 10


def test_the_battery_fades_to_nothing() -> None:
    battery = Battery(new_mv=3_000.0, fade_mv_per_year=100.0)
    sensors = Sensors(1, battery=battery)
    assert sample(sensors, 0, 10 * YEAR_NS).battery_mv == pytest.approx(2_000, abs=7)
    assert sample(sensors, 0, 60 * YEAR_NS).battery_mv == pytest.approx(0, abs=7)


def test_a_missing_channel_reads_nothing_and_the_others_go_on() -> None:
    sensors = Sensors(1)
    healthy = sample(sensors, 9)
    sensors.set_fault("temperature_mk", SensorFault(missing=True))
    assert sample(sensors, 9) == healthy._replace(temperature_mk=None)
    sensors.set_fault("temperature_mk", None)
    assert sample(sensors, 9) == healthy


def test_a_stuck_channel_stands_at_its_value() -> None:
    sensors = Sensors(1)
    sensors.set_fault("fill_level_nl", SensorFault(stuck_at=12_345_000))
    assert set(column(sensors, "fill_level_nl", 20)) == {12_345_000}


def test_a_stale_channel_repeats_its_next_reading() -> None:
    sensors, healthy = Sensors(1), Sensors(1)
    sensors.set_fault("reservoir_pressure_pa", SensorFault(stale=True))
    first = sample(healthy, 0).reservoir_pressure_pa
    assert set(column(sensors, "reservoir_pressure_pa", 20)) == {first}


def test_a_bias_moves_by_itself_and_a_large_one_is_a_rail() -> None:
    sensors, healthy = Sensors(1), Sensors(1)
    sensors.set_fault("reservoir_pressure_pa", SensorFault(bias=50_000))
    for index in range(50):
        moved = sample(sensors, index).reservoir_pressure_pa
        assert moved == (sample(healthy, index).reservoir_pressure_pa or 0) + 50_000
    sensors.set_fault("reservoir_pressure_pa", SensorFault(bias=1_000_000))
    assert set(column(sensors, "reservoir_pressure_pa", 20)) == {700_000}
    sensors.set_fault("reservoir_pressure_pa", SensorFault(bias=-1_000_000))
    assert set(column(sensors, "reservoir_pressure_pa", 20)) == {0}


def test_a_gain_acts_on_the_truth_and_not_on_the_noise() -> None:
    sensors, healthy = Sensors(1), Sensors(1)
    sensors.set_fault("fill_level_nl", SensorFault(gain=0.8))
    for index in range(50):
        weak = sample(sensors, index).fill_level_nl
        assert weak == (sample(healthy, index).fill_level_nl or 0) - 4_000_000


def test_a_bias_is_added_after_the_gain() -> None:
    sensors, healthy = Sensors(1), Sensors(1)
    sensors.set_fault("fill_level_nl", SensorFault(bias=1_000_000, gain=0.5))
    both = sample(sensors, 0).fill_level_nl
    assert both == (sample(healthy, 0).fill_level_nl or 0) - 10_000_000 + 1_000_000


def test_a_drift_grows_from_the_first_reading_on() -> None:
    """SEN-03."""
    sensors, healthy = Sensors(1), Sensors(1)
    sensors.set_fault("reservoir_pressure_pa", SensorFault(bias=100, drift_per_day=-2_400.0))
    for hours in (5, 6, 29):
        drifted = sample(sensors, hours, hours * HOUR_NS).reservoir_pressure_pa
        sound = sample(healthy, hours, hours * HOUR_NS).reservoir_pressure_pa
        assert (drifted or 0) - (sound or 0) == 100 - 100 * (hours - 5)


def test_spikes_come_as_often_as_asked() -> None:
    sensors, healthy = Sensors(1), Sensors(1)
    sensors.set_fault("pocket_pressure_pa", SensorFault(spike=20_000, spike_every=7))
    differences = [
        (sample(sensors, index).pocket_pressure_pa or 0)
        - (sample(healthy, index).pocket_pressure_pa or 0)
        for index in range(21)
    ]
    assert differences == [20_000 if index % 7 == 0 else 0 for index in range(21)]


@pytest.mark.parametrize(
    ("name", "fault", "says"),
    [
        ("fill", SensorFault(), "none of the sensors reservoir_pressure_pa"),
        ("fill_level_nl", SensorFault(stuck_at=33_000_001), "stuck at 0 to 33000000"),
        ("fill_level_nl", SensorFault(gain=float("nan")), "gain lies in 0 to 10"),
        ("fill_level_nl", SensorFault(spike_every=0), "spike_every is 1 or more"),
        ("fill_level_nl", SensorFault(bias=10**10), "bias, drift and spike lie in"),
        ("fill_level_nl", SensorFault(drift_per_day=-1e10), "bias, drift and spike lie in"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    name: str, fault: SensorFault, says: str
) -> None:
    sensors = Sensors(1)
    sensors.set_fault("fill_level_nl", SensorFault(bias=5))
    with pytest.raises(ValueError, match=says):
        sensors.set_fault(name, fault)
    assert sensors.faults == {"fill_level_nl": SensorFault(bias=5)}


def test_a_fit_of_other_channels_is_refused() -> None:
    with pytest.raises(ValueError, match="in this order"):
        Sensors(1, default_fit()[1:])


def test_a_snapshot_goes_on_where_it_was_taken() -> None:
    sensors = Sensors(6)
    sensors.set_fault("fill_level_nl", SensorFault(stale=True))
    sensors.set_fault("pocket_pressure_pa", SensorFault(gain=0.5, spike=100))
    sensors.set_fault("temperature_mk", SensorFault(drift_per_day=240.0))
    sample(sensors, 0)
    again = Sensors(6)
    again.restore(json.loads(json.dumps(sensors.snapshot())))
    for index in range(1, 300, 13):
        now_ns = index * HOUR_NS
        assert sample(again, index, now_ns) == sample(sensors, index, now_ns)
