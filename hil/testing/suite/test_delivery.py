"""Uncertain delivery: link or supply cut on a request's way, twice. It acts once, or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from hil.conformance.check import shown
from hil.conformance.errors import FailedError
from hil.conformance.probe import Seat
from hil.testing.delivery import Stage, State, Trial, Usual, courses, usual
from hil.testing.prove import Prove
from hil.testing.requests import ASKS
from hil.testing.subject import Subject
from protocol import messages as m
from protocol.messages import answer_type
from protocol.plain import type_name
from protocol.vocabulary import OutcomeState, Refusal, Role

COMMANDS: Final = [body for body in m.MESSAGES if issubclass(body, m.Command)]
LOCKED_OUT: Final = (Refusal.NO_SESSION, Refusal.BUSY)


def name(kind: type[m.Body]) -> str:
    """Of a test."""
    return type_name(kind)


@contextmanager
def answered(trial: Trial) -> Iterator[None]:
    """After whatever was cut, the pump watches again, and answers."""
    try:
        yield
    except FailedError as error:
        raise trial.violated("RST-01", error.expected, error.seen) from None


@pytest.mark.parametrize("kind", COMMANDS, ids=name)
def test_a_command_acts_once_and_tells(
    subject: Subject, prove: Prove, kind: type[m.Command]
) -> None:
    """Cut at any two points of its way: what became of it is told, and told again."""
    for seed in range(1, 1 + max(1, round(prove.effort))):  # memory is torn in other places
        command_acts_once(Stage(subject, kind, seed))


def command_acts_once(stage: Stage) -> None:
    """However it is cut."""
    body = stage.order.body
    without = usual(stage, body)
    outlasts(Trial(stage, body), without.unsent)
    for cuts in courses(without.operations):
        trial = Trial(stage, body)
        with answered(trial):
            for cut in cuts:
                trial.attempt(cut)
            outcome = trial.outcome()
            judge(trial, without, outcome)
            repeat(trial, without, outcome)


def outlasts(trial: Trial, before: State) -> None:
    """What was done and told before is still so when the supply was lost."""
    with answered(trial):
        trial.restart()
        after = trial.state()
        trial.that(after == before, "RST-02", before.beside(after), after.beside(before))


def judge(trial: Trial, without: Usual, outcome: m.CommandOutcome) -> None:
    """At most one effect, all of it or nothing, and it is what the outcome says."""
    state, times, unsent, once = trial.state(), trial.times(), without.unsent, without.once
    trial.that(times <= 1, "COM-04", "one effect at most", f"{times} of them in the log")
    trial.that(not state.beyond(once), "COM-04", once.beside(state), state.beside(once))
    whole = state in (unsent, once)
    trial.that(whole, "NVM-02", f"nothing of it, or {once.beside(state)}", state.beside(once))
    if outcome.state is OutcomeState.DONE:
        acts = not isinstance(without.reply, m.Refused)
        trial.that(acts, "COM-09", f"{shown(without.reply)}, as ever", "done")
        told = f"done, as it is told: {once.beside(state)}"
        trial.that(state == once, "COM-09", told, state.beside(once))
        trial.that(times == without.times, "LOG-01", "what was done in the log", "nothing of it")
    elif outcome.reason is not Refusal.FIRMWARE_FAULT:  # which leaves it to the state to tell
        told = f"nothing of it, as it is told: {unsent.beside(state)}"
        trial.that(state == unsent, "COM-09", told, state.beside(unsent))
        trial.that(not times, "COM-09", "nothing of it, as it is told", "it is in the log")


def repeat(trial: Trial, without: Usual, outcome: m.CommandOutcome) -> None:
    """Once more with the same id: as it was told, or, of what never arrived, for the first time."""
    reply, later = trial.attempt(), trial.outcome()
    known = outcome.state is not OutcomeState.UNKNOWN
    if known:
        trial.that(later == outcome, "COM-04", f"as then: {shown(outcome)}", shown(later))
    if outcome.state is OutcomeState.REFUSED:
        same = isinstance(reply, m.Refused) and reply.reason is outcome.reason
        trial.that(same, "COM-04", f"refused as then: {outcome.reason}", shown(reply))
    judge(trial, without, later)


@pytest.mark.parametrize("body", ASKS, ids=lambda body: name(type(body)))
def test_a_question_changes_nothing_and_is_answered(subject: Subject, body: m.Ask) -> None:
    """However often its way was cut."""
    for trial, reply in asked(Stage(subject, m.BeginRefill), body):
        answer = answer_type(type(body))
        trial.that(isinstance(reply, answer), "RST-01", name(answer), shown(reply))


def test_a_session_that_nobody_heard_of_is_in_nobodys_way(subject: Subject) -> None:
    """Opened once more, it has the right to write."""
    stage = Stage(subject, m.BeginRefill)
    for trial, opened in asked(stage, m.Open(role=Role.CLINICIAN, client="cut")):
        trial.that(isinstance(opened, m.Opened), "COM-03", "a session", shown(opened))
        assert isinstance(opened, m.Opened)
        reply = Seat(trial.probe, opened).do(stage.order.body)
        locked_out = isinstance(reply, m.Refused) and reply.reason in LOCKED_OUT
        trial.that(not locked_out, "COM-03", "a session that may write", shown(reply))


def asked(stage: Stage, body: m.Ask) -> Iterator[tuple[Trial, m.Reply | None]]:
    """Each trial, and what it was answered in the end; it has changed nothing (COM-08)."""
    without = usual(stage, body)
    for cuts in courses(without.operations):
        trial = Trial(stage, body)
        with answered(trial):
            for cut in cuts:
                trial.attempt(cut)
            reply = trial.attempt()
            state, unsent = trial.state(), without.unsent
            trial.that(state == unsent, "COM-08", unsent.beside(state), state.beside(unsent))
            yield trial, reply
