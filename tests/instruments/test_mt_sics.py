"""The balance's command set: exchanges as the MT-SICS reference shows them, and time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpsim.instruments import mt_sics
from pumpsim.instruments.line import Ailment, Fault
from pumpsim.instruments.mt_sics import LOOK_NS, REPEAT_NS, STABLE_LIMIT_NS, MtSics, Nameplate
from tests.instruments.stand_ins import Pan

S = 1_000_000_000


def balance(pan: Pan, fault: Fault = Fault.NONE, **plate: object) -> MtSics:
    plain = Nameplate(model="XS204", serial="1126493049", software="2.10 10.28.0.493.142")
    return MtSics(pan, plain._replace(**plate), mt_sics.Pan(), Ailment(fault))  # type: ignore[arg-type]


def ask(line: MtSics, command: str, now_ns: int = 0) -> list[str]:
    return line.receive(now_ns, command.encode() + b"\r\n").decode().split("\r\n")[:-1]


def run(line: MtSics, until_ns: int) -> list[tuple[int, str]]:
    """What comes by itself, and when."""
    told = []
    while (due_ns := line.next_deadline()) is not None and due_ns <= until_ns:
        said = line.advance(due_ns)
        told += [(due_ns, text) for text in said.decode().split("\r\n")[:-1]]
    return told


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("S", "S S   100.0000 g"),
        ("SI", "S S   100.0000 g"),
        ("Z", "Z A"),
        ("ZI", "ZI S"),
        ("T", "T S   100.0000 g"),
        ("TI", "TI S   100.0000 g"),
        ("TA", "TA A     0.0000 g"),
        ("TA 12.5 g", "TA A    12.5000 g"),
        ("TA 12.5 kg", "TA L"),
        ("TA 999 g", "TA L"),
        ("TAC", "TAC A"),
        ("@", 'I4 A "1126493049"'),
        ("I1", 'I1 A "01" "2.30" "2.20" "" ""'),
        ("I2", 'I2 A "XS204 120.0000 g"'),
        ("I3", 'I3 A "2.10 10.28.0.493.142"'),
        ("I4", 'I4 A "1126493049"'),
        ('D "WAIT"', "D A"),
        ("D WAIT", "D L"),
        ("DW", "DW A"),
        ("K 1", "K A"),
        ("K 7", "K L"),
        ("s", "ES"),
        ("S 1", "ES"),
        ("M21", "ES"),
        ("x" * 300, "ES"),
    ],
)
def test_a_stable_balance_answers_as_the_reference_shows(command: str, reply: str) -> None:
    assert ask(balance(Pan(100_000.0)), command) == [reply]


def test_the_example_of_the_reference() -> None:
    assert ask(balance(Pan(100_000.0), resolution_mg=10.0), "S") == ["S S     100.00 g"]


def test_the_list_of_commands_ends_with_an_a() -> None:
    rows = ask(balance(Pan()), "I0")
    assert rows[0] == 'I0 B 0 "@"'
    assert rows[-1] == 'I0 A 1 "TI"'
    assert len(rows) == 19
    assert sum(row.startswith("I0 B") for row in rows) == 18


@pytest.mark.parametrize(
    ("range_", "command", "reply"),
    [("over", "S", "S +"), ("under", "SI", "S -"), ("over", "Z", "Z +"), ("under", "TI", "TI -")],
)
def test_out_of_range_is_told(range_: str, command: str, reply: str) -> None:
    assert ask(balance(Pan(1.0, range=range_)), command) == [reply]


def test_a_weight_that_moves_is_dynamic() -> None:
    line = balance(Pan(5_000.0, settles_ns=S))
    assert ask(line, "SI") == ["S D     5.0000 g"]
    assert ask(line, "ZI") == ["ZI D"]
    assert ask(line, "TI") == ["TI D     0.0000 g"]


@pytest.mark.parametrize(
    ("command", "reply"), [("S", "S S     5.0000 g"), ("Z", "Z A"), ("T", "T S     5.0000 g")]
)
def test_a_stable_weight_is_waited_for(command: str, reply: str) -> None:
    line = balance(Pan(5_000.0, settles_ns=S))
    assert ask(line, command) == []
    assert run(line, 60 * S) == [(S, reply)]


def test_a_weight_that_never_settles_is_given_up() -> None:
    line = balance(Pan(5_000.0, settles_ns=3_600 * S))
    assert ask(line, "S") == []
    assert ask(line, "SI", 1) == ["S I"]  # executing another command
    assert ask(line, "TA", 1) == ["TA I"]
    assert run(line, 60 * S) == [(STABLE_LIMIT_NS, "S I")]
    assert line.next_deadline() is None


def test_a_cancelled_wait_says_nothing_more() -> None:
    line = balance(Pan(5_000.0, settles_ns=S))
    assert ask(line, "S") == []
    assert ask(line, "@", 1) == ['I4 A "1126493049"']
    assert run(line, 60 * S) == []


def test_a_repeated_weight_comes_until_another_is_asked_for() -> None:
    line = balance(Pan(5_000.0))
    assert ask(line, "SIR") == ["S S     5.0000 g"]
    assert [at_ns for at_ns, _ in run(line, S)] == [n * REPEAT_NS for n in range(1, 6)]
    assert ask(line, "TA", S) == ["TA A     0.0000 g"]
    assert line.next_deadline() is not None
    assert ask(line, "SI", S) == ["S S     5.0000 g"]
    assert line.next_deadline() is None


def test_repeats_that_were_missed_are_not_made_up_for() -> None:
    line = balance(Pan(5_000.0))
    ask(line, "SIR")
    assert line.advance(3_600 * S).count(b"\r\n") == 1
    assert line.next_deadline() == 3_600 * S + REPEAT_NS


def test_a_change_is_told_and_then_where_it_settles() -> None:
    pan = Pan(100_000.0)
    line = balance(pan)
    assert ask(line, "SR 0.5 g") == ["S S   100.0000 g"]
    assert run(line, S) == []
    pan.mass_mg, pan.settles_ns = 100_400.0, 0
    assert run(line, 2 * S) == []
    pan.mass_mg, pan.settles_ns = 115_230.0, 3 * S
    assert run(line, 4 * S) == [
        (2 * S + LOOK_NS, "S D   115.2300 g"),
        (3 * S, "S S   115.2300 g"),
    ]
    assert ask(line, "SR x", 5 * S) == ["S L"]


def test_without_a_preset_an_eighth_is_a_change() -> None:
    pan = Pan(1_000.0)
    line = balance(pan)
    assert ask(line, "SR") == ["S S     1.0000 g"]
    pan.mass_mg = 1_124.0
    assert run(line, S) == []
    pan.mass_mg = 1_126.0
    assert [text for _, text in run(line, 2 * S)] == ["S S     1.1260 g"]


def test_near_zero_thirty_digits_are_a_change() -> None:
    pan = Pan(0.0)
    line = balance(pan)
    ask(line, "SR")
    pan.mass_mg = 2.9
    assert run(line, S) == []
    pan.mass_mg = 3.1
    assert [text for _, text in run(line, 2 * S)] == ["S S     0.0031 g"]


def test_less_than_nothing_is_no_tare() -> None:
    assert ask(balance(Pan(-5.0)), "TI") == ["TI -"]


def test_a_balance_may_show_milligrams() -> None:
    line = balance(Pan(100_000.0, unit="mg"))
    assert ask(line, "S") == ["S S   100000.0 mg"]
    assert ask(line, "I2") == ['I2 A "XS204 120000.0 mg"']


def test_tare_is_taken_off_and_zero_clears_it() -> None:
    pan = Pan(5_000.0)
    line = balance(pan)
    ask(line, "T")
    pan.mass_mg = 6_500.0
    assert ask(line, "S") == ["S S     1.5000 g"]
    assert ask(line, "TA") == ["TA A     5.0000 g"]
    assert ask(line, "Z") == ["Z A"]
    assert ask(line, "S") == ["S S     0.0000 g"]
    assert ask(line, "TA") == ["TA A     0.0000 g"]


def test_a_hair_below_zero_is_no_minus_zero() -> None:
    assert ask(balance(Pan(-0.01)), "S") == ["S S     0.0000 g"]


def test_a_balance_in_the_wrong_unit_says_so() -> None:
    assert ask(balance(Pan(1_000.0), Fault.WRONG_UNIT), "S") == ["S S     5.0000 ct"]


def test_an_overload_is_told() -> None:
    assert ask(balance(Pan(1_000.0), Fault.OVERLOAD), "SI") == ["S +"]


def test_two_lines_share_the_tare() -> None:
    pan, shared = Pan(5_000.0), mt_sics.Pan()
    lines = [MtSics(pan, Nameplate(), shared, Ailment()) for _ in range(2)]
    ask(lines[0], "T")
    assert ask(lines[1], "S") == ["S S     0.0000 g"]


@given(st.lists(st.binary(max_size=400) | st.sampled_from([b"SR\r\n", b"SIR\r\n", b"S\r\n", b"Z"])))
def test_whatever_comes_the_next_command_is_answered(pieces: list[bytes]) -> None:
    line = balance(Pan(5_000.0, settles_ns=S))
    now_ns = 0
    for piece in pieces:
        now_ns += LOOK_NS
        line.receive(now_ns, piece)
        line.advance(now_ns)
    line.receive(now_ns, b"\r\n")
    assert ask(line, "@", now_ns) == ['I4 A "1126493049"']
    assert ask(line, "S", now_ns + S)[0].startswith("S S ")
