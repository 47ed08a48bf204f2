"""Logic that believes the programmed rate, beside the one that measures."""

import json
from pathlib import Path

import pytest

from protocol import messages as m
from protocol.control import Request
from protocol.vocabulary import AlarmId, Quality, Role
from pumpsim import pumpfile, snapshot
from pumpsim.device import Device
from pumpsim.firmware.programmed_rate import ProgrammedRateLogic
from pumpsim.scenario.file import load
from pumpsim.scenario.play import Run
from pumpsim.scenario.watch import AlarmRow
from pumpsim.stimuli import ADAPTER, HOUR
from pumpsim.trace import Trace

SCENARIOS = Path(__file__).parents[2] / "scenarios"
DAY = 24 * HOUR
EMPTY_NL = 1_000_000


def played(name: str, until_ns: int | None = None) -> Run:
    run = Run.prepare(load(SCENARIOS / f"{name}.toml"), None, Trace())
    if until_ns is None:
        run.play()
    else:
        run.device.advance(until_ns)
    return run


def truly_left_nl(device: Device) -> float:
    return device.plant.state.reservoir_volume_m3 * 1e12


def raised(run: Run) -> dict[AlarmId, AlarmRow]:
    return {row.alarm: row for row in reversed(run.watch.alarms.values())}


def test_it_believes_the_label_whatever_flows() -> None:
    device = Device(pumpfile.load(Path("pumps/recalled-programmed-rate.toml")), 1)
    device.implant()
    device.advance(2 * DAY)
    beliefs = device.beliefs
    assert beliefs is not None
    nominal = device.pump.pump.nominal_flow
    assert beliefs.flow_nl_per_h == (nominal, nominal, nominal, Quality.GOOD)
    assert beliefs.delivered_total_nl == pytest.approx(48 * nominal, rel=1e-3)
    assert beliefs.residual_volume_nl is not None
    filled_nl = device.plant.ledger.filled_fl / 1e6
    assert beliefs.residual_volume_nl.estimate == pytest.approx(filled_nl - 48 * nominal, rel=1e-3)
    assert beliefs.residual_volume_nl.estimate - truly_left_nl(device) > 1_000_000
    assert device.firmware_name() == ProgrammedRateLogic.name


@pytest.mark.slow
def test_it_runs_empty_in_silence() -> None:
    """RES-01: the recall class, shown: dry on day 14, with nine millilitres believed."""
    run = played("recalled-pump-programmed-rate", 14 * DAY)
    assert truly_left_nl(run.device) < 1.2 * EMPTY_NL
    beliefs = run.device.beliefs
    assert beliefs is not None
    assert beliefs.residual_volume_nl is not None
    assert beliefs.residual_volume_nl.low > 9_000_000
    assert {row.alarm for row in run.watch.alarms.values()} == {AlarmId.REFILL_DUE}  # a reminder


@pytest.mark.slow
def test_the_reference_tells_in_time() -> None:
    """RES-01, FLW-02: over-infusion within hours, low while it is low, and a date that comes."""
    run = played("recalled-pump")
    alarms = raised(run)
    assert alarms[AlarmId.OVER_INFUSION].raised_ns <= 7 * HOUR
    assert AlarmId.EMPTY_RESERVOIR in alarms
    low = played("recalled-pump", alarms[AlarmId.LOW_RESERVOIR].raised_ns)
    assert truly_left_nl(low.device) >= 2_700_000
    beliefs = run.device.beliefs
    assert beliefs is not None
    ledger = run.device.plant.ledger
    pumped_nl = (ledger.filled_fl - ledger.reservoir_fl) / 1e6
    assert beliefs.delivered_total_nl == pytest.approx(pumped_nl, rel=0.01)


def test_a_snapshot_keeps_what_it_believes() -> None:
    device = Device(pumpfile.load(Path("pumps/recalled-programmed-rate.toml")), 1)
    device.implant()
    device.advance(DAY)
    copy = snapshot.restore(device.pump, json.loads(json.dumps(snapshot.take(device))))
    for each in (device, copy):
        each.advance(2 * DAY)
    assert copy.beliefs == device.beliefs


def test_it_misses_samples_like_any_other() -> None:
    """SEN-06: what it believes needs no readings, but it knows when none come."""
    device = Device(pumpfile.load(Path("pumps/recalled-programmed-rate.toml")), 1)
    device.implant()
    device.advance(HOUR)
    device.stimulate(HOUR, ADAPTER.validate_python({"kind": "converter_fault", "how": "silent"}))
    device.advance(2 * HOUR)
    assert device.beliefs is not None
    assert AlarmId.SENSOR_FAULT in device.beliefs.alarms


def test_what_it_gives_by_its_label_is_no_excess() -> None:
    """DOS-02: days at the programmed rate are the prescription; a flush on top is no overdose."""
    device = Device(pumpfile.load(Path("pumps/recalled-programmed-rate.toml")), 1)
    device.implant()
    device.advance(2 * DAY)
    begin = m.BeginBolusAccess(drug="saline", concentration_ng_per_ml=0)
    for command in (begin, m.EndBolusAccess(injected_nl=1_000)):
        assert isinstance(device.ask_logic(Request(command, Role.CLINICIAN, 0)), m.Done)
    device.advance(2 * DAY + HOUR)
    assert device.beliefs is not None
    assert AlarmId.DOSE_LIMIT not in device.beliefs.alarms
