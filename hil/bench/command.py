"""`hil bench`: from the words of a command line to a record and an exit code."""

import json
import shlex
from pathlib import Path
from typing import Final

import click

from hil.bench import perform as p
from hil.bench.parameters import filled, texts_of
from hil.bench.screen import Progress, ask_operator, list_lines, record_lines
from hil.bench.script import find
from hil.errors import LocalError, RigError
from hil.interruption import INTERRUPTED, Interruption
from hil.provenance import command
from hil.record import Record, Verdict
from hil.report import RECORD, render

NOT_PASSED: Final = 1


def list_scripts() -> None:
    """What there is."""
    click.echo("\n".join(list_lines()))


def bench(  # noqa: PLR0913
    name: str,
    uri: str,
    out: Path | None,
    pairs: tuple[str, ...],
    interruption: Interruption,
    *,
    resume: bool,
    as_json: bool,
) -> int:
    """Run it; the exit code. BenchError when it cannot even begin."""
    script = find(name)
    texts = texts_of(pairs)
    if resume and out is None:
        raise LocalError("--resume needs --out, the folder of the run that was interrupted")
    folder = out or p.default_folder(name)
    wish = p.Wish(script, uri, folder, texts, command(), resume=resume)
    again = shlex.join(["hil", "bench", name, "--rig", uri, "--out", str(folder), "--resume"])
    progress = Progress(script.length_ns(filled(script.parameters, texts)))
    try:
        record = p.perform(wish, progress, ask_operator, interruption)
    except p.InterruptedRunError as error:
        progress.end()
        for line in error.failures:
            click.echo(f"hil: {line}", err=True)
        click.echo(f"interrupted; go on with: {again}", err=True)
        return INTERRUPTED
    progress.end()
    render(record, folder / RECORD)
    plain = json.dumps(record.to_plain(), indent=2)
    click.echo(plain if as_json else "\n".join(record_lines(record, folder)))
    if record.verdict is Verdict.ERROR:
        click.echo(f"once that is mended, go on with: {again}", err=True)
    return exit_code(record)


def exit_code(record: Record) -> int:
    """0 only for PASS."""
    if record.verdict is Verdict.ERROR:
        return RigError.exit_code
    return 0 if record.verdict is Verdict.PASS else NOT_PASSED
