"""Alarm latency: every fault of the catalogue that the laboratory can act out, against its bound.

Each fault begins with the same pump in a body, put back to the day after its refill that the
catalogue asks for. It counts from the instant at which the truth says that it took effect.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hil.bench import alarms, pump, visit
from hil.bench.effects import onset_of
from hil.bench.parameters import DURATION, WORD, parameter
from hil.bench.run import Run
from hil.bench.script import LABORATORY, LOGIC, Script
from hil.errors import LocalError
from hil.record import Verdict

NS_PER_S: Final = 1_000_000_000
DAY_NS: Final = 86_400 * NS_PER_S
LATE_FACTOR: Final = 2
"""An alarm is listened for that many bounds, so that a late one can be told from none."""
Fault = Mapping[str, Any]


@dataclass(frozen=True)
class Parameters:
    """As they are written on the command line. No faults: all there are."""

    faults: tuple[str, ...] = parameter("", WORD, "by name; see `pumpsim alarms --list`", many=True)
    longest_bound_ns: int = parameter(
        "2 d", DURATION, "of a fault that is tried; others are skipped"
    )


def play(run: Run, p: Parameters) -> None:
    """A pump in the body, freshly filled; then fault after fault, each on that pump."""
    chosen = _chosen(p)
    run.step("into the body", lambda: _release(run))
    run.step("refill", lambda: visit.refill(run, {}, lambda _: None))
    filled_ns, day = run.now_ns, 0
    for start_day in sorted({fault["start_day"] for fault in chosen}):
        run.wait(f"until day {start_day}", (start_day - day) * DAY_NS)
        run.step(f"acknowledge on day {start_day}", lambda: pump.acknowledge_all(run))
        run.keep(f"day-{start_day}")
        day = start_day
    for fault in chosen:
        _case(run, fault, filled_ns, p)


def _release(run: Run) -> None:
    """What held the pump on a bench before: the catalogue's bounds are those of a patient's."""
    for what in ("bath", "outlet_pressure", "chamber"):
        run.rig.laboratory.stimulate({"kind": "release", "what": what})


def _case(run: Run, fault: Fault, filled_ns: int, p: Parameters) -> None:
    name, sentence, bound_s = fault["name"], fault["sentence"], fault["bound_s"]
    why = fault["not_promised"] or ("" if _wanted(fault, p) else "its bound is longer")
    if why:
        run.case(name, sentence, Verdict.SKIP, seen=why)
        return
    found = run.step(name, lambda: _try(run, fault, filled_ns))
    if found["why"]:
        run.inconclusive(name, found["why"])
        return
    expected = f"{' or '.join(fault['expects'])} within {bound_s} s"
    delay_s = found["delay_s"]
    if delay_s is None:
        seen = f"nothing within {LATE_FACTOR * bound_s} s"
        run.case(name, sentence, Verdict.FAIL, expected=expected, seen=seen)
        return
    verdict = Verdict.PASS if delay_s <= bound_s else Verdict.FAIL
    run.case(
        name, sentence, verdict, expected=expected, seen=f"{found['word']} after {delay_s:.0f} s"
    )
    run.measure(
        f"latency of {name}", delay_s, "s", low=0.0, high=bound_s, uncertainty=1.0, case=name
    )


def _try(run: Run, fault: Fault, filled_ns: int) -> dict[str, Any]:
    """Act it out; its latency, or why it showed nothing."""
    run.put_back(f"day-{fault['start_day']}")
    try:
        since, onset_ns = _provoke(run, fault, filled_ns)
    except LocalError as error:
        return _nothing(str(error))
    if since is None:
        return _nothing("an alarm that was to be raised stood before")
    if onset_ns is None:
        return _nothing("the fault did not take effect")
    until_ns = onset_ns + LATE_FACTOR * fault["bound_s"] * NS_PER_S
    heard = alarms.await_any(run, since, fault["expects"], until_ns - since["instant_ns"])
    if heard is None:
        return {"why": "", "delay_s": None}
    delay_s = (heard["instant_ns"] - onset_ns) / NS_PER_S
    if delay_s < -1.0 and fault["visit"] is None:
        return _nothing("the alarm sounded before the fault took effect")
    return {"why": "", "delay_s": max(delay_s, 0.0), "word": heard["word"]}


def _provoke(run: Run, fault: Fault, filled_ns: int) -> tuple[dict[str, int] | None, int | None]:
    """Where the log stood before the fault, and when it took effect."""
    *earlier, last = fault["steps"] or [(0, None)]
    for after_s, stimulus in earlier:
        _pass(run, after_s)
        run.rig.laboratory.stimulate(stimulus)
    _pass(run, last[0])
    standing = pump.acknowledge_all(run)
    if any(word in standing for word in fault["expects"]):
        return None, None
    since, before = alarms.mark(run), run.rig.laboratory.truth()
    if fault["visit"] is not None:
        marks: dict[str, dict[str, int]] = {}
        visit.refill(run, fault["visit"], lambda when: _note(run, marks, when))
        since = marks[fault["effect"]]
        return since, since["instant_ns"]
    result = run.rig.laboratory.stimulate(last[1]) if last[1] is not None else {}
    after = alarms.mark(run)  # after a power cycle: uptimes of the new life
    onset_ns = onset_of(run, fault, before, result, filled_ns)
    if after["boot_id"] != since["boot_id"] and fault["effect"] == "power_cycle":
        onset_ns = after["instant_ns"]
    return {**after, "sequence": since["sequence"]}, onset_ns


def _note(run: Run, marks: dict[str, dict[str, int]], when: str) -> None:
    marks[when] = alarms.mark(run)


def _pass(run: Run, duration_s: int) -> None:
    run.wait_until("between two parts of the fault", run.clock_ns() + duration_s * NS_PER_S)


def _nothing(why: str) -> dict[str, Any]:
    return {"why": why, "delay_s": None}


def _chosen(p: Parameters) -> list[Fault]:
    from hil.emulated.catalogue import faults

    there: dict[str, Fault] = {fault["name"]: fault for fault in faults()}
    unknown = [name for name in p.faults if name not in there]
    if unknown:
        raise LocalError(
            f"{unknown[0]!r} is no fault of the catalogue: `pumpsim alarms --list` names them"
        )
    return [there[name] for name in dict.fromkeys(p.faults or there)]


def _wanted(fault: Fault, p: Parameters) -> bool:
    return bool(fault["bound_s"] * NS_PER_S <= p.longest_bound_ns)


SCRIPT: Final = Script(
    name="alarm-latency",
    title="Alarm latency, fault by fault",
    parameters=Parameters,
    play=play,
    length_ns=lambda p: (
        sum(LATE_FACTOR * fault["bound_s"] * NS_PER_S for fault in _chosen(p)) + 14 * DAY_NS
    ),
    needs=frozenset({LABORATORY, LOGIC}),
    requirements=(
        "FLW-02",
        "FLW-03",
        "FLW-04",
        "OCC-01",
        "OCC-02",
        "OCC-05",
        "SEN-01",
        "RES-06",
        "RES-07",
    ),
)
