"""A run of a script: named steps that are done once, and samples that go on from the last one.

    run.step("zero", lambda: zero(run))
    weights = run.sample("weigh", HOUR_NS, 24, lambda: run.weigh())
    run.measure("mean flow", 1.3, "mL/day", low=1.1, high=1.5)

Whatever touches the rig stands in a step, a wait or a sampling, and gives plain data. On a resumed
run what the journal holds is given again and not done again; the code in between runs anew, and so
must depend on nothing else. A rig that can be saved goes on exactly as it stood, unless bath or
outlet had left its set point by then. Any other has lived on, and was made safe. What does not hold
is set again, and what is sampled from then on is another piece of the same curve.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hil.bench.journal import RESUMED, Entry, Journal
from hil.bench.surroundings import Surroundings
from hil.clock import WallClock, unix_s
from hil.errors import LocalError, RigError
from hil.instruments.kinds import Reading
from hil.record import CaseResult, Figure, Measurement, Record, Verdict
from hil.report.requirements import sentence
from hil.rig import Rig

if TYPE_CHECKING:
    from hil.flow_point import FlowPoint

LOOK_NS: Final = 6 * 3_600 * 10**9
"""The longest wait at once: the screen shows that time passes."""
STRAYED: Final = "strayed"
"""The kind of entry that tells of a set point that was left: what comes next is another piece."""
KEEP: Final = "keep "
"""How steps are called that keep the pump."""
NS_PER_S: Final = 1_000_000_000
Plain = Any
"""JSON's types only."""


class Sample(NamedTuple):
    """What was read at an instant; `piece` changes where the rig was not held meanwhile."""

    number: int
    instant_ns: int
    piece: int
    value: Plain


class Run:
    """What a script gets: the rig, and ways to act on it that survive an interruption."""

    def __init__(
        self,
        rig: Rig,
        journal: Journal,
        record: Record,
        progress: Callable[[str, int], None],
        prompt: Callable[[str], None],
        reopen: Callable[[Mapping[str, Any] | None], Rig],
    ) -> None:
        """`progress` is told the step and the device time since the beginning.

        `reopen` opens the same rig again, from a saved state where it has one.
        """
        self.rig = rig
        self.record = record
        self.journal = journal
        self.points: list[FlowPoint] = []
        """Flows for `hil calibrate`, in the order of the script."""
        self._progress = progress
        self._prompt = prompt
        self._reopen = reopen
        self._names: set[str] = set()
        self._done = {one["name"]: one for one in journal.entries if one["kind"] == "step"}
        self._taken: dict[str, list[Sample]] = {}
        for one in journal.entries:
            if one["kind"] == "sample":
                sample = Sample(one["number"], one["instant_ns"], one["piece"], one["value"])
                self._taken.setdefault(one["name"], []).append(sample)
        self._exact = rig.save is not None
        self.piece = journal.count(STRAYED if self._exact else RESUMED)
        """Of what is sampled now."""
        self._surroundings = Surroundings(self)
        self._to_restore = journal.count(RESUMED) > 0
        self._offset_ns = self._find_offset()
        self._began_ns: int = journal.entries[0]["instant_ns"]
        self.now_ns: int = self._began_ns
        """The instant up to which the run has come: of the last step that was done or replayed."""

    # ---- acts

    def step(self, name: str, act: Callable[[], Plain]) -> Plain:
        """Do it, or give what it gave."""
        self._claim(name)
        entry = self._done.get(name)
        if entry is None:
            self._go_live(name)
            entry = self.note("step", name=name, result=act())
            self._save()
        self.now_ns = entry["instant_ns"]
        return entry["result"]

    def wait(self, name: str, duration_ns: int) -> None:
        """Let device time pass; RigError when bath or outlet has left its set point meanwhile."""

        def held() -> None:
            self.wait_until(name, self.clock_ns() + duration_ns)
            self._check_surroundings()

        self.step(name, held)

    def sample(
        self,
        name: str,
        every_ns: int,
        count: int,
        read: Callable[[], Plain],
        until: Callable[[list[Sample]], bool] | None = None,
    ) -> list[Sample]:
        """Read so many times, the first time at once; `until` may end it sooner.

        RigError when bath or outlet has left its set point.
        """
        self._claim(name)
        taken = self._taken.setdefault(name, [])
        due_ns = taken[-1].instant_ns + every_ns if taken and self._exact else None
        while len(taken) < count and not (until is not None and taken and until(taken)):
            self._go_live(name)
            due_ns = self.clock_ns() if due_ns is None else due_ns
            self.wait_until(name, due_ns)
            number, piece, value = len(taken), self.piece, read()
            self._check_surroundings()
            entry = self.note("sample", name=name, number=number, piece=piece, value=value)
            taken.append(Sample(number, entry["instant_ns"], piece, value))
            self._save()
            due_ns = max(due_ns + every_ns, entry["instant_ns"])
        if taken:
            self.now_ns = taken[-1].instant_ns
        return list(taken)

    def surround(
        self,
        name: str,
        *,
        temperature_degc: float | None = None,
        outlet_kpa: float | None = None,
        settle_ns: int = 0,
    ) -> None:
        """Bring bath and outlet to their set points, and hold them for the rest of the run."""
        self._surroundings.want(temperature_degc, outlet_kpa, settle_ns)
        if name not in self._done:
            self._to_restore = False  # all that is wanted is set here
        self.step(name, self._surroundings.apply)

    def operator(self, name: str, what: str) -> None:
        """Have a person do something; RigError when nobody is there."""
        self.step(name, lambda: self._prompt(what))

    def stimulate(self, name: str, stimulus: Mapping[str, Any]) -> dict[str, int]:
        """Let something happen in the laboratory now; what came of it."""
        result: dict[str, int] = self.step(name, lambda: self.rig.laboratory.stimulate(stimulus))
        return result

    def keep(self, name: str) -> None:
        """Keep the pump as it is now, so that it can be put back later: emulated pumps only."""
        self.step(KEEP + name, lambda: self.journal.save_beside(name, self._state()))

    def put_back(self, name: str) -> None:
        """Within a step: the pump as it was kept, whatever has happened since."""
        state = self.journal.load_beside(name)
        if self.rig.save is None:
            self.rig.laboratory.restore(state)
        in_hand = self.rig.instruments.in_hand()
        self.rig.close()  # what the instruments are set to was kept, too
        self.rig = self._reopen(None if self.rig.save is None else state)
        self.rig.instruments.take(in_hand)

    # ---- what came of it

    def measure(  # noqa: PLR0913
        self,
        name: str,
        value: float,
        unit: str,
        *,
        low: float | None = None,
        high: float | None = None,
        uncertainty: float | None = None,
        requirement: str | None = None,
        case: str = "",
    ) -> None:
        """A number for the record, judged when it has limits; `case`: by the case of that name."""
        self.record.measurements.append(
            Measurement(name, value, unit, self.now_ns, low, high, uncertainty, requirement, case)
        )

    def case(
        self,
        name: str,
        title: str,
        verdict: Verdict,
        *,
        expected: str = "",
        seen: str = "",
        requirement: str = "",
    ) -> None:
        """One thing that was tried; `requirement` is an id, to which its sentence is added."""
        section = self.record.name
        if requirement:
            requirement = f"{requirement}: {sentence(requirement)}"
        self.record.cases.append(
            CaseResult(name, title, verdict, section, requirement, expected, seen)
        )

    def inconclusive(self, name: str, why: str) -> None:
        """Something that was to be tried had no effect, so that nothing was shown by it."""
        self.case(name, why, Verdict.INCONCLUSIVE, seen=why)

    def figure(self, figure: Figure) -> None:
        """A plot for the record."""
        self.record.figures.append(figure)

    def remark(self, text: str) -> None:
        """A line for the record."""
        self.record.notes.append(text)

    def elapsed_s(self) -> float:
        """Device time from the beginning to the last step."""
        return (self.now_ns - self._began_ns) / NS_PER_S

    # ---- for steps

    def clock_ns(self) -> int:
        """The rig's present instant, on one axis over all lives of the run."""
        return self.rig.clock.now_ns() + self._offset_ns

    def wait_until(self, what: str, until_ns: int) -> None:
        """Within a step: let device time pass; notices are dropped."""
        exchange = self.rig.dut.exchange
        now_ns = self.clock_ns()
        while now_ns < until_ns:
            self._progress(what, now_ns - self._began_ns)
            step_ns = min(until_ns, now_ns + LOOK_NS) - self._offset_ns
            now_ns = self.rig.clock.wait(step_ns, exchange) + self._offset_ns
            while exchange.next_notice() is not None:
                pass
        self._progress(what, until_ns - self._began_ns)

    def note(self, kind: str, **content: Plain) -> Entry:
        """Write into the journal, with the instant."""
        return self.journal.add(kind, instant_ns=self.clock_ns(), unix_s=unix_s(), **content)

    # ---- inside

    def _claim(self, name: str) -> None:
        if name in self._names:
            raise LocalError(f"two steps of this script are called {name!r}: names are unique")
        self._names.add(name)

    def _go_live(self, name: str) -> None:
        """Before the first thing that is really done after an interruption."""
        if not self._to_restore:
            return
        self._to_restore = False
        if self._exact and not self._surroundings.strayed():
            return
        self._progress(f"set points again, for {name}", self.now_ns - self._began_ns)
        self._surroundings.restore()

    def _check_surroundings(self) -> None:
        """RigError when bath or outlet has left its set point: the run goes on from there."""
        strayed = self._surroundings.strayed()
        if strayed:
            self.note(STRAYED, what=strayed)
            self._save()
            raise RigError(f"{strayed}: see to its instrument, then go on by --resume")

    def _save(self) -> None:
        if self.rig.save is not None:
            self.journal.save_state(self.rig.save())

    def _state(self) -> Plain:
        return self.rig.laboratory.save() if self.rig.save is None else self.rig.save()

    def _find_offset(self) -> int:
        """The wall clock of a rig begins anew with each process; wall time has passed meanwhile."""
        if not isinstance(self.rig.clock, WallClock):
            return 0
        last = [one for one in self.journal.entries if "instant_ns" in one][-1]
        away_ns = max(unix_s() - last["unix_s"], 0) * NS_PER_S
        offset_ns: int = last["instant_ns"] + away_ns - self.rig.clock.now_ns()
        return offset_ns


def is_kept(entry: Entry) -> bool:
    """Whether a journal's entry tells that the pump was kept, to be put back later."""
    return bool(entry["kind"] == "step" and entry["name"].startswith(KEEP))


def plain(reading: Reading) -> dict[str, Any]:
    """A reading for the journal."""
    return {
        "value": reading.value,
        "unit": reading.unit,
        "uncertainty": reading.uncertainty,
        "stable": reading.stable,
    }
