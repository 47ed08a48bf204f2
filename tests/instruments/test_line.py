"""What can be wrong with a line, and how bytes become lines."""

from hypothesis import given
from hypothesis import strategies as st

from pumpsim.instruments.julabo import Julabo
from pumpsim.instruments.line import MAX_HELD, SLOW_NS, Ailment, Fault, FaultyLine
from pumpsim.instruments.lines import MAX_LINE, LineReader
from tests.instruments.stand_ins import Tub


def line(fault: Fault) -> tuple[FaultyLine, Ailment]:
    ailment = Ailment(fault)
    return FaultyLine(Julabo(Tub(), ailment), ailment), ailment


def test_a_silent_instrument_answers_and_does_nothing() -> None:
    silent, ailment = line(Fault.SILENT)
    assert silent.receive(0, b"out_mode_05 1\rin_mode_05\r") == b""
    assert silent.next_deadline() is None
    ailment.fault = Fault.NONE
    assert silent.receive(0, b"in_mode_05\r") == b"0\r\n"


def test_garbage_is_as_long_as_the_reply_and_ends_like_it() -> None:
    garbage, _ = line(Fault.GARBAGE)
    said = garbage.receive(0, b"in_sp_00\r")
    assert len(said) == len(b"20.00\r\n")
    assert said.endswith(b"\r\n")
    assert all(byte > 127 for byte in said[:-2])


def test_a_slow_instrument_answers_late() -> None:
    slow, ailment = line(Fault.SLOW)
    assert slow.receive(5, b"in_sp_00\r") == b""
    assert slow.next_deadline() == 5 + SLOW_NS
    assert slow.advance(4 + SLOW_NS) == b""
    ailment.fault = Fault.NONE
    assert slow.receive(5 + SLOW_NS, b"in_mode_05\r") == b"0\r\n"
    assert slow.advance(5 + SLOW_NS) == b"20.00\r\n"
    assert slow.next_deadline() is None


def test_a_slow_instrument_keeps_no_more_than_its_limit() -> None:
    slow, _ = line(Fault.SLOW)
    for _ in range(MAX_HELD // 100):
        slow.receive(0, b"version\r" * 10)
    assert 0 < len(slow.advance(SLOW_NS)) <= MAX_HELD


@given(st.lists(st.binary(max_size=50)))
def test_how_bytes_are_cut_does_not_matter(pieces: list[bytes]) -> None:
    whole, cut = LineReader(), LineReader()
    lines = [line for piece in pieces for line in cut.feed(piece)]
    assert lines == whole.feed(b"".join(pieces))


def test_a_line_that_is_too_long_is_one_line() -> None:
    reader = LineReader()
    told = [line for _ in range(10) for line in reader.feed(b"x" * MAX_LINE)]
    assert told == []
    assert reader.feed(b"x\r\nstatus\r\n") == [None, b"status"]
