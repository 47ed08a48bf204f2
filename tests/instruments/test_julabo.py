"""The circulator's command set: exchanges as the manuals list them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpsim.instruments.julabo import Julabo
from pumpsim.instruments.line import Ailment, Fault
from tests.instruments.stand_ins import Tub


def circulator(fault: Fault = Fault.NONE) -> Julabo:
    return Julabo(Tub(), Ailment(fault))


def ask(line: Julabo, *commands: str) -> str:
    """All that is answered."""
    return b"".join(line.receive(0, command.encode() + b"\r") for command in commands).decode()


@pytest.mark.parametrize(
    ("commands", "replies"),
    [
        (["status"], "02 REMOTE STOP"),
        (["out_mode_05 1", "status"], "03 REMOTE START"),
        (["out_mode_05 1", "in_mode_05"], "1"),
        (["IN_MODE_05"], "0"),
        (["out_sp_00 37.50", "in_sp_00"], "37.50"),
        (["OUT_SP_00 37.5", "IN_SP_00"], "37.50"),
        (["in_pv_00"], "20.00"),
        (["out_sp_00 37", "out_mode_05 1", "in_pv_00"], "37.00"),
        (["in_sp_03"], "60.00"),
        (["in_sp_04"], "5.00"),
        (["in_mode_01"], "0"),
        (["in_mode_04"], "0"),
        (["in_pv_99", "status"], "-08 INVALID COMMAND"),
        (["in_sp_00 5", "status"], "-08 INVALID COMMAND"),
        (["out_sp_00 warm", "status"], "-08 INVALID COMMAND"),
        (["out_mode_05 2", "status"], "-08 INVALID COMMAND"),
        (["out_sp_00 4.99", "status"], "-10 VALUE TOO SMALL"),
        (["out_sp_00 60.01", "status"], "-11 VALUE TOO LARGE"),
        (["out_sp_00 60.01", "in_sp_00"], "20.00"),
        (["x" * 300, "status"], "-08 INVALID COMMAND"),
    ],
)
def test_a_circulator_answers_as_the_manuals_list(commands: list[str], replies: str) -> None:
    assert ask(circulator(), *commands) == replies + "\r\n"


def test_its_version_is_told() -> None:
    assert ask(circulator(), "version").endswith("VERSION 1.00\r\n")


def test_what_was_wrong_is_told_once() -> None:
    assert ask(circulator(), "nonsense", "status", "status") == (
        "-08 INVALID COMMAND\r\n02 REMOTE STOP\r\n"
    )


def test_a_circulator_in_fahrenheit_does_not_say_so() -> None:
    line = circulator(Fault.WRONG_UNIT)
    assert ask(line, "out_sp_00 99.5", "in_sp_00", "in_pv_00") == "99.50\r\n68.00\r\n"


def test_a_sensor_that_is_gone_is_told() -> None:
    assert ask(circulator(Fault.OVERLOAD), "in_pv_00", "status") == (
        "---.--\r\n-05 WORKING SENSOR ALARM\r\n"
    )


@given(st.lists(st.binary(max_size=400)))
def test_whatever_comes_the_next_command_is_answered(pieces: list[bytes]) -> None:
    line = circulator()
    for piece in pieces:
        line.receive(0, piece)
    line.receive(0, b"\r")
    assert line.receive(0, b"out_sp_00 30\rin_sp_00\r") == b"30.00\r\n"
