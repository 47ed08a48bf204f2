"""The same instruments through a daemon's control API."""

from typing import Any

import pytest

from hil.errors import LocalError, RigError
from hil.rig import open_rig
from protocol.messages import Status
from pumpsim.instruments.bench import KINDS
from pumpsim.instruments.commands import COMMANDS
from tests.system.conftest import Daemon, Serve

NS_PER_H = 3_600 * 10**9
PLACE = "/v1/devices/demo/instruments"


def test_days_on_the_balance_agree_with_the_ledger(demo: Daemon) -> None:
    with open_rig(demo.device()["tcp"]) as rig:
        rig.instruments.bath.set_temperature(37.0)
        rig.instruments.pressure.set_pressure(12.4)
        rig.wait("5 h")
        rig.instruments.balance.zero()
        start_fl, start_ns = rig.laboratory.truth()["ledger"]["delivered_fl"], rig.clock.now_ns()
        rig.wait("4 d")
        weight = rig.instruments.balance.weigh_stable()
        delivered_fl = rig.laboratory.truth()["ledger"]["delivered_fl"] - start_fl
        gone_mg = 0.1 * (weight.instant_ns - start_ns) / NS_PER_H
        true_mg = delivered_fl / 1e9 * 0.99777
        assert weight.value + gone_mg == pytest.approx(true_mg, abs=weight.uncertainty)


def script(uri: str) -> list[Any]:
    """What every make of a rig must come to, to the last digit."""
    seen: list[Any] = []
    with open_rig(uri) as rig:
        instruments = rig.instruments
        instruments.bath.set_temperature(40.0)
        instruments.pressure.set_pressure(20.0)
        instruments.supply.set_voltage(3.0)
        instruments.supply.switch(on=True)
        for duration in ("3 s", "10 min", "6 h"):
            rig.wait(duration)
            seen += [
                instruments.balance.weigh(),
                instruments.bath.temperature(),
                instruments.pressure.pressure(),
                instruments.supply.voltage(),
                instruments.supply.current(),
            ]
        seen += [instruments.balance.weigh_stable(), instruments.syringe.withdraw()]
        instruments.pressure.vent()
        instruments.bath.stop()
    return seen


def test_one_script_reads_the_same_in_process_and_behind_a_daemon(serve: Serve) -> None:
    daemon = serve("--mqtt", "none", "--speed", "max", "--seed", "3")
    assert script(daemon.device()["tcp"]) == script("sim:?seed=3")


def test_without_supply_the_pump_is_silent_and_comes_back(demo: Daemon) -> None:
    with open_rig(demo.device()["tcp"]) as rig:
        rig.instruments.supply.switch(on=True)
        rig.instruments.supply.switch(on=False)
        assert not rig.laboratory.truth()["powered"]
        assert rig.instruments.supply.current().value == pytest.approx(0.0, abs=1e-6)
        rig.clock.wait(rig.clock.now_ns() + NS_PER_H)
        rig.instruments.supply.switch(on=True)
        rig.wait("2 min")
        assert isinstance(rig.dut.status(), Status)


def test_every_instrument_is_there_with_what_it_shows_and_is_set_to(demo: Daemon) -> None:
    told = demo.get(PLACE)
    assert list(told) == list(KINDS)
    assert told["bath"] == demo.get(f"{PLACE}/bath")
    assert told["bath"]["settings"] == {"target_degc": 37.0, "circulating": False}
    shown = told["bath"]["readings"]["temperature"]
    assert shown["value"] == pytest.approx(37.0, abs=0.5)
    assert (shown["unit"], shown["stable"], shown["range"]) == ("degC", True, "ok")


def test_a_snapshot_keeps_what_they_are_set_to(demo: Daemon) -> None:
    demo.api.post(f"{PLACE}/bath", json={"kind": "set_point", "temperature": "30 degC"})
    demo.api.post(f"{PLACE}/bath", json={"kind": "run"})
    demo.run_for("1 h")
    demo.api.post(f"{PLACE}/balance", json={"kind": "zero"})
    saved, told = demo.get("/v1/snapshot"), demo.get(PLACE)
    demo.api.post(f"{PLACE}/bath", json={"kind": "stop"})
    demo.run_for("1 h")
    demo.api.post(f"{PLACE}/balance", json={"kind": "zero"})
    assert demo.get(PLACE) != told
    assert demo.api.put("/v1/snapshot", json=saved).status_code == 200
    assert demo.get(PLACE) == told
    demo.run_for("1 h")
    assert demo.get(f"{PLACE}/bath")["readings"]["temperature"]["value"] < 31.0


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("bath", {"kind": "set_point", "temperature": "80 degC"}, "from 15 to 45 degC"),
        ("pressure", {"kind": "regulate", "off": "yes"}, "off: unknown key; known here: on"),
        ("bath", {"kind": "zero"}, "'zero' is unknown; known here: set_point, run, stop"),
        ("supply", {"kind": "switch"}, "on: is missing"),
        ("syringe", {"kind": "withdraw", "volume": "29 mL"}, "a needle reaches"),
        ("daq", {"kind": "zero"}, "the daq takes no commands here"),
    ],
)
def test_what_cannot_be_is_told_in_one_sentence(
    demo: Daemon, kind: str, body: dict[str, str], words: str
) -> None:
    before = demo.get(PLACE)
    answer = demo.api.post(f"{PLACE}/{kind}", json=body)
    assert answer.status_code == 422
    assert words in answer.json()["error"]
    assert demo.get(PLACE) == before


def test_what_is_not_there_is_told(demo: Daemon) -> None:
    answer = demo.api.get(f"{PLACE}/balanse")
    assert (answer.status_code, answer.json()["error"]) == (
        422,
        "'balanse' is no instrument; did you mean 'balance'?",
    )
    assert demo.api.get("/v1/devices/nobody/instruments/bath").status_code == 404
    with open_rig(demo.device()["tcp"]) as rig:
        with pytest.raises(LocalError, match="did you mean 'balance'"):
            rig.laboratory.read("balanse")
        with pytest.raises(LocalError, match="did you mean 'balance'"):
            rig.laboratory.operate("balanse", {"kind": "zero"})


def test_the_openapi_document_tells_of_every_command(demo: Daemon) -> None:
    document = demo.get("/openapi.json")
    for kind in COMMANDS:
        assert (
            "requestBody" in document["paths"][f"/v1/devices/{{device}}/instruments/{kind}"]["post"]
        )
    assert "above ambient" in str(document["components"]["schemas"]["SetPressure"])


def test_a_rig_without_control_has_no_emulated_instruments(demo: Daemon) -> None:
    link = demo.device()["tcp"].partition("?")[0]
    with open_rig(link) as rig:
        assert rig.instruments.kinds() == frozenset()
        with pytest.raises(RigError, match="no balance"):
            _ = rig.instruments.balance
