"""When the pump said something: by its event log, in which nothing is lost on the way.

Instants are the rig's: the log's uptimes, laid on the rig's clock where the watch began. In remote
virtual time a notice is only seen at the end of a run, but the log tells when it was.
"""

from collections.abc import Collection
from typing import Any, Final

from hil.bench.pump import given
from hil.bench.run import Run
from protocol import messages as m
from protocol.vocabulary import AlarmId, EventKind

NS_PER_MS: Final = 1_000_000
NAMES: Final = frozenset(alarm.name.lower() for alarm in AlarmId)
LOOKS: Final = 60
"""How often the log is read until a bound."""
SHORTEST_NS: Final = 60 * 10**9
"""A sampling period of the pump: nothing new is decided sooner."""


Heard = dict[str, Any]
"""`word`, what was said; `instant_ns`, when, on the run's axis; `value`, the number with it."""


def mark(run: Run) -> dict[str, int]:
    """Where the log ends now, and which uptime belongs to the present instant; plain data."""
    exchange = run.rig.dut.exchange
    page = given(exchange.ask(m.ReadLog(from_sequence=0, limit=1)))
    assert isinstance(page, m.LogPage)
    return {
        "sequence": page.end_sequence,
        "boot_id": exchange.boot_id,
        "uptime_ms": exchange.uptime_ms,
        "instant_ns": run.clock_ns(),
    }


def await_any(
    run: Run, since: dict[str, int], words: Collection[str], bound_ns: int
) -> Heard | None:
    """The first of these words the pump says since the mark; None when it says none in time.

    Words are names of alarms, when they are raised, or of events, in lower case.
    """
    end_ns = since["instant_ns"] + bound_ns
    step_ns = max(bound_ns // LOOKS, SHORTEST_NS)
    while True:
        heard = next((one for one in heard_since(run, since) if one["word"] in words), None)
        now_ns = run.clock_ns()
        if heard is not None or now_ns >= end_ns:
            return heard
        run.wait_until("listening", min(now_ns + step_ns, end_ns))


def heard_since(run: Run, since: dict[str, int]) -> list[Heard]:
    """Every alarm raised and every other event logged since the mark."""
    return [_heard(run, since, entry) for entry in run.rig.dut.read_log(since["sequence"])]


def raised_in(run: Run, name: str, since: dict[str, int]) -> list[str]:
    """A step: the alarms raised since the mark, each once, in order."""
    told: list[str] = run.step(name, lambda: raised(heard_since(run, since)))
    return told


def raised(heard: Collection[Heard]) -> list[str]:
    """The alarms among them, each once, in order."""
    return list(dict.fromkeys(one["word"] for one in heard if one["word"] in NAMES))


def _heard(run: Run, since: dict[str, int], entry: m.LogEntry) -> Heard:
    word = entry.kind.name.lower()
    if entry.kind is EventKind.ALARM_RAISED:
        word = AlarmId(entry.subject).name.lower()
    instant_ns = run.clock_ns()  # in another life: not later than now
    if entry.boot_id == since["boot_id"]:
        passed_ns = (entry.uptime_ms - since["uptime_ms"]) * NS_PER_MS
        instant_ns = since["instant_ns"] + passed_ns
    return {"word": word, "instant_ns": instant_ns, "value": entry.value}
