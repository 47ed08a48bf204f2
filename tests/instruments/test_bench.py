"""Bath, controller, supply and syringe: what they do to the pump, and how closely they tell."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from protocol.vocabulary import Sounder
from pumpsim import snapshot
from pumpsim.instruments.bench import KINDS, Bench, Value
from tests.instruments.usual import DAY, HOUR, MINUTE, SECOND, Lab

SENSED = st.fixed_dictionaries(
    {
        "bath": st.fixed_dictionaries(
            {
                "resolution": st.sampled_from(["1 mK", "10 mK", "100 mK"]),
                "noise": st.sampled_from(["0 mK", "5 mK", "50 mK"]),
                "offset": st.sampled_from(["0 mK", "30 mK", "200 mK"]),
            }
        ),
        "pressure": st.fixed_dictionaries(
            {
                "resolution": st.sampled_from(["1 Pa", "100 Pa"]),
                "noise": st.sampled_from(["0 Pa", "5 Pa", "50 Pa"]),
                "offset": st.sampled_from(["0 Pa", "20 Pa", "200 Pa"]),
            }
        ),
        "supply": st.fixed_dictionaries(
            {
                "resolution": st.sampled_from(["1 mV", "10 mV"]),
                "noise": st.sampled_from(["0 mV", "1 mV", "10 mV"]),
                "current_resolution": st.sampled_from(["1 nA", "1 uA"]),
                "current_noise": st.sampled_from(["0 nA", "0.2 uA"]),
            }
        ),
    }
)


@settings(deadline=None, max_examples=40)
@given(
    sections=SENSED,
    seed=st.integers(0, 2**32),
    waits=st.lists(st.integers(0, HOUR), min_size=1, max_size=6),
    degc=st.integers(15, 45),
    kpa=st.integers(-10, 100),
    volts=st.integers(0, 36),
)
def test_the_truth_lies_within_every_stated_uncertainty(
    sections: dict[str, Any], seed: int, waits: list[int], degc: int, kpa: int, volts: int
) -> None:
    lab = Lab(seed, **sections)
    lab.do("bath", kind="set_point", temperature=f"{degc} degC")
    lab.do("bath", kind="run")
    lab.do("pressure", kind="set_point", pressure=f"{kpa} kPa")
    lab.do("pressure", kind="regulate")
    lab.do("supply", kind="set_voltage", voltage=f"{volts * 100} mV")
    lab.do("supply", kind="switch", on=True)
    for wait_ns in waits:
        lab.wait(wait_ns)
        shown: dict[str, Value] = {}
        for kind in ("bath", "pressure", "supply"):
            shown |= lab.bench.read(kind, lab.now_ns)
        lab.device.plant.split(lab.now_ns)
        state = lab.device.plant.state
        truths = {
            "temperature": state.body_temperature_k - 273.15,
            "pressure": (state.outlet_pressure_pa - state.pocket_pressure_pa) / 1e3,
            "voltage": volts / 10,
            "current": (20e-6 if volts >= 18 else 0.0)
            + (2e-3 if lab.device.actuation.sounder is not Sounder.OFF else 0.0),
        }
        for name, truth in truths.items():
            value = shown[name]
            assert abs(value.value - truth) <= value.uncertainty * (1 + 1e-9) + 1e-12, name


@pytest.mark.slow
@settings(deadline=None, max_examples=15)
@given(asks=st.lists(st.tuples(st.integers(0, 2 * MINUTE), st.sampled_from(KINDS)), max_size=20))
def test_looking_moves_nothing_and_looking_twice_tells_the_same(
    asks: list[tuple[int, str]],
) -> None:
    watched, alone = Lab(), Lab()
    for lab in (watched, alone):
        lab.do("bath", kind="run")
        lab.do("pressure", kind="vent")
    for wait_ns, kind in asks:
        watched.wait(wait_ns)
        seen = watched.bench.read(kind, watched.now_ns)
        assert watched.bench.read(kind, watched.now_ns) == seen
    for lab in (watched, alone):
        lab.device.advance(HOUR)
    assert snapshot.take(watched.device) == snapshot.take(alone.device)
    for kind in KINDS:
        assert watched.bench.read(kind, HOUR) == alone.bench.read(kind, HOUR)


def test_what_they_are_set_to_outlives_a_snapshot() -> None:
    lab = Lab()
    lab.wait(HOUR)
    lab.do("balance", kind="zero")
    lab.do("balance", kind="unit", unit="mg")
    lab.do("bath", kind="set_point", temperature="30 degC")
    lab.do("bath", kind="run")
    lab.do("pressure", kind="set_point", pressure="5 kPa")
    lab.do("pressure", kind="regulate")
    lab.do("supply", kind="set_voltage", voltage="3 V")
    lab.do("supply", kind="switch", on=True)
    saved = json.loads(json.dumps([snapshot.take(lab.device), lab.bench.save()]))
    copy = snapshot.restore(lab.device.pump, saved[0])
    bench = Bench(copy, lab.section, copy.seed)
    bench.load(saved[1])
    for device in (lab.device, copy):
        device.advance(2 * HOUR + 13 * SECOND)
    assert bench.save() == lab.bench.save()
    for kind in KINDS:
        assert bench.read(kind, copy.now_ns) == lab.bench.read(kind, copy.now_ns)
    bench.bath.set_point(copy.now_ns, 31.0)  # it runs, and so it follows
    assert copy.plant.held["temperature"] == pytest.approx(304.15)


# ---- the bath


def test_a_bath_that_never_ran_leaves_the_pump_alone() -> None:
    lab = Lab()
    lab.do("bath", kind="set_point", temperature="20 degC")
    lab.do("bath", kind="stop")
    lab.wait(HOUR)
    assert lab.device.plant.held == {}
    assert lab.value("bath", "temperature") == pytest.approx(37.0, abs=0.5)


def test_a_bath_goes_to_its_set_point_and_to_the_rooms_once_it_is_stopped() -> None:
    lab = Lab()
    lab.do("bath", kind="set_point", temperature="40 degC")
    lab.do("bath", kind="run")
    lab.wait(10 * MINUTE)
    assert 38.0 < lab.value("bath", "temperature") < 39.5
    lab.wait(2 * HOUR)
    assert lab.value("bath", "temperature") == pytest.approx(40.0, abs=0.05)
    lab.do("bath", kind="stop")
    lab.wait(3 * HOUR)
    assert 27.0 < lab.value("bath", "temperature") < 32.0
    lab.wait(2 * DAY)
    assert lab.value("bath", "temperature") == pytest.approx(22.0, abs=0.05)


# ---- the pressure controller


def test_a_controller_ramps_at_its_rate_and_stays_where_it_is_let_be() -> None:
    lab = Lab(pressure={"noise": "0 Pa", "offset": "0 Pa"})
    lab.do("pressure", kind="vent")
    lab.wait(MINUTE)
    assert lab.bench.settings("pressure") == {
        "target_kpa": 0.0,
        "regulating": False,
        "vented": True,
    }
    lab.do("pressure", kind="set_point", pressure="20 kPa")
    lab.wait(MINUTE)
    assert lab.value("pressure", "pressure") == 0.0
    lab.do("pressure", kind="regulate")
    lab.wait(5 * SECOND)
    assert lab.value("pressure", "pressure") == pytest.approx(5.0, abs=0.01)  # 1 kPa/s
    lab.do("pressure", kind="regulate", on=False)
    lab.wait(HOUR)
    assert lab.value("pressure", "pressure") == pytest.approx(5.0, abs=0.01)
    lab.do("pressure", kind="regulate")
    lab.wait(MINUTE)
    assert lab.value("pressure", "pressure") == pytest.approx(20.0, abs=0.001)
    lab.do("pressure", kind="set_point", pressure="-3 kPa")
    lab.wait(MINUTE)
    assert lab.value("pressure", "pressure") == pytest.approx(-3.0, abs=0.001)


# ---- the supply


def test_a_supply_feeds_the_pump_and_takes_its_life_with_it() -> None:
    lab = Lab()
    lab.do("supply", kind="switch", on=False)  # it never was on: the battery feeds
    assert lab.runs()
    lab.do("supply", kind="set_voltage", voltage="3.2 V")
    lab.do("supply", kind="switch", on=True)
    lab.wait(MINUTE)
    assert lab.device.readings is not None
    assert lab.device.readings.battery_mv == pytest.approx(3_200, abs=7)
    assert lab.device.boot_id == 1  # it never went without
    lab.do("supply", kind="set_voltage", voltage="1.7 V")
    assert not lab.runs()
    assert lab.value("supply", "current") == pytest.approx(0.0, abs=1e-6)
    lab.do("supply", kind="set_voltage", voltage="1.8 V")
    assert lab.runs()
    lab.do("supply", kind="switch", on=False)
    assert not lab.runs()
    assert lab.value("supply", "voltage") == pytest.approx(0.0, abs=0.004)
    lab.do("supply", kind="switch", on=True)
    assert lab.device.boot_id == 3


def test_a_pump_that_sounds_draws_more() -> None:
    lab = Lab()
    lab.do("supply", kind="switch", on=True)
    lab.wait(MINUTE)
    assert lab.value("supply", "current") == pytest.approx(20e-6, abs=1e-6)
    lab.act(kind="withdraw")
    while lab.device.actuation.sounder is Sounder.OFF:
        lab.wait(SECOND)
        assert lab.now_ns < HOUR
    assert lab.value("supply", "current") == pytest.approx(2.02e-3, abs=1e-6)


# ---- the syringe, and what cannot be


def test_a_syringe_is_read_to_the_nearest_mark() -> None:
    lab = Lab()
    lab.wait(DAY)
    truth = lab.device.plant.ledger
    drawn = lab.do("syringe", kind="withdraw")["volume"]
    assert drawn.value == pytest.approx(truth.withdrawn_fl / 1e12, abs=drawn.uncertainty)
    assert (drawn.value * 10).is_integer()
    drawn = lab.do("syringe", kind="fill", volume="20.04 mL", drug="FUDR", concentration="1 mg/mL")[
        "volume"
    ]
    assert (drawn.value, drawn.unit, drawn.uncertainty) == (20.0, "mL", 0.05)


@pytest.mark.parametrize(
    ("kind", "command", "hint"),
    [
        ("bath", {"kind": "set_point", "temperature": "46 degC"}, "from 15 to 45 degC"),
        ("pressure", {"kind": "set_point", "pressure": "101 kPa"}, "from -10 to 100 kPa"),
        ("supply", {"kind": "set_voltage", "voltage": "3.7 V"}, "from 0 to 3.6 V"),
        ("syringe", {"kind": "fill", "volume": "31 mL", "drug": "x", "concentration": "0 mg/mL"},
         "has room for"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_changes_nothing(
    kind: str, command: dict[str, str], hint: str
) -> None:
    lab = Lab()
    before = (lab.bench.save(), snapshot.take(lab.device))
    with pytest.raises(ValueError, match=hint):
        lab.do(kind, **command)
    assert (lab.bench.save(), snapshot.take(lab.device)) == before


def test_no_such_instrument_is_refused_with_the_way_out() -> None:
    with pytest.raises(ValueError, match="did you mean 'balance'"):
        Lab().bench.read("balanse", 0)


@pytest.mark.parametrize(
    "sections",
    [
        {"balance": {"drop": "12"}},
        {"balance": {"noise": "-1 mg"}},
        {"bath": {"lowest": "5 degC"}},
        {"bath": {"lowest": "30 degC", "highest": "20 degC"}},
        {"pressure": {"rate": "0 kPa/s"}},
        {"pressure": {"lowest": "20 kPa", "highest": "10 kPa"}},
        {"supply": {"highest": "5 V"}},
        {"scales": {}},
    ],
)
def test_parameters_that_make_no_instrument_are_refused(sections: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Lab(**sections)
