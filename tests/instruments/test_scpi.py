"""SCPI instruments: the common part, a pressure controller, a supply."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpsim.instruments.line import Ailment, Fault
from pumpsim.instruments.scpi import MAX_ERRORS, Scpi
from pumpsim.instruments.scpi_pressure import Front, ScpiPressure
from pumpsim.instruments.scpi_supply import Limit, ScpiSupply
from tests.instruments.stand_ins import Bottle, Cell


def supply(fault: Fault = Fault.NONE) -> Scpi:
    return ScpiSupply(Cell(), Limit(), Ailment(fault)).interpreter


def controller(fault: Fault = Fault.NONE) -> Scpi:
    return ScpiPressure(Bottle(), Front(), Ailment(fault)).interpreter


def ask(line: Scpi, *messages: str) -> list[str]:
    """All that is answered."""
    said = [line.receive(0, message.encode() + b"\n") for message in messages]
    return b"".join(said).decode().split("\n")[:-1]


@pytest.mark.parametrize(
    ("messages", "replies"),
    [
        (["*IDN?"], ["pumpsim,power supply,1,1.00"]),
        (["SYST:ERR?"], ['0,"No error"']),
        (["SYSTem:VERSion?"], ["1999.0"]),
        (["VOLT?"], ["+3.60000000E+00"]),
        (["VOLT 1.5", "VOLT?"], ["+1.50000000E+00"]),
        (["source1:voltage:level:immediate:amplitude 15E-1", "volt?"], ["+1.50000000E+00"]),
        (["VOLT 2, (@1)", "VOLT? (@1)"], ["+2.00000000E+00"]),
        (["CURR 0.5;:CURR?"], ["+5.00000000E-01"]),
        (["OUTP ON;OUTP?;:MEAS:VOLT?;CURR?"], ["1;+3.60000000E+00;+1.20000000E-05"]),
        (["OUTP ON", "*RST", "OUTP?;:VOLT?"], ["0;+0.00000000E+00"]),
        (["*OPC?;*TST?;*OPT?"], ["1;0;0"]),
        (["*OPC;*ESR?;*ESR?"], ["1;0"]),
        (["*ESE 32;*SRE 36;NONSENSE", "*STB?", "*CLS", "*STB?"], ["100", "0"]),
        (["*ESE?;*SRE?"], ["0;0"]),
        (["*SRE 255;*SRE?"], ["191"]),
        (["outp on;outp?"], ["1"]),
        (["MEAS:VOLT?;*WAI;CURR?"], ["+0.00000000E+00;+0.00000000E+00"]),
        (["VOLT 2; VOLT?\r"], ["+2.00000000E+00"]),
    ],
)
def test_a_supply_answers(messages: list[str], replies: list[str]) -> None:
    assert ask(supply(), *messages) == replies


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("NONSENSE", '-113,"Undefined header"'),
        ("SOUR2:VOLT 3", '-113,"Undefined header"'),
        ("VOL 3", '-113,"Undefined header"'),
        ("*IDN", '-113,"Undefined header"'),
        ("*WAI?", '-113,"Undefined header"'),
        ("VOLT 3;SYST:ERR", '-113,"Undefined header"'),
        ("VOLT", '-109,"Missing parameter"'),
        ("VOLT 3,(@1),5", '-108,"Parameter not allowed"'),
        ("*IDN? 1", '-108,"Parameter not allowed"'),
        ("VOLT three", '-104,"Data type error"'),
        ("VOLT 1,5", '-222,"Data out of range"'),
        ("VOLT 3,(@2)", '-222,"Data out of range"'),
        ("VOLT 6.1", '-222,"Data out of range"'),
        ("VOLT 9E999", '-222,"Data out of range"'),
        ("OUTP MAYBE", '-104,"Data type error"'),
        ("VOLT= 3", '-102,"Syntax error"'),
        ("X" * 300, '-363,"Input buffer overrun"'),
    ],
)
def test_what_is_wrong_with_a_message_waits_in_the_queue(message: str, error: str) -> None:
    line = supply()
    assert ask(line, message) == []
    assert ask(line, "SYST:ERR?", "SYST:ERR:NEXT?") == [error, '0,"No error"']


def test_a_wrong_message_does_and_tells_nothing_from_there_on() -> None:
    line = supply()
    assert ask(line, "VOLT?;VOLT 9;VOLT 1;VOLT?", "VOLT?") == ["+3.60000000E+00"] * 2


def test_the_queue_of_errors_overflows_once() -> None:
    line = supply()
    ask(line, *["NONSENSE"] * (MAX_ERRORS + 5))
    errors = ask(line, *["SYST:ERR?"] * (MAX_ERRORS + 1))
    assert errors[-2:] == ['-350,"Queue overflow"', '0,"No error"']
    assert set(errors[:-2]) == {'-113,"Undefined header"'}


@pytest.mark.parametrize(
    ("messages", "replies"),
    [
        ([":OUTP:STAT?"], [":OUTP:STAT 0"]),
        ([":OUTP:STAT ON", ":OUTP:STAT?"], [":OUTP:STAT 1"]),
        ([":UNIT:PRES?"], [":UNIT:PRES MBAR"]),
        ([":UNIT:PRES KPA", ":SOUR:PRES 20.5", ":SOUR:PRES?"], [":SOUR:PRES:LEV:IMM:AMPL 20.5"]),
        (["UNIT KPA;:SOUR:PRES 20;:OUTP 1;:SENS:PRES?"], [":SENS:PRES 20"]),
        (["SOUR:PRES 205", "UNIT:PRES KPA", "SOUR:PRES?"], [":SOUR:PRES:LEV:IMM:AMPL 20.5"]),
        ([":SENSe1:PRESsure?"], [":SENS:PRES 0"]),
        ([":SENS:PRES:RANG?"], [':SENS:PRES:RANG "2.00barg"']),
        ([":SOUR:PRES:LEV:IMM:AMPL:VENT?"], [":SOUR:PRES:LEV:IMM:AMPL:VENT 0"]),
        (["SOUR:VENT 1", "SOUR:VENT?"], [":SOUR:PRES:LEV:IMM:AMPL:VENT 2"]),
        (["SOUR:VENT 1", "OUTP ON", "SOUR:VENT?"], [":SOUR:PRES:LEV:IMM:AMPL:VENT 0"]),
        ([":SYST:ERR?"], [':SYST:ERR 0,"No error"']),
        (["SOUR:PRES 2001", "SYST:ERR?"], [':SYST:ERR -222,"Data out of range"']),
        (["UNIT PSI;:SOUR:PRES 29.0075;:SYST:ERR?"], [':SYST:ERR 0,"No error"']),
        (["UNIT:PRES KG", "SYST:ERR?"], [':SYST:ERR -224,"Illegal parameter value"']),
        (["*IDN?"], ["*IDN pumpsim,pressure controller,1,1.00"]),
    ],
)
def test_a_pressure_controller_answers(messages: list[str], replies: list[str]) -> None:
    assert ask(controller(), *messages) == replies


def test_a_reset_stops_regulating() -> None:
    assert ask(controller(), "OUTP ON;*RST;OUTP?") == [":OUTP:STAT 0"]


def test_a_controller_with_a_unit_of_its_own_says_so() -> None:
    line = controller(Fault.WRONG_UNIT)
    assert ask(line, "UNIT:PRES KPA;PRES?", "SYST:ERR?") == [
        ":UNIT:PRES PSI",
        ':SYST:ERR 0,"No error"',
    ]


def test_a_supply_in_the_wrong_unit_is_a_thousand_times_too_high() -> None:
    assert ask(supply(Fault.WRONG_UNIT), "OUTP ON;:MEAS:VOLT?") == ["+3.60000000E+03"]


def test_out_of_range_is_what_scpi_gives_for_it() -> None:
    assert ask(supply(Fault.OVERLOAD), "MEAS:VOLT?;CURR?") == ["9.9E37;9.9E37"]
    assert ask(controller(Fault.OVERLOAD), "SENS:PRES?") == [":SENS:PRES 9.9E37"]


@given(st.lists(st.binary(max_size=400)))
def test_whatever_comes_the_next_message_is_answered(pieces: list[bytes]) -> None:
    line = supply()
    for piece in pieces:
        line.receive(0, piece)
    line.receive(0, b"\n")
    assert ask(line, "*CLS;:VOLT 2;VOLT?") == ["+2.00000000E+00"]


WORDS = st.sampled_from([*'*?:;,() 1\n"', "VOLT", "OUTP", "MEAS", "CURR", "SYST", "ERR", "IDN"])


@given(st.lists(WORDS, max_size=60))
def test_what_nearly_is_a_message_does_no_harm(pieces: list[str]) -> None:
    line = supply()
    line.receive(0, "".join(pieces).encode() + b"\n")
    assert ask(line, "*CLS;SYST:ERR?") == ['0,"No error"']
