"""Drivers against interpreters of the same command sets, over real ptys and sockets.

Both sides were written from the makers' descriptions, each without the other.
"""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hil.instruments.errors import InstrumentError
from hil.instruments.julabo import ENDS as JULABO_ENDS
from hil.instruments.julabo import JulaboBath
from hil.instruments.kinds import Reading
from hil.instruments.line import Line
from hil.instruments.mt_sics import MtSicsBalance
from hil.instruments.port import parse_port
from hil.instruments.scpi import ENDS as SCPI_ENDS
from hil.instruments.scpi import Scpi
from hil.instruments.scpi_daq import ScpiRelay, ScpiSensors, Transducer
from hil.instruments.scpi_pressure import ScpiPressure
from hil.instruments.scpi_supply import ScpiSupply
from pumpsim.instruments import julabo, mt_sics, scpi_daq, scpi_pressure, scpi_supply
from pumpsim.instruments.line import Ailment, Fault, FaultyLine, Interpreter
from tests.hil.far_end import PtyEnd, TcpEnd
from tests.instruments.stand_ins import Bottle, Cell, Pan, Rack, Tub

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals are POSIX")

QUICK_S = 0.5
S = 1_000_000_000
TRANSDUCERS = {
    "temperature_mk": Transducer(105, (0.0, 10.0), (0.0, 100.0), "degC", 0.1),
    "reservoir_pressure_pa": Transducer(101, (1.0, 5.0), (0.0, 700.0), "kPa", 1.0),
}
"""The second as 4 to 20 mA over 250 ohm."""


@dataclass
class Clock:
    """Device time that passes when it is waited for."""

    now: int = 0
    virtual: bool = True

    def now_ns(self) -> int:
        return self.now

    def wait(self, until_ns: int, *_ports: object) -> int:
        self.now = max(self.now, until_ns)
        return self.now


@dataclass
class Table:
    """All five instruments, each on a line of its own, and what ails them."""

    tmp_path: Path
    clock: Clock = field(default_factory=Clock)
    ailment: Ailment = field(default_factory=Ailment)
    pan: Pan = field(default_factory=Pan)
    tub: Tub = field(default_factory=Tub)
    bottle: Bottle = field(default_factory=Bottle)
    cell: Cell = field(default_factory=Cell)
    rack: Rack = field(default_factory=Rack)
    plate: mt_sics.Nameplate = field(default_factory=mt_sics.Nameplate)
    ends: list[PtyEnd | TcpEnd] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    def balance(self, serial_number: str | None = None) -> MtSicsBalance:
        spoken = mt_sics.MtSics(self.pan, self.plate, mt_sics.Pan(), self.ailment)
        line = self._line("balance", spoken, ("\r\n", "\r\n"), serial_number)
        return MtSicsBalance(line, self.clock, 0.2, 100_000.0)

    def bath(self, serial_number: str | None = None) -> JulaboBath:
        spoken = julabo.Julabo(self.tub, self.ailment)
        line = self._line("bath", spoken, JULABO_ENDS, serial_number)
        return JulaboBath(line, self.clock, 0.05, 45.0)

    def pressure(self) -> ScpiPressure:
        front = scpi_pressure.Front()
        spoken = scpi_pressure.ScpiPressure(self.bottle, front, self.ailment).interpreter
        return ScpiPressure(self._line("pressure", spoken, SCPI_ENDS), self.clock, 0.02)

    def supply(self) -> ScpiSupply:
        spoken = scpi_supply.ScpiSupply(self.cell, scpi_supply.Limit(), self.ailment).interpreter
        line = self._line("supply", spoken, SCPI_ENDS)
        return ScpiSupply(line, self.clock, (0.002, 1e-6), 4.0)

    def daq(
        self, transducers: dict[str, Transducer] = TRANSDUCERS, relay: int = 201
    ) -> tuple[ScpiSensors, ScpiRelay]:
        scpi = Scpi(
            self._line("daq", scpi_daq.ScpiDaq(self.rack, self.ailment).interpreter, SCPI_ENDS)
        )
        sensors = ScpiSensors(scpi, self.clock, transducers)
        scpi.line.open(scpi.identify, sensors.prepare)
        return sensors, ScpiRelay(scpi, relay)

    def close(self) -> None:
        for line in self.lines:
            line.close()
        for end in self.ends:
            end.unplug()

    def _line(
        self,
        kind: str,
        spoken: Interpreter,
        ends: tuple[str, str],
        serial_number: str | None = None,
    ) -> Line:
        faulty = FaultyLine(spoken, self.ailment)

        def answer(data: bytes) -> bytes:
            return faulty.receive(self.clock.now, data)

        on_tcp = kind == "pressure"
        end = TcpEnd(answer) if on_tcp else PtyEnd(self.tmp_path / f"{kind}-port", answer)
        line = Line(kind, parse_port(end.uri), ends, serial_number, QUICK_S, reopen_s=0.2)
        self.ends.append(end)
        self.lines.append(line)
        return line


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    made = Table(tmp_path)
    yield made
    made.close()


# ---- balance


def test_a_balance_tells_who_it_is_and_weighs_in_mg(table: Table) -> None:
    balance = table.balance("0000000001")
    assert str(table.lines[0].identity) == "BAL-120 120.0000 g, serial number 0000000001"
    table.pan.mass_mg = 1_234.56
    table.clock.now = 7
    assert balance.weigh() == Reading(1_234.6, "mg", 7, 0.2)
    table.pan.mass_mg = -3.0
    assert balance.weigh().value == -3.0


@pytest.mark.parametrize("unit", ["g", "mg"])
def test_grams_and_milligrams_come_to_the_same(table: Table, unit: str) -> None:
    table.pan.unit = unit
    table.pan.mass_mg = 250.0
    assert table.balance().weigh().value == pytest.approx(250.0)


def test_kilograms_are_weighed_too(table: Table) -> None:
    balance = table.balance()
    table.ends[0].answer = lambda _: b"S S     0.01234 kg\r\n"
    assert balance.weigh().value == pytest.approx(12_340.0)


def test_a_weight_is_waited_for_by_the_rigs_clock(table: Table) -> None:
    balance = table.balance()
    table.pan.settles_ns = 3 * S
    assert not balance.weigh().stable
    assert balance.weigh_stable().stable
    assert table.clock.now == 3 * S


def test_a_weight_that_never_settles_is_given_up(table: Table) -> None:
    balance = table.balance()
    table.pan.settles_ns = 10**18
    with pytest.raises(InstrumentError, match="did not settle within 60 s"):
        balance.weigh_stable()
    assert table.clock.now == 60 * S


def test_zeroing_counts_from_what_lies_there(table: Table) -> None:
    balance = table.balance()
    table.pan.mass_mg = 20_000.0
    balance.zero()
    assert balance.weigh().value == 0.0


def test_a_vessel_too_heavy_for_zeroing_is_tared(table: Table) -> None:
    balance = table.balance()
    table.pan.mass_mg = 20_000.0
    whole = table.ends[0].answer
    table.ends[0].answer = lambda data: b"Z +\r\n" if data == b"Z\r\n" else whole(data)
    balance.zero()
    table.pan.mass_mg = 20_001.0
    assert balance.weigh().value == pytest.approx(1.0)


BALANCE_SAYS = {
    "ES": r"answered 'SI' with ES: it does not know that command",
    "ET": r"transmission error",
    "EL": r"cannot execute it now",
    "S I": r"it cannot do that now: it is busy",
    "S +": r"it is overloaded.*empty the vessel",
    "S -": r"below its range: is the pan in place",
    "S L": r"parameter wrong",
    "T S 1.0 g": r"belongs to another command",
    "S S 1.0": r"which is no weight",
    "S S 1.0 oz": r"weighs in 'oz', not in g, mg or kg: set its unit",
    "S S 101.0 g": r"101 g is beyond the range of 100 g",
}


@pytest.mark.parametrize("answer", BALANCE_SAYS)
def test_whatever_a_balance_says_but_a_weight_is_a_sentence(table: Table, answer: str) -> None:
    balance = table.balance()
    table.ends[0].answer = lambda _: f"{answer}\r\n".encode()
    with pytest.raises(InstrumentError, match=BALANCE_SAYS[answer]) as caught:
        balance.weigh()
    assert str(caught.value).startswith(f"balance at {table.tmp_path}/balance-port: ")


def test_a_balance_that_refuses_to_zero_is_told(table: Table) -> None:
    balance = table.balance()
    whole = table.ends[0].answer
    table.ends[0].answer = lambda data: b"Z D\r\n" if data == b"Z\r\n" else whole(data)
    with pytest.raises(InstrumentError, match="did not zero"):
        balance.zero()


def test_a_balance_that_was_switched_off_in_between_is_noticed(table: Table) -> None:
    balance = table.balance()
    end = table.ends[0]
    assert isinstance(end, PtyEnd)
    end.say(b'I4 A "0000000001"\r\n')
    with pytest.raises(InstrumentError, match="switched off and on again"):
        balance.weigh()
    assert balance.weigh().value == 0.0


def test_another_balance_in_the_same_socket_is_noticed_after_a_replug(table: Table) -> None:
    balance = table.balance("0000000001")
    end = table.ends[0]
    end.unplug()
    other = mt_sics.MtSics(
        table.pan, table.plate._replace(serial="17"), mt_sics.Pan(), table.ailment
    )
    end.answer = lambda data: other.receive(0, data)
    end.plug()
    with pytest.raises(InstrumentError, match=r"wrong instrument.*'17'.*'0000000001'"):
        balance.weigh()


# ---- bath


def test_a_bath_is_set_started_read_and_stopped(table: Table) -> None:
    bath = table.bath()
    assert str(table.lines[0].identity) == "pumpsim circulator VERSION 1.00"
    assert bath.temperature().value == 20.0
    bath.set_temperature(38.5)
    assert table.tub.circulating
    assert bath.temperature() == Reading(38.5, "degC", 0, 0.05)
    bath.stop()
    assert not table.tub.circulating


def test_a_set_point_that_a_bath_refuses_is_told_with_its_status(table: Table) -> None:
    bath = table.bath()
    with pytest.raises(InstrumentError, match=r"did not take the set point 70\.00.*TOO LARGE"):
        bath.set_temperature(70.0)
    assert not table.tub.circulating


def test_a_bath_without_its_sensor_is_told_with_its_status(table: Table) -> None:
    bath = table.bath()
    table.ailment.fault = Fault.OVERLOAD
    with pytest.raises(InstrumentError, match="no temperature: its status is '-05 WORKING SENSOR"):
        bath.temperature()


def test_a_bath_in_degrees_fahrenheit_is_suspected(table: Table) -> None:
    bath = table.bath()
    table.ailment.fault = Fault.WRONG_UNIT
    with pytest.raises(InstrumentError, match=r"tells 68\.00.*Fahrenheit.*Celsius in its menu"):
        bath.temperature()


def test_a_bath_in_degrees_fahrenheit_gets_no_set_point(table: Table) -> None:
    """37 would be 2.8 degC for it."""
    bath = table.bath()
    table.tub.limits_degc = (-20.0, 60.0)
    table.ailment.fault = Fault.WRONG_UNIT
    with pytest.raises(InstrumentError, match=r"tells 68\.00.*Fahrenheit"):
        bath.set_temperature(37.0)
    assert table.tub.target_degc == 20.0


def test_a_bath_that_only_its_keys_may_start_is_told(table: Table) -> None:
    bath = table.bath()
    fixed = {
        b"in_pv_00\r": b"20.00\r\n",
        b"in_sp_00\r": b"37.00\r\n",
        b"in_mode_05\r": b"0\r\n",
        b"status\r": b"00 MANUAL STOP\r\n",
    }
    table.ends[0].answer = lambda data: fixed.get(data, b"")
    with pytest.raises(InstrumentError, match=r"did not start.*switch on remote control"):
        bath.set_temperature(37.0)


def test_a_serial_number_that_a_bath_cannot_tell_is_no_match(table: Table) -> None:
    with pytest.raises(InstrumentError, match="says serial number none"):
        table.bath("12345")


# ---- pressure


def test_a_pressure_is_set_read_and_let_go(table: Table) -> None:
    pressure = table.pressure()
    assert str(table.lines[0].identity) == "pumpsim pressure controller, serial number 1"
    pressure.set_pressure(12.5)
    assert table.bottle.regulating
    assert pressure.pressure() == Reading(12.5, "kPa", 0, 0.02)
    pressure.set_pressure(-3.0)
    assert pressure.pressure().value == -3.0
    pressure.vent()
    assert table.bottle.vented
    assert pressure.pressure().value == 0.0


def test_a_controller_that_answers_one_question_a_line_is_enough(table: Table) -> None:
    pressure = table.pressure()
    whole = table.ends[0].answer
    table.ends[0].answer = lambda data: whole(data.partition(b";")[0] + b"\n")
    pressure.set_pressure(12.5)
    assert pressure.pressure().value == 12.5


def test_a_unit_that_changes_just_before_a_pressure_is_told(table: Table) -> None:
    pressure = table.pressure()
    whole = table.ends[0].answer

    def meddled_with(data: bytes) -> bytes:
        if b"SENS:PRES?" in data:
            table.ailment.fault = Fault.WRONG_UNIT
        return whole(data)

    table.ends[0].answer = meddled_with
    with pytest.raises(InstrumentError, match="tells pressures in PSI"):
        pressure.pressure()


def test_a_controller_in_another_unit_is_told_even_in_mid_use(table: Table) -> None:
    pressure = table.pressure()
    table.ailment.fault = Fault.WRONG_UNIT
    for act in (pressure.pressure, lambda: pressure.set_pressure(1.0)):
        with pytest.raises(InstrumentError, match="tells pressures in PSI, not in kPa"):
            act()
    assert not table.bottle.regulating


def test_a_controller_that_forgot_to_regulate_is_told(table: Table) -> None:
    """As after a loss of power between the command and the question for errors."""
    pressure = table.pressure()
    whole = table.ends[0].answer
    table.ends[0].answer = lambda data: whole(data.replace(b":OUTP ON\n", b""))
    with pytest.raises(InstrumentError, match="was told to regulate and does not"):
        pressure.set_pressure(12.5)


def test_a_set_point_that_a_controller_refuses_is_told_in_its_words(table: Table) -> None:
    pressure = table.pressure()
    with pytest.raises(InstrumentError, match=r"refuses ':SOUR:PRES 500.*-222.*Data out of range"):
        pressure.set_pressure(500.0)
    assert not table.bottle.regulating


def test_a_pressure_out_of_range_is_told(table: Table) -> None:
    pressure = table.pressure()
    table.ailment.fault = Fault.OVERLOAD
    with pytest.raises(InstrumentError, match=r"9\.9E37.*out of range"):
        pressure.pressure()


def test_an_absolute_range_is_refused(table: Table) -> None:
    pressure = table.pressure()
    whole = table.ends[0].answer
    table.ends[0].answer = lambda data: (
        b':SENS:PRES:RANG "2.00bara"\n' if b"RANG" in data else whole(data)
    )
    table.lines[0].close()
    with pytest.raises(InstrumentError, match="absolute pressure: choose a gauge range"):
        pressure.pressure()


def test_a_controller_that_does_not_vent_is_told(table: Table) -> None:
    pressure = table.pressure()
    table.bottle.vent = lambda *_: None  # type: ignore[method-assign]
    with pytest.raises(InstrumentError, match="told to vent and does not"):
        pressure.vent()


# ---- supply


def test_a_supply_is_set_switched_and_read(table: Table) -> None:
    supply = table.supply()
    supply.set_voltage(2.4)
    assert supply.voltage().value == 0.0
    supply.switch(on=True)
    assert supply.voltage() == Reading(2.4, "V", 0, 0.002)
    assert supply.current().value == pytest.approx(12e-6)
    supply.switch(on=False)
    assert supply.voltage().value == 0.0


def test_a_voltage_that_a_supply_refuses_is_told_in_its_words(table: Table) -> None:
    supply = table.supply()
    with pytest.raises(InstrumentError, match=r"refuses 'VOLT 9\.0000'.*-222"):
        supply.set_voltage(9.0)


def test_millivolts_are_suspected(table: Table) -> None:
    supply = table.supply()
    supply.switch(on=True)
    table.ailment.fault = Fault.WRONG_UNIT
    with pytest.raises(InstrumentError, match=r"tells 3600 V.*millivolts"):
        supply.voltage()


def test_a_supply_whose_output_is_off_cannot_show_that_it_counts_in_volts(table: Table) -> None:
    supply = table.supply()
    assert "its output is off, so that nobody can tell whether it measures in volts" in (
        supply.doubt()
    )
    supply.switch(on=True)
    assert supply.doubt() == ""
    supply.switch(on=False)
    table.cell.target_v = 3_300.0
    assert "its set point is 3300 V, far above this rig's limit of 4 V" in supply.doubt()


def test_an_output_that_stays_off_is_told(table: Table) -> None:
    supply = table.supply()
    table.cell.switch = lambda *_, **__: None  # type: ignore[method-assign]
    with pytest.raises(InstrumentError, match="its output is off: has a protection tripped"):
        supply.switch(on=True)


# ---- data acquisition


def test_all_transducers_are_read_in_one_scan_with_unit_instant_and_uncertainty(
    table: Table,
) -> None:
    sensors, _ = table.daq()
    said: list[bytes] = []
    whole = table.ends[0].answer

    def hear(data: bytes) -> bytes:
        said.append(data)
        return whole(data)

    table.ends[0].answer = hear
    table.rack.outputs_v = {101: 3.0, 105: 3.7}
    table.clock.now = 7
    assert sensors.read() == {
        "reservoir_pressure_pa": Reading(350.0, "kPa", 7, 1.0),
        "temperature_mk": Reading(37.0, "degC", 7, 0.1),
    }
    assert said == [b"MEAS:VOLT:DC? (@101,105)\n"]


BEYOND = {
    0.02: r"channel 101 \(reservoir_pressure_pa\) tells 0\.02 V, less than the 0\.9 V .*wire",
    0.89: "less than",
    5.26: r"tells 5\.26 V, more than the 5\.25 V that .*is it overloaded",
    9.9e37: r"channel 101 .* tells 9\.9E37, which is SCPI for a value out of range",
    -9.9e37: "out of range",
}


@pytest.mark.parametrize("volts", BEYOND)
def test_what_a_transducer_cannot_give_is_told_and_the_others_go_on(
    table: Table, volts: float
) -> None:
    sensors, _ = table.daq()
    table.rack.outputs_v = {101: volts, 105: 3.7}
    shown = sensors.read()
    error = shown["reservoir_pressure_pa"]
    assert isinstance(error, InstrumentError)
    assert re.search(BEYOND[volts], str(error)), error
    assert str(error).startswith(f"daq at {table.tmp_path}/daq-port: ")
    assert isinstance(shown["temperature_mk"], Reading)


@pytest.mark.parametrize(("volts", "kpa"), [(0.91, -15.75), (5.24, 742.0)])
def test_just_beyond_its_range_a_transducer_is_still_believed(
    table: Table, volts: float, kpa: float
) -> None:
    sensors, _ = table.daq()
    table.rack.outputs_v = {101: volts}
    shown = sensors.read()["reservoir_pressure_pa"]
    assert isinstance(shown, Reading)
    assert shown.value == pytest.approx(kpa)


def test_a_unit_in_millivolts_is_suspected(table: Table) -> None:
    sensors, _ = table.daq()
    table.ailment.fault = Fault.WRONG_UNIT
    for error in sensors.read().values():
        assert isinstance(error, InstrumentError)
        assert "tells 1000 V, more than" in str(error)
        assert "millivolts" in str(error)


def test_a_channel_that_the_unit_does_not_have_is_told_in_its_words(table: Table) -> None:
    with pytest.raises(InstrumentError, match=r"refuses 'CONF:VOLT:DC \(@301\)': error -222"):
        table.daq({"temperature_mk": TRANSDUCERS["temperature_mk"]._replace(channel=301)})


def test_values_for_other_channels_than_were_asked_for_are_refused(table: Table) -> None:
    sensors, _ = table.daq()
    table.ends[0].answer = lambda _: b"+1.0E+00\n"
    with pytest.raises(InstrumentError, match=r"with 1 values, not 2: does another program"):
        sensors.read()


def test_a_relay_closes_and_opens_and_says_so(table: Table) -> None:
    _, relay = table.daq()
    assert not relay.is_on()
    relay.switch(on=True)
    assert table.rack.closed
    assert relay.is_on()
    relay.switch(on=False)
    assert not table.rack.closed


def test_a_relay_that_sticks_is_told(table: Table) -> None:
    _, relay = table.daq()
    table.rack.switch = lambda **_: None  # type: ignore[method-assign]
    with pytest.raises(InstrumentError, match=r"told to close its relay \(@201\) and does not"):
        relay.switch(on=True)


def test_a_relay_that_is_none_is_told(table: Table) -> None:
    _, relay = table.daq(relay=101)
    with pytest.raises(InstrumentError, match=r"refuses 'ROUT:CLOS \(@101\)': error -222"):
        relay.switch(on=True)
    table.ends[0].answer = lambda _: b"CLOSED\n"
    with pytest.raises(InstrumentError, match=r"answered 'ROUT:CLOS.*' with 'CLOSED', not with 0"):
        relay.is_on()


# ---- all of them

USES: dict[str, Callable[[Table], Callable[[], object]]] = {
    "balance": lambda table: table.balance().weigh,
    "bath": lambda table: table.bath().temperature,
    "pressure": lambda table: table.pressure().pressure,
    "supply": lambda table: table.supply().voltage,
    "daq": lambda table: table.daq()[0].read,
}


@pytest.mark.parametrize("kind", USES)
@pytest.mark.parametrize(
    ("fault", "sentence"),
    [(Fault.SILENT, "said nothing within"), (Fault.SLOW, "said nothing"), (Fault.GARBAGE, "no ")],
)
def test_what_ails_the_line_is_told(table: Table, kind: str, fault: Fault, sentence: str) -> None:
    use = USES[kind](table)
    table.ailment.fault = fault
    with pytest.raises(InstrumentError, match=sentence):
        use()
    table.ailment.fault = Fault.NONE
    use()


@pytest.mark.parametrize("kind", USES)
def test_pulling_the_plug_is_told_and_a_replug_mended(table: Table, kind: str) -> None:
    use = USES[kind](table)
    table.ends[0].unplug()
    with pytest.raises(InstrumentError, match=r"did not come back within 0\.2 s"):
        use()
    table.ends[0].plug()
    use()


@pytest.mark.parametrize("kind", USES)
def test_something_else_at_the_port_is_noticed(table: Table, kind: str) -> None:
    use = USES[kind](table)
    table.lines[0].close()
    table.ends[0].answer = lambda _: b"login: \r\n"
    with pytest.raises(InstrumentError, match="login:"):
        use()
