"""Drivers that others wrote talk to the emulated instruments, unchanged.

They are what tells whether a command set is really spoken: neither side was made for the other.
"""

import os
from collections.abc import Iterator

import pytest

from tests.system.conftest import Daemon, Serve
from tests.system.talk import TIMEOUT_S

BENCH = '[balance]\ndrop = "0 uL"\n'

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals are POSIX"),
]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A pump and its instruments."""
    folder = tmp_path_factory.mktemp("bench")
    (folder / "bench.toml").write_text(BENCH, encoding="utf-8")
    daemon = Serve(folder)("--mqtt", "none", "--rig", str(folder / "bench.toml"))
    yield daemon
    daemon.finish()


def test_a_driver_for_mettler_balances_weighs(bench: Daemon) -> None:
    from mettler_toledo_device import MettlerToledoDevice

    place = bench.device()["instruments"]["balance"]["serial"]
    balance = MettlerToledoDevice(port=place, timeout=TIMEOUT_S)  # its own is 50 ms
    try:
        assert balance.get_serial_number() == "0000000001"
        assert balance.get_mtsics_level()[0] == "01"
        assert balance.get_balance_data() == ["BAL-220", "220.0000", "g"]
        assert balance.zero_stable()
        mass, unit, status = balance.get_weight()
        assert (unit, status) == ("g", "S")
        assert abs(mass) < 0.001
        assert balance.get_weight_stable()[1] == "g"
        assert balance.zero() == "S"
    finally:
        balance.close()


@pytest.mark.parametrize("where", ["serial", "tcp"])
def test_a_driver_for_a_keysight_supply_feeds_the_pump(bench: Daemon, where: str) -> None:
    from pymeasure.instruments.keysight import KeysightE36312A  # takes pandas along

    place = bench.device()["instruments"]["supply"][where]
    name = f"ASRL{place}::INSTR" if where == "serial" else f"TCPIP::{place.replace(':', '::')}"
    resource = name if where == "serial" else f"{name}::SOCKET"
    supply = KeysightE36312A(
        resource,
        visa_library="@py",
        read_termination="\n",
        write_termination="\n",
        timeout=TIMEOUT_S * 1e3,
    )
    try:
        assert supply.id.startswith("pumpsim,power supply")
        supply.ch_1.voltage_setpoint = 3.1
        supply.ch_1.current_limit = 0.5
        supply.ch_1.output_enabled = True
        assert supply.ch_1.voltage_setpoint == 3.1
        assert supply.ch_1.current_limit == 0.5
        assert supply.ch_1.output_enabled is True
        assert supply.ch_1.voltage == pytest.approx(3.1, abs=0.01)
        assert 0.0 < supply.ch_1.current < 0.01
        assert supply.check_errors() == []
        supply.ch_1.voltage_setpoint = 5.0  # within the driver's limits, not within this supply's
        assert [number for number, _ in supply.check_errors()] == [-222]
        assert supply.ch_1.voltage_setpoint == 3.1
    finally:
        supply.adapter.close()
