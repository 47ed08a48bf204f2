"""A person as a syringe, at a real terminal: what is typed is checked, and nobody there is told."""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from typing import TextIO

import pytest

from hil.errors import LocalError
from hil.instruments.errors import InstrumentError
from hil.instruments.kinds import Reading
from hil.instruments.operator import MAX_TRIES, OperatorSyringe

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals are POSIX")

INSTANT_NS = 42
LAST = "<that is all>"


class Clock:
    virtual = False

    def now_ns(self) -> int:
        return INSTANT_NS

    def wait(self, until_ns: int, *_ports: object) -> int:
        return until_ns


@dataclass
class Desk:
    """Where a person sits."""

    syringe: OperatorSyringe
    keyboard: int
    screen: TextIO

    def type(self, *lines: str) -> None:
        os.write(self.keyboard, "".join(f"{line}\n" for line in lines).encode())

    def shown(self) -> str:
        """Everything so far: a terminal hands it over in pieces."""
        self.screen.write(LAST)
        self.screen.flush()
        text = ""
        while not text.endswith(LAST):
            text += os.read(self.keyboard, 65_536).decode()
        return text


@pytest.fixture
def desk() -> Iterator[Desk]:
    near, far = os.openpty()
    with os.fdopen(far, "r") as answers, os.fdopen(os.dup(far), "w") as questions:
        yield Desk(OperatorSyringe(Clock(), 0.1, 50.0, (answers, questions)), near, questions)
    os.close(near)


def fill(syringe: OperatorSyringe) -> Reading:
    return syringe.fill(30.0, "FUDR", 6.46)


@pytest.mark.parametrize("typed", ["29.5", "29.5 mL", "29500 uL"])
def test_what_is_typed_is_what_was_moved(desk: Desk, typed: str) -> None:
    desk.type(typed)
    assert fill(desk.syringe) == Reading(29.5, "mL", INSTANT_NS, 0.1)
    shown = desk.shown()
    assert "Fill 30 mL of FUDR 6.46 mg/mL through the septum of the RESERVOIR." in shown


def test_a_bolus_is_told_apart_from_a_fill(desk: Desk) -> None:
    desk.type("2")
    assert desk.syringe.inject_bolus(2.0, 60.0, "saline", 0.0).value == 2.0
    assert "within 60 s through the BOLUS path" in desk.shown()


@pytest.mark.parametrize(
    ("mistyped", "hint"),
    [
        ("1,3", "decimal separator is a point"),
        ("013", "leading zeros"),
        ("-1", "takes no minus"),
        ("1.3 ml", "use mL"),
        ("much", "is no volume"),
        ("51", "The barrel holds 50 mL"),
    ],
)
def test_what_is_mistyped_is_asked_for_again(desk: Desk, mistyped: str, hint: str) -> None:
    desk.type(mistyped, "1.3")
    assert desk.syringe.withdraw().value == 1.3
    assert hint in desk.shown()


def test_a_volume_far_from_what_was_asked_for_is_typed_twice(desk: Desk) -> None:
    desk.type("3", "20", "20")
    assert fill(desk.syringe).value == 20.0
    assert desk.shown().count("type it again") == 2


def test_tries_have_an_end(desk: Desk) -> None:
    desk.type(*["?"] * MAX_TRIES)
    with pytest.raises(InstrumentError, match="no usable volume was typed in 5 tries"):
        desk.syringe.withdraw()


@pytest.mark.parametrize("typed", ["no\n", "\x04"])
def test_a_person_may_give_up(desk: Desk, typed: str) -> None:
    os.write(desk.keyboard, typed.encode())
    with pytest.raises(InstrumentError, match="the person gave up"):
        desk.syringe.withdraw()


@pytest.mark.parametrize("volume_ml", [0.0, 50.5, float("nan")])
def test_what_does_not_go_into_the_barrel_is_not_asked_for(desk: Desk, volume_ml: float) -> None:
    with pytest.raises(LocalError, match="does not go into a syringe of 50 mL"):
        desk.syringe.fill(volume_ml, "FUDR", 6.46)


@pytest.mark.parametrize("missing", ["answers", "questions"])
def test_without_a_terminal_nobody_is_asked(missing: str) -> None:
    near, far = os.openpty()
    no_terminal = StringIO("30\n")
    with (
        os.fdopen(os.dup(far), "r") as answers,
        os.fdopen(far, "w") as questions,
    ):
        ends: tuple[TextIO, TextIO] = (
            no_terminal if missing == "answers" else answers,
            no_terminal if missing == "questions" else questions,
        )
        syringe = OperatorSyringe(Clock(), 0.1, 50.0, ends)
        acts: list[Callable[[], Reading]] = [syringe.withdraw, lambda: fill(syringe)]
        for act in acts:
            with pytest.raises(InstrumentError, match="no terminal to ask a person"):
                act()
    os.close(near)
