"""Being ended politely is never lost, whatever the code does with it that it lands in."""

import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from hil.bench.perform import InterruptedRunError, Wish, perform
from hil.bench.run import Run
from hil.bench.script import Script
from hil.conformance.case import Case, Needs, Section
from hil.conformance.probe import Probe
from hil.conformance.runner import Kit
from hil.interruption import ENDS, Interruption
from hil.record import Record, Verdict
from hil.rig import duration_ns, open_rig

HOUR_NS = 3_600 * 10**9


class RenamedError(Exception):
    """What a library makes of it."""


def clear() -> None:
    """As pydantic-core does, trying the members of a union."""
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        return


def rename() -> None:
    """As pydantic-core does, calling a function that serializes."""
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt as error:
        raise RenamedError from error


LANDINGS = pytest.mark.parametrize("land", [clear, rename])


def within(*acts: Callable[[Interruption], object]) -> None:
    with Interruption() as interruption:
        for act in acts:
            act(interruption)


@LANDINGS
def test_it_leaves_as_what_it_is(land: Callable[[], None]) -> None:
    within(Interruption.look)
    with pytest.raises(KeyboardInterrupt):
        within(lambda _: land(), Interruption.look)
    with pytest.raises(KeyboardInterrupt):
        within(lambda _: land())  # the last act of all: nobody looks any more


@pytest.mark.parametrize("number", ENDS)
def test_every_polite_end_counts_and_only_within(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt):
        within(lambda _: signal.raise_signal(number))
    assert signal.getsignal(number) is before


def test_what_nohup_ignores_stays_ignored() -> None:
    number = ENDS[-1]
    before = signal.signal(number, signal.SIG_IGN)
    try:
        within(lambda _: signal.raise_signal(number), Interruption.look)
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_an_error_of_its_own_stays_one() -> None:
    def fail(_: Interruption) -> None:
        raise RenamedError

    with pytest.raises(RenamedError):
        within(fail)


@LANDINGS
@pytest.mark.parametrize("rest_ns", [HOUR_NS, 0])
def test_a_script_is_interrupted_wherever_it_was(
    tmp_path: Path, land: Callable[[], None], rest_ns: int
) -> None:
    """In its very last act, too: it goes on from there."""
    acts = iter([land, lambda: None])

    def play(run: Run, _: Nothing) -> None:
        run.step("landing", next(acts))
        if rest_ns:
            run.wait("wait", rest_ns)
        run.measure("there", 1.0, "mL", low=0.0)

    script = Script("waits", "It waits", Nothing, play, lambda _: HOUR_NS)
    wish = Wish(script, "sim:", tmp_path, {}, "")

    def run(interruption: Interruption) -> None:
        with pytest.raises(InterruptedRunError):
            perform(wish, lambda _what, _elapsed_ns: None, print, interruption)

    with pytest.raises(KeyboardInterrupt):
        within(run)
    again = replace(wish, resume=True)
    record = perform(again, lambda _what, _elapsed_ns: None, print, Interruption())
    assert record.verdict is Verdict.PASS


@LANDINGS
def test_a_case_it_lands_in_is_not_counted(land: Callable[[], None]) -> None:
    def body(_: Probe) -> None:
        land()

    section = Section("trial", "", (Case("TRY-01", "COM-01", "It is interrupted.", Needs(), body),))
    record = Record("conformance", "conformance", "Conformance")

    def run(interruption: Interruption) -> None:
        kit = Kit(lambda: open_rig("sim:"), duration_ns("10 s"), look=interruption.look)
        kit.run((section,), record)

    with pytest.raises(KeyboardInterrupt):
        within(run)
    assert record.cases == []


@dataclass(frozen=True)
class Nothing:
    """Parameters of a script without any."""
