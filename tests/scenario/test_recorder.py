"""The recorder: a spike of one sample survives years of buckets."""

import pytest

from pumpsim.device import SAMPLE_NS, Device
from pumpsim.pumpfile import demo
from pumpsim.scenario.recorder import BUCKETS, Recorder
from pumpsim.stimuli import ADAPTER, HOUR


def sampled(device: Device, recorder: Recorder) -> None:
    device.advance(device.now_ns + SAMPLE_NS)
    recorder.take(device.now_ns)


def test_a_spike_of_one_sample_is_the_extreme_of_its_bucket() -> None:
    device = Device(demo(), seed=1)
    device.implant()
    recorder = Recorder(device, 10 * BUCKETS * SAMPLE_NS)
    for index in range(44):
        if index == 25:
            spike = {"kind": "inject_bolus", "volume": "3 mL", "duration": "1 min"}
            device.stimulate(device.now_ns, ADAPTER.validate_python(spike))
        sampled(device, recorder)
    bands = recorder.truth["catheter_pressure_pa"]
    assert len(bands) == len(recorder.middles_ns) == 4  # eleven samples each
    assert [band.greatest > 118_000 for band in bands] == [False, False, True, False]
    assert bands[2].mean < 116_000
    assert all(band.least <= band.mean <= band.greatest for band in bands)


def test_buckets_stand_at_the_middle_of_their_samples() -> None:
    device = Device(demo(), seed=1)
    device.implant()
    recorder = Recorder(device, 3 * BUCKETS * SAMPLE_NS)
    for _ in range(8):
        sampled(device, recorder)
    assert recorder.middles_ns == [5 * SAMPLE_NS // 2, 13 * SAMPLE_NS // 2]


def test_belief_is_a_band_from_its_low_bound_to_its_high_one() -> None:
    device = Device(demo(), seed=1)
    device.implant()
    device.advance(HOUR)
    recorder = Recorder(device, SAMPLE_NS)
    sampled(device, recorder)
    [band] = recorder.belief["residual_volume_nl"]
    assert band is not None
    assert device.beliefs is not None
    residual = device.beliefs.residual_volume_nl
    assert residual is not None
    assert band == pytest.approx((residual.low, residual.estimate, residual.high))


def test_what_is_read_stands_beside_the_truth() -> None:
    device = Device(demo(), seed=1)
    device.implant()
    recorder = Recorder(device, SAMPLE_NS)
    for fault in ({"bias": 5_000}, {"missing": True}):
        broken = {"kind": "sensor_fault", "channel": "temperature_mk", **fault}
        device.stimulate(device.now_ns, ADAPTER.validate_python(broken))
        sampled(device, recorder)
    wrong, silent = recorder.reading["temperature_mk"]
    assert wrong is not None
    truth = recorder.truth["pump_temperature_k"][0]
    assert wrong.mean / 1e3 == pytest.approx(truth.mean + 5, abs=0.3)
    assert silent is None


def test_what_is_not_known_is_no_number() -> None:
    pump = demo().model_copy(update={"pump": demo().pump.model_copy(update={"logic": "bare"})})
    device = Device(pump, seed=1)
    device.implant()
    recorder = Recorder(device, SAMPLE_NS)
    sampled(device, recorder)
    assert recorder.belief["flow_nl_per_h"] == [None]
