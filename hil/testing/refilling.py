"""Hands that refill the pump on a desk, and declare it."""

from typing import Any

from hil.testing.desk import Desk
from hil.testing.steady import REFILL
from protocol import messages as m
from protocol.vocabulary import RefillReason


def begin(desk: Desk) -> None:
    """Open the window of a refill."""
    desk.must_do(m.BeginRefill(), "RES-05")
    desk.wait(2)


def declaration(withdrawn_nl: float, filled_nl: float, **more: Any) -> m.Refill:
    """A usual refill but for these."""
    fields = {"withdrawn_nl": round(withdrawn_nl), "filled_nl": round(filled_nl), **more}
    return REFILL.model_copy(update=fields)


def commit(desk: Desk, withdrawn_nl: float, filled_nl: float, **more: Any) -> m.Reply:
    """Declare it, with a reason: it may come early."""
    report = desk.ask(m.ReadConfiguration())
    assert isinstance(report, m.ConfigurationReport)
    refill = declaration(withdrawn_nl, filled_nl, **more)
    last, other = report.last_refill_id, RefillReason.OTHER
    return desk.do(m.CommitRefill(refill=refill, reason=other, previous_refill_id=last))


def refilled(desk: Desk, *, taken_nl: float, put_nl: float, said_taken_nl: float | None = None,
             said_put_nl: float | None = None) -> m.Reply:  # fmt: skip
    """Hands move liquid, and somebody declares it."""
    begin(desk)
    desk.let(level_nl=desk.pump.level_nl - taken_nl + put_nl)
    desk.wait(2)
    taken = taken_nl if said_taken_nl is None else said_taken_nl
    return commit(desk, taken, put_nl if said_put_nl is None else said_put_nl)
