"""A bench script's instruments on an emulated pump in this process."""

from collections.abc import Mapping
from typing import Any

import pytest

from hil.errors import LinkError, LocalError, RigError
from hil.instruments.errors import InstrumentError
from hil.instruments.laboratory import SETTLE_LIMIT_S, LaboratoryBalance, instruments
from hil.laboratory import NoLaboratory
from hil.rig import Rig, open_rig
from protocol.messages import Status

NS_PER_S = 10**9
NS_PER_H = 3_600 * NS_PER_S
DENSITY_MG_PER_UL = 0.99777
"""Of water at 22 degC."""


def flow_nl_per_h(rig: Rig) -> float:
    flow: float = rig.laboratory.truth()["state"]["flow_m3_per_s"]
    return flow * 3_600e12


def test_a_rig_in_process_has_one_of_each_kind() -> None:
    with open_rig("sim:") as rig:
        kinds = {"balance", "bath", "pressure", "syringe", "supply"}
        assert rig.instruments.kinds() == kinds


@pytest.mark.slow
def test_days_on_the_balance_agree_with_the_ledger() -> None:
    with open_rig("sim:") as rig:
        rig.instruments.pressure.set_pressure(12.4)
        rig.instruments.bath.set_temperature(37.0)
        rig.wait("5 h")
        rig.instruments.balance.zero()
        start_fl, start_ns = rig.laboratory.truth()["ledger"]["delivered_fl"], rig.clock.now_ns()
        rig.wait("14 d")
        weight = rig.instruments.balance.weigh_stable()
        delivered_fl = rig.laboratory.truth()["ledger"]["delivered_fl"] - start_fl
        evaporated_mg = 0.1 * (weight.instant_ns - start_ns) / NS_PER_H
        true_mg = delivered_fl / 1e9 * DENSITY_MG_PER_UL
        assert weight.unit == "mg"
        assert weight.value + evaporated_mg == pytest.approx(true_mg, abs=weight.uncertainty)
        assert weight.uncertainty < 1e-3 * true_mg


def test_warmth_and_pressure_move_the_flow() -> None:
    with open_rig("sim:") as rig:
        bath, pressure = rig.instruments.bath, rig.instruments.pressure
        rig.laboratory.stimulate({"kind": "chamber", "pressure": "101.325 kPa"})
        pressure.set_pressure(12.4)
        bath.set_temperature(37.0)
        rig.wait("5 h")
        usual = flow_nl_per_h(rig)
        bath.set_temperature(38.125)
        rig.wait("5 h")
        assert bath.temperature().value == pytest.approx(38.125, abs=0.05)
        assert flow_nl_per_h(rig) / usual == pytest.approx(1 + 0.062 * 1.125, abs=3e-3)
        bath.set_temperature(37.0)
        pressure.set_pressure(32.4)
        rig.wait("5 h")
        assert pressure.pressure().value == pytest.approx(32.4, abs=0.036)
        # domain facts, section 2: 20 kPa of 234 kPa
        assert flow_nl_per_h(rig) / usual == pytest.approx(1 - 20 / 234, abs=5e-3)
        pressure.vent()
        bath.stop()
        rig.wait("1 min")
        assert pressure.pressure().value == pytest.approx(0.0, abs=0.036)


def test_a_weight_is_waited_for_on_the_devices_time() -> None:
    with open_rig("sim:") as rig:
        balance = rig.instruments.balance
        rig.instruments.syringe.inject_bolus(0.5, 20.0, "saline", 0.0)
        rig.wait("15 s")
        assert not balance.weigh().stable
        asked_ns = rig.clock.now_ns()
        weight = balance.weigh_stable()
        assert weight.stable
        assert 5 * NS_PER_S < weight.instant_ns - asked_ns < 60 * NS_PER_S


def test_a_weight_that_never_settles_is_told_after_the_limit() -> None:
    with open_rig("sim:") as rig:
        rig.instruments.syringe.inject_bolus(60.0, 7_200.0, "saline", 0.0)
        rig.wait("1 min")  # by now it gains 8 mg each second
        asked_ns = rig.clock.now_ns()
        with pytest.raises(InstrumentError, match=f"after {SETTLE_LIMIT_S} s"):
            rig.instruments.balance.weigh_stable()
        assert rig.clock.now_ns() - asked_ns == SETTLE_LIMIT_S * NS_PER_S


def test_an_overload_is_named() -> None:
    with open_rig("sim:") as rig:
        for _ in range(3):
            rig.instruments.syringe.inject_bolus(60.0, 3_600.0, "saline", 0.0)
            rig.wait("2 h")
        with pytest.raises(InstrumentError, match="emulated balance: is overloaded"):
            rig.instruments.balance.weigh()
        rig.laboratory.operate("balance", {"kind": "empty"})
        assert rig.instruments.balance.weigh_stable().stable


def test_a_syringe_moves_what_it_reads() -> None:
    with open_rig("sim:") as rig:
        drawn = rig.instruments.syringe.withdraw()
        assert drawn.value == pytest.approx(27.4, abs=drawn.uncertainty)
        filled = rig.instruments.syringe.fill(20.0, "FUDR", 6.46)
        assert (filled.value, filled.unit) == (20.0, "mL")
        assert rig.laboratory.truth()["ledger"]["filled_fl"] == 48 * 10**12


def test_a_supply_switches_the_pump() -> None:
    with open_rig("sim:") as rig:
        supply = rig.instruments.supply
        supply.set_voltage(3.0)
        supply.switch(on=True)
        assert supply.voltage().value == pytest.approx(3.0, abs=0.0036)
        assert supply.current().value == pytest.approx(20e-6, abs=1e-6)
        supply.switch(on=False)
        with pytest.raises(LinkError):
            rig.dut.status()
        rig.wait("1 h")
        supply.switch(on=True)
        rig.wait("2 min")
        assert isinstance(rig.dut.status(), Status)


@pytest.mark.parametrize(
    ("act", "hint"),
    [
        (lambda i: i.bath.set_temperature(80.0), "from 15 to 45 degC"),
        (lambda i: i.bath.set_temperature(float("nan")), "temperature"),
        (lambda i: i.pressure.set_pressure(-500.0), "from -10 to 100 kPa"),
        (lambda i: i.supply.set_voltage(12.0), "from 0 to 3.6 V"),
        (lambda i: i.supply.set_voltage(-1.0), "from 0 to 3.6 V, not to -1 V"),
        (lambda i: i.syringe.fill(31.0, "FUDR", 1.0), "has room for"),
        (lambda i: i.syringe.inject_bolus(2.0, 0.0, "saline", 0.0), "duration"),
    ],
)
def test_what_cannot_be_is_a_local_mistake_and_changes_nothing(act: Any, hint: str) -> None:
    with open_rig("sim:") as rig:
        before = rig.laboratory.truth()
        with pytest.raises(LocalError, match=hint):
            act(rig.instruments)
        assert rig.laboratory.truth() == before


@pytest.mark.parametrize(
    ("instrument", "command", "hint"),
    [
        ("balanse", {"kind": "zero"}, "did you mean 'balance'"),
        ("balance", {"kind": "nil"}, "balance"),
        ("bath", {"kind": "set_point", "temperature": "40 degF"}, "degF"),
        ("bath", {}, "kind"),
        ("daq", {"kind": "zero"}, "the daq takes no commands here"),
    ],
)
def test_a_command_that_is_none_is_a_local_mistake(
    instrument: str, command: Mapping[str, Any], hint: str
) -> None:
    with open_rig("sim:") as rig, pytest.raises(LocalError, match=hint):
        rig.laboratory.operate(instrument, command)


def test_without_a_laboratory_the_way_out_is_told() -> None:
    with open_rig("sim:") as rig:
        away = instruments(NoLaboratory(), rig.clock)
        for ask in (away.bath.temperature, away.bath.stop):
            with pytest.raises(RigError, match=r"no emulated bath .*\?control=URL"):
                ask()
        assert isinstance(away.balance, LaboratoryBalance)
