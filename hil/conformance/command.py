"""`hil conformance`: live lines, a table at the end, files where they were asked for."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.conformance.catalogue import SECTIONS, chosen
from hil.conformance.runner import Kit, counts
from hil.errors import LocalError, reason
from hil.interruption import INTERRUPTED, Interruption
from hil.provenance import command, of_rig, versions
from hil.record import CaseResult, Record, Verdict
from hil.rig import duration_ns, open_rig

FAILED: Final = 1
RIG_FAILED: Final = 4
COLUMNS: Final = tuple(Verdict)
WIDTH: Final = 14

Echo = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    uri: str
    section: str | None = None
    case: str | None = None
    patience: str = ""
    json_file: Path | None = None
    folder: Path | None = None


def run(options: Options, echo: Echo, interruption: Interruption) -> int:
    """Run what was asked for; the exit code. BenchError when there is no rig, or no such case."""
    sections = chosen(options.section, options.case)
    patience_ns = duration_ns(options.patience)
    record = Record("conformance", "conformance", "Conformance", command=command())
    record.facts = of_rig(options.uri) | versions()

    def tell(result: CaseResult) -> None:
        for line in lines_of(result):
            echo(line)

    kit = Kit(lambda: open_rig(options.uri), patience_ns, tell, interruption.look)
    code = None
    try:
        kit.run(sections, record)
    except KeyboardInterrupt:
        code, record.why = INTERRUPTED, "interrupted"
    record.title = f"Conformance of {record.facts.get('device', options.uri)}"
    for line in summary(record):
        echo(line)
    _write(record, options, echo)
    return exit_code(record) if code is None else code


def exit_code(record: Record) -> int:
    """0 when something passed and nothing else came of anything that was tried."""
    if record.verdict is Verdict.ERROR:
        return RIG_FAILED
    return 0 if record.verdict is Verdict.PASS else FAILED


def listing() -> Iterator[str]:
    """Every case, with what it requires."""
    for section in SECTIONS:
        yield f"{section.name}: {section.about} ({len(section.cases)} cases)"
        yield from (f"  {case.id}  {case.required}" for case in section.cases)


def lines_of(result: CaseResult) -> Iterator[str]:
    """One line, and more for what did not pass."""
    head = f"{result.verdict.name:<12}  {result.id}  {result.title}"
    if result.verdict is Verdict.SKIP:
        yield f"{head}: {result.seen}"
        return
    yield head
    if result.verdict is Verdict.PASS:
        return
    yield f"    required  {result.requirement}"
    yield f"    expected  {result.expected}"
    yield f"    seen      {result.seen}"
    if result.log:
        yield "    lately on the link:"
        yield from (f"      {line}" for line in result.log)


def summary(record: Record) -> Iterator[str]:
    """A row for each section, and what it comes to."""
    yield ""
    yield "".join(f"{word:<{WIDTH}}" for word in ("", *(v.name.lower() for v in COLUMNS))).rstrip()
    for name, found in counts(record.cases):
        cells = [name, *(str(found[verdict] or "-") for verdict in COLUMNS)]
        yield "".join(f"{cell:<{WIDTH}}" for cell in cells).rstrip()
    yield ""
    skipped = [one.seen for one in record.cases if one.verdict is Verdict.SKIP]
    yield from (f"skipped: {why}" for why in sorted(set(skipped)))
    yield from (f"note: {note}" for note in record.notes)
    why = f": {record.why}" if record.why else ""
    took = f"{record.wall_s:.1f} s, {record.device_s / 3_600:.1f} h of device time"
    tried = f"{len(record.cases) - len(skipped)} cases tried, {len(skipped)} skipped"
    yield f"{record.verdict.name}{why}  ({tried}, {took})"


def _write(record: Record, options: Options, echo: Echo) -> None:
    if options.json_file is not None:
        content = json.dumps(record.to_plain(), indent=1, allow_nan=False) + "\n"
        try:
            options.json_file.write_text(content, encoding="utf-8")
        except OSError as error:
            raise LocalError(f"{options.json_file} cannot be written: {reason(error)}") from None
    if options.folder is not None:
        from hil.report import write

        echo(f"report: {write(record, options.folder).page}")
