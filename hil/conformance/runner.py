"""Runs cases on a rig: a known state before each, a verdict after, and no wait without an end."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from hil.clock import Countdown, Stopwatch, unix_s
from hil.conformance.case import Case, Section
from hil.conformance.errors import FailedError, NoEffectError, NotOfferedError
from hil.conformance.probe import Probe
from hil.conformance.stage import claim, leave, open_alarms, prepare
from hil.errors import BenchError, NotSafeError, PeerError
from hil.record import CaseResult, Record, Verdict
from hil.rig import Rig

RECOVERY_S: Final = 15.0
"""Wall time in which a rig that failed may come back."""
NS_PER_S: Final = 1_000_000_000

Open = Callable[[], Rig]
Tell = Callable[[CaseResult], None]


@dataclass(frozen=True)
class Ending:
    """How one case came out."""

    verdict: Verdict
    expected: str = ""
    seen: str = ""


class Kit:
    """One rig, its cases, and the record they come to."""

    def __init__(
        self,
        open_rig: Open,
        patience_ns: int,
        tell: Tell = lambda _: None,
        look: Callable[[], None] = lambda: None,
    ) -> None:
        """Nothing is opened yet. `tell` hears of each case as it ends, `look` before it counts."""
        self._look = look
        self._open = open_rig
        self._patience_ns = patience_ns
        self._tell = tell
        self._probe: Probe | None = None
        self._counted_ns: int | None = None
        """Up to where device time is on record; None while the rig is broken."""

    def run(self, sections: tuple[Section, ...], record: Record) -> None:
        """Fill the record; whatever ends it early, what was done is in it, and the device is quiet.

        BenchError when there is no rig to begin with.
        """
        watch = Stopwatch()
        record.began = datetime.fromtimestamp(unix_s(), UTC).isoformat()
        self._probe = self._claimed()
        record.facts |= facts(self._probe.rig)
        try:
            record.why = self._run_all(sections, record) or ""
        finally:
            record.wall_s = watch.elapsed_s()
            record.judge()
            unsafe = self._close()
            record.notes += unsafe
            record.why = record.why or "".join(unsafe[:1])
            if record.why:
                record.verdict = Verdict.ERROR

    def _run_all(self, sections: tuple[Section, ...], record: Record) -> str | None:
        """Every case in turn; why it ended early, if it did."""
        cases = [(section, case) for section in sections for case in section.cases]
        try:
            known = open_alarms(self._held())
            for index, (section, case) in enumerate(cases):
                result = self._one(section, case, record)
                record.cases.append(result)
                self._tell(result)
                if result.verdict is Verdict.ERROR and not self._recover():
                    rest = f"{len(cases) - index - 1} cases not run"
                    return f"the rig did not come back within {RECOVERY_S:g} s: {rest}"
            record.notes += leave(self._held(), known)
        except BenchError as error:
            return str(error)
        return None

    def _held(self) -> Probe:
        assert self._probe is not None
        return self._probe

    def _one(self, section: Section, case: Case, record: Record) -> CaseResult:
        began_ns = self._counted_ns
        result = try_case(self._held(), section, case, self._patience_ns)
        self._look()
        self._counted_ns = self._now_ns()
        if began_ns is not None and self._counted_ns is not None:
            record.device_s += (self._counted_ns - began_ns) / NS_PER_S
        return result

    def _now_ns(self) -> int | None:
        """None when the rig is broken: the case finds out, and says so."""
        try:
            return self._held().rig.clock.now_ns()
        except BenchError:
            return None

    def _claimed(self) -> Probe:
        rig = self._open()
        try:
            probe = Probe(rig)
            claim(probe)
            self._counted_ns = rig.clock.now_ns()
        except BaseException as error:
            rig.__exit__(type(error), error, None)
            raise
        return probe

    def _recover(self) -> bool:
        """Open the rig anew, within a bound."""
        self._close()
        countdown = Countdown(RECOVERY_S)
        while countdown.nap():
            try:
                self._probe = self._claimed()
            except (BenchError, FailedError):
                continue
            return True
        return False

    def _close(self) -> list[str]:
        """Leave the rig, safe; what could not be made safe, a sentence each."""
        probe, self._probe = self._probe, None
        if probe is None:
            return []
        try:
            with suppress(BenchError):  # a rig that broke has been told of
                prepare(probe)
            probe.rig.make_safe()
        except NotSafeError as unsafe:
            return unsafe.sentences
        finally:
            probe.rig.close()
        return []


def try_case(probe: Probe, section: Section, case: Case, patience_ns: int) -> CaseResult:
    """Bring the device to a known state, run one case, and tell how it came out."""
    watch = Stopwatch()
    missing = case.needs.missing(probe.rig, patience_ns)
    ending = Ending(Verdict.SKIP, seen=missing) if missing else _ending(probe, case)
    silent = ending.verdict in (Verdict.PASS, Verdict.SKIP)
    return CaseResult(
        id=case.id,
        title=case.title,
        verdict=ending.verdict,
        section=section.name,
        requirement=case.required,
        expected=ending.expected,
        seen=ending.seen,
        wall_s=watch.elapsed_s(),
        log=() if silent else probe.tape.lines(),
    )


def _ending(probe: Probe, case: Case) -> Ending:
    try:
        prepare(probe)
        case.run(probe)
    except Exception as error:  # noqa: BLE001 - a case that is wrong is no verdict on the device
        return _judged(error)
    return Ending(Verdict.PASS)


def _judged(error: Exception) -> Ending:
    """Whose fault it is follows from the type."""
    match error:
        case FailedError():
            ending = Ending(Verdict.FAIL, error.expected, error.seen)
        case PeerError():
            ending = Ending(Verdict.FAIL, "what the protocol allows", str(error))
        case NoEffectError():
            ending = Ending(Verdict.INCONCLUSIVE, "a stimulus that takes effect", str(error))
        case NotOfferedError():
            ending = Ending(Verdict.SKIP, seen=str(error))
        case BenchError():
            ending = Ending(Verdict.ERROR, "a rig that works", str(error))
        case _:
            ending = Ending(Verdict.ERROR, "a case that works", f"{type(error).__name__}: {error}")
    return ending


def facts(rig: Rig) -> dict[str, str]:
    """Which device it was, for the record's head."""
    identity = rig.identity
    return {
        "device": identity.device_id,
        "model": identity.model,
        "firmware": identity.firmware,
        "protocol": f"version {identity.protocol_version}, schema {identity.schema_hash:08x}",
        "capabilities": ", ".join(one.name.lower() for one in identity.capabilities),
        "time": "virtual" if rig.clock.virtual else "the clock on the wall",
        "laboratory": "yes" if rig.has_laboratory else "none",
    }


def counts(cases: list[CaseResult]) -> Iterator[tuple[str, dict[Verdict, int]]]:
    """For each section how many cases came out which way."""
    for name in dict.fromkeys(one.section for one in cases):
        mine = [one.verdict for one in cases if one.section == name]
        yield name, {verdict: mine.count(verdict) for verdict in Verdict}
