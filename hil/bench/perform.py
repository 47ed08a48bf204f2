"""A script on a rig, from the folder to the record, whatever happens in between."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from hil.bench import facts
from hil.bench import journal as j
from hil.bench.parameters import all_texts, filled
from hil.bench.run import STRAYED, Run, is_kept
from hil.bench.script import Script, check
from hil.calibration.data import POINTS, to_csv
from hil.clock import Stopwatch, unix_s
from hil.errors import BenchError, LocalError, NotSafeError, RigError
from hil.interruption import Interruption
from hil.provenance import of_rig
from hil.record import Record, Verdict
from hil.report import keep, put
from hil.rig import Rig, open_rig

NS_PER_DAY: Final = 86_400 * 10**9
FOLDERS: Final = "bench-runs"


@dataclass(frozen=True)
class Wish:
    """What was asked for on the command line."""

    script: Script
    uri: str
    folder: Path
    texts: Mapping[str, str]
    command: str
    resume: bool = False


class InterruptedRunError(Exception):
    """Ctrl-C: the rig is safe as far as `failures` do not say otherwise; the run can go on."""

    def __init__(self, failures: list[str]) -> None:
        """What could not be made safe."""
        super().__init__("interrupted")
        self.failures = failures


def default_folder(name: str) -> Path:
    """Of a run that is begun now."""
    when = datetime.fromtimestamp(unix_s(), UTC)
    return Path(FOLDERS) / f"{Path(name).stem}-{when:%Y%m%d-%H%M%S}"


def perform(
    wish: Wish,
    progress: Callable[[str, int], None],
    prompt: Callable[[str], None],
    interruption: Interruption,
) -> Record:
    """Do it, and keep the record. BenchError before anything has moved; InterruptedRunError."""

    def look(what: str, elapsed_ns: int) -> None:
        interruption.look()
        progress(what, elapsed_ns)

    script = wish.script
    texts = dict(wish.texts)
    journal, state = None, None
    if wish.resume:
        journal = j.taken_up(wish.folder)
        texts = _same(journal.entries[0], wish)
        state = journal.state()
    parameters = filled(script.parameters, texts)
    rig = open_rig(wish.uri, None if state is None else state[1])
    with ExitStack() as held:
        held.callback(_close, rig)
        check(script, rig, parameters)
        device = facts.device_facts(rig)
        notes: list[str] = []
        if journal is None:
            journal = j.begun(wish.folder)
            _begin(journal, wish, device, rig.clock.now_ns())
        else:
            notes = _resume(journal, rig, device, None if state is None else state[0])
        record = _blank(wish, journal, rig, device)
        record.notes += notes
        run = Run(rig, journal, record, look, prompt, partial(open_rig, wish.uri))
        held.callback(lambda: _close(run.rig))  # whichever it is by then
        rig.instruments.take(script.needs)  # a life before this one may have set them
        return _play(wish, parameters, run, interruption)


def _play(wish: Wish, parameters: Any, run: Run, interruption: Interruption) -> Record:
    record, watch = run.record, Stopwatch()
    try:
        wish.script.play(run, parameters)
        interruption.look()  # its last act may have cleared one
        record.judge()
        failures = _made_safe(run.rig)
        if failures:
            _fail(record, failures[0])
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001
        if interruption.asked or isinstance(error, KeyboardInterrupt):
            failures = _made_safe(run.rig)
            run.note("interrupted", not_safe=failures)
            raise InterruptedRunError(failures) from None
        _fail(record, _sentence(error))
        failures = _made_safe(run.rig)
    record.notes += failures
    _keep_points(run, wish.folder)
    record.wall_s = watch.elapsed_s()
    record.device_s = run.elapsed_s()
    kind = "failed" if record.verdict is Verdict.ERROR else "end"
    run.journal.add(kind, verdict=record.verdict.value, why=record.why)
    record.facts["journal SHA-256"] = run.journal.sha256()
    keep(record, wish.folder)
    return record


def _made_safe(rig: Rig) -> list[str]:
    """What could not be, a sentence each."""
    try:
        rig.make_safe()
    except NotSafeError as error:
        return error.sentences
    return []


def _close(rig: Rig) -> None:
    """Give every port back; what fails now has been told before."""
    with suppress(Exception):
        rig.close()


def _keep_points(run: Run, folder: Path) -> None:
    """Made anew from what the journal holds, whole or not at all: no point stands there twice."""
    if run.points:
        put(folder / POINTS, to_csv(run.points))
        run.record.notes.append(
            f"points for hil calibrate in {POINTS}: {len(run.points)}, each a flow and what it "
            "was weighed in"
        )


def _fail(record: Record, sentence: str) -> None:
    record.verdict, record.why = Verdict.ERROR, sentence


def _sentence(error: Exception) -> str:
    if isinstance(error, BenchError):
        return str(error)
    return f"the script failed: {type(error).__name__}: {error}"


def _begin(journal: j.Journal, wish: Wish, device: Mapping[str, Any], now_ns: int) -> None:
    script = wish.script
    journal.add(
        "begin",
        script=script.name,
        rig=wish.uri,
        command=wish.command,
        parameters=all_texts(script.parameters, wish.texts),
        device=device,
        sources=of_rig(wish.uri),
        instant_ns=now_ns,
        unix_s=unix_s(),
    )


def _same(begin: j.Entry, wish: Wish) -> dict[str, str]:
    """The parameters a run was begun with; LocalError when something else is asked for now."""
    texts: dict[str, str] = begin["parameters"]
    if begin["script"] != wish.script.name or begin["rig"] != wish.uri:
        raise LocalError(
            f"the run in {wish.folder} is of {begin['script']} on {begin['rig']}: "
            "it goes on as it began, or begin another"
        )
    other = [name for name, text in wish.texts.items() if texts.get(name) != text]
    if other:
        raise LocalError(
            f"this run was begun with {other[0]}={texts.get(other[0])!r}: leave it out, "
            "or begin another"
        )
    return texts


def _resume(
    journal: j.Journal, rig: Rig, device: dict[str, Any], state_entry: int | None
) -> list[str]:
    """Take the run up where it can go on; what the record should tell of it."""
    begin = journal.entries[0]
    forbidden, notes = facts.changes(begin["device"], device)
    notes += facts.edited(begin["sources"], of_rig(begin["rig"]))
    if rig.clock.virtual and rig.save is None:
        forbidden += _younger(journal, rig.clock.now_ns())
    if forbidden:
        raise RigError(f"this run cannot go on: {'; '.join(forbidden)}")
    if rig.save is not None:
        journal.go_back_to(0 if state_entry is None else state_entry)
        strayed = journal.count(STRAYED)
        many = f"bath or outlet had left its set point {strayed} times, and was set again"
        return [*notes, many] if strayed else notes
    lives = journal.count(j.RESUMED) + 1
    journal.go_back_to(journal.last)
    many = f"interrupted {lives} times: bath and outlet were let go and set again each time"
    return [*notes, many]


def _younger(journal: j.Journal, now_ns: int) -> list[str]:
    """What forbids it where device time went back: nothing where the script itself puts it back."""
    reached_ns = max(one.get("instant_ns", 0) for one in journal.entries)
    if now_ns >= reached_ns or any(is_kept(one) for one in journal.entries):
        return []
    then, now = (f"{instant_ns / NS_PER_DAY:.2f} d" for instant_ns in (reached_ns, now_ns))
    return [f"device time is {now}, and was {then}: was its emulator started anew?"]


def _blank(wish: Wish, journal: j.Journal, rig: Rig, device: dict[str, Any]) -> Record:
    script, begin = wish.script, journal.entries[0]
    began = datetime.fromtimestamp(begin["unix_s"], UTC)
    record = Record("bench", script.name, script.title)
    record.began = f"{began:%Y-%m-%dT%H:%M:%SZ}"
    record.command = begin.get("command", wish.command)  # of the first life: it repeats the whole
    record.facts = facts.lines(wish.uri, device)
    record.facts["parameters"] = ", ".join(f"{k}={v}" for k, v in begin["parameters"].items())
    if script.requirements:
        record.facts["requirements"] = ", ".join(script.requirements)
    record.instruments = facts.instrument_rows(rig)
    record.notes = [script.method] if script.method else []
    return record
