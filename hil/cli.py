"""`hil`: the bench's command line. Everything heavy is imported by the command that needs it."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click

from hil.errors import BenchError, RigError
from hil.interruption import INTERRUPTED, Interruption, end_at_once
from hil.record import Record, Verdict

LOGIC_FAILED: Final = 1
RIG_FAILED: Final = 4
DOCTOR_EPILOG: Final = """
Every key, with examples for emulated and for real instruments: docs/bench.md, examples/rig.toml.
Exit codes: 0 all is well or wants a look, 2 the rig file cannot be used, 4 something is wrong.
"""
LENGTH: Final = (
    'such as "14 d" or "6 h": virtual time with sim: or ?control=URL, else by the clock on the wall'
)
REFERENCE: Final = "pumpsim.firmware:ReferenceLogic"
FAILED: Final = 1
FIT_EPILOG: Final = (
    "Exit codes: 0 fitted, 1 the model does not describe the data, 2 bad data or a bad pump file."
)
EPILOG: Final = """
\b
A rig is a file, RIG.toml (see hil doctor), or one of these URIs
  sim:                                the demonstration pump, in process
  sim:PUMP.toml?seed=7&bare=1         any pump file; bare: without its own control logic
  serial:///dev/ttyUSB0?baud=115200   serial:///COM3 on Windows
  tcp://HOST:PORT
  mqtt[s]://HOST:PORT/DEVICE          credentials: see below
  board:PUMP.toml                     in a rig file: its sensors and relay in place of a device
The last four take ?control=URL, the control API of `pumpsim serve`, and then run in virtual time.
For a broker with accounts set PUMPSIM_MQTT_USERNAME, and PUMPSIM_MQTT_PASSWORD or
PUMPSIM_MQTT_PASSWORD_FILE.

\b
Exit codes: 0 done, 1 the control logic failed, was not obeyed, or a bench did not pass,
2 a request that cannot be, 3 the device broke the protocol, 4 the rig failed, 130 interrupted.
"""
SAMPLE_EPILOG: Final = """
An instant that went by while an instrument was busy is a row without a value. Exit codes: 0 taken,
1 instants were missed, 2 a request that cannot be, 4 the rig failed, 130 interrupted.
"""
REPORT_EPILOG: Final = "Exit codes: 0 made, 2 there is no record to make it from."
CONFORMANCE_EPILOG: Final = """
Exit codes: 0 all passed that could be tried, 1 something failed or was not shown, 2 a request that
cannot be, 4 the rig failed, 130 interrupted.
"""
PATIENCE: Final = "how long a case may wait where time is not virtual"
PATH: Final = click.Path(path_type=Path)
DIFF_CODES: Final = {
    Verdict.PASS: 0,
    Verdict.ERROR: RigError.exit_code,
    Verdict.INCONCLUSIVE: INTERRUPTED,  # nothing else leaves a comparison open
}
RIG: Final = click.option(
    "--rig", "uri", required=True, metavar="URI", help="the device: see below"
)
JSON: Final = click.option("--json", "as_json", is_flag=True, help="for programs")


def program() -> None:
    """`hil`, in a process of its own."""
    end_at_once()
    main(prog_name="hil")


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pumpsim")
def main() -> None:
    """Test an implantable infusion pump, emulated or real, from a bench host.

    \b
    Examples:
      hil status --rig sim:
      hil status --rig serial:///dev/ttyUSB0?baud=115200 --json
      hil control mylogic:MyLogic --rig "sim:?bare=1" --for "14 d"
    """


@main.command(epilog=EPILOG)
@RIG
@JSON
def status(*, uri: str, as_json: bool) -> None:
    """What the device is, does and complains about.

    \b
    Examples:
      hil status --rig tcp://127.0.0.1:7000
      hil status --rig mqtt://127.0.0.1:1883/demo --json
    """
    from hil.rig import open_rig
    from hil.survey import survey

    with _one_sentence(), open_rig(uri) as rig:
        found = survey(rig.dut, rig.identity)
    click.echo(json.dumps(found.plain(), indent=2) if as_json else "\n".join(found.lines()))


@main.command(epilog=EPILOG)
@RIG
@click.option(
    "--from", "first", type=click.IntRange(min=0), default=0, help="that entry comes first"
)
@JSON
def log(*, uri: str, first: int, as_json: bool) -> None:
    """What the device has written down: alarms, commands, refusals, boots, faults.

    A line tells an entry's number, in which life of the device it was and how long after its boot,
    the device's clock, and what happened. Alike events are counted for an hour.

    \b
    Examples:
      hil log --rig tcp://127.0.0.1:7000
      hil log --rig serial:///dev/ttyUSB0 --from 120 --json
    """
    from hil import log as in_words
    from hil.rig import open_rig

    with _one_sentence(), open_rig(uri) as rig:
        entries = list(rig.dut.read_log(first))
    if as_json:
        click.echo(json.dumps([in_words.plain(entry) for entry in entries], indent=2))
    else:
        click.echo("\n".join(map(in_words.line, entries)))


@main.command(epilog=EPILOG)
@click.argument("request", metavar="JSON")
@RIG
@click.option(
    "--role",
    type=click.Choice(["patient", "clinician", "service"]),
    default="clinician",
    help="whose session it is, where it needs one",
    show_default=True,
)
def send(*, request: str, uri: str, role: str) -> None:
    """Send one request, as it is written on the MQTT topics but for its header; print the reply.

    With the reply stands the config_id in force: a new configuration is based on it.

    A session is opened for a command and closed again: an audio pause, say, ends with it. Exit code
    1 when the device refused.

    \b
    Examples:
      hil send '{"type": "get_status"}' --rig sim:
      hil send '{"type": "set_clock", "rtc_s": 0}' --rig tcp://127.0.0.1:7000
      hil send '{"type": "begin_refill"}' --rig serial:///dev/ttyUSB0 --role service
    """
    from hil import send as by_hand
    from hil.rig import open_rig
    from protocol.vocabulary import Role

    with _one_sentence():
        body = by_hand.request(request)
        with open_rig(uri) as rig:
            answer = by_hand.send(rig, body, Role[role.upper()])
    click.echo(json.dumps(answer.plain, indent=2))
    if answer.refused:
        click.echo(f"refused: {answer.refused}", err=True)
        sys.exit(FAILED)


@main.command(epilog=DOCTOR_EPILOG)
@RIG
@JSON
def doctor(*, uri: str, as_json: bool) -> None:
    """Check a rig: what answers, what does not and why, what is out of calibration.

    Nothing is set or moved. A rig file names the device and the instruments around it:

    \b
      dut = "serial:///dev/ttyUSB0"
      [balance]
      driver = "mt-sics"
      port = "serial:///dev/ttyUSB1?baud=9600"
      calibration_due = 2027-03-02
      [bath]
      driver = "julabo"
      port = "serial:///dev/ttyUSB2"

    \b
    Examples:
      hil doctor --rig examples/rig.toml
      hil doctor --rig sim: --json
    """
    from hil.doctor import FAIL, examine

    found = []
    with _one_sentence():
        for finding in examine(uri):
            found.append(finding)
            if not as_json:
                click.echo(f"{finding.state:5} {finding.part:18} {finding.text}")
    if as_json:
        click.echo(json.dumps([finding.plain() for finding in found], indent=2))
    sys.exit(RIG_FAILED if any(finding.state == FAIL for finding in found) else 0)


@main.command(epilog=SAMPLE_EPILOG)
@RIG
@click.option("--every", default="1 s", metavar="DURATION", help="of the grid", show_default=True)
@click.option("--for", "length", required=True, metavar="DURATION", help=LENGTH)
@click.option("--out", required=True, metavar="FILE", type=PATH, help="a new table, CSV")
def sample(*, uri: str, every: str, length: str, out: Path) -> None:
    """Read all instruments and sensors of a rig on one grid of instants into a table.

    \b
    Examples:
      hil sample --rig rig.toml --every "100 ms" --for "10 min" --out readings.csv
      hil sample --rig sim: --every "1 h" --for "14 d" --out readings.csv
    """
    from hil.readings import lines
    from hil.readings import sample as sample_all
    from hil.rig import open_rig

    with _one_sentence(), open_rig(uri) as rig:
        tallies = sample_all(rig, every, length, out)
    click.echo("\n".join(lines(tallies)))
    sys.exit(FAILED if any(one.missed for one in tallies.values()) else 0)


@main.command(epilog=EPILOG)
@click.argument("logic", metavar="[MODULE:CLASS]", default=REFERENCE)
@RIG
@click.option("--for", "length", required=True, metavar="DURATION", help=LENGTH)
@JSON
def control(*, logic: str, uri: str, length: str, as_json: bool) -> None:
    """Run control logic on this host against a bare device; the reference logic, if no other.

    \b
    Examples:
      hil control pumpsim.firmware:ReferenceLogic --rig "sim:?bare=1" --for "14 d"
      hil control mylogic:MyLogic --rig serial:///dev/ttyUSB0 --for "6 h"
      hil control --rig rig-board.toml --for "1 d"
    """
    from hil.control import Controller
    from hil.logic import first_made, load_here
    from hil.rig import duration_ns, open_rig
    from hil.screen import Screen, summary_lines, summary_plain

    with _one_sentence() as interruption:
        length_ns, make = duration_ns(length), load_here(logic)
        first_made(logic, make)
        with open_rig(uri) as rig:
            screen = Screen(click.echo, interruption.look, quiet=as_json)
            controller = Controller(rig, make, screen)
            summary = controller.summary
            try:
                controller.run(length_ns)
            finally:  # whatever ended it, this much was done
                screen.end()
                plain = json.dumps(summary_plain(summary), indent=2)
                click.echo(plain if as_json else "\n".join(summary_lines(summary)))
    sys.exit(LOGIC_FAILED if summary.faults or summary.shut_out else 0)


@main.command(epilog=CONFORMANCE_EPILOG)
@click.option("--rig", "uri", metavar="URI", help="the device, as for hil status")
@click.option("--section", metavar="NAME", help="its cases only")
@click.option("--case", metavar="ID", help="this one only")
@click.option("--patience", default="10 s", metavar="DURATION", help=PATIENCE, show_default=True)
@click.option("--json", "json_file", metavar="FILE", type=PATH, help="the record, for programs")
@click.option("--out", "folder", metavar="DIR", type=PATH, help="page, JUnit XML and JSON there")
@click.option("--list", "listed", is_flag=True, help="show every case, and touch no device")
def conformance(*, uri: str | None, listed: bool, **asked: Any) -> None:
    """Try whether a device keeps the protocol: commands, sessions, alarms, resets, its log.

    Not for a pump in a patient: it writes configurations, declares refills and cuts the power.

    \b
    Examples:
      hil conformance --rig sim:
      hil conformance --rig serial:///dev/ttyUSB0 --patience "3 min" --out runs/monday
      hil conformance --rig tcp://127.0.0.1:7000 --section delivery
      hil conformance --list
    As tests of your own, beside others:
      pytest --pyargs hil.conformance --rig sim: -k DLV
    """
    from hil.conformance.command import Options, listing, run

    if listed:
        click.echo("\n".join(listing()))
        return
    if uri is None:
        raise click.UsageError("say which device: --rig URI, or --list for the cases alone")
    with _one_sentence() as interruption:
        code = run(Options(uri, **asked), click.echo, interruption)
    sys.exit(code)


@main.command(epilog=EPILOG)
@click.argument("name", required=False)
@click.argument("parameters", nargs=-1, metavar="[PARAMETER=VALUE]...")
@click.option("--rig", "uri", metavar="URI", help="the device and what stands around it: see below")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="folder of the run; default bench-runs/NAME-DATE",
)
@click.option("--resume", is_flag=True, help="go on with the interrupted run in --out")
@click.option("--list", "listed", is_flag=True, help="what scripts there are, with parameters")
@JSON
def bench(  # noqa: PLR0913
    *,
    name: str | None,
    parameters: tuple[str, ...],
    uri: str | None,
    out: Path | None,
    resume: bool,
    listed: bool,
    as_json: bool,
) -> None:
    """Run a bench script: one that is shipped, or a file of your own.

    \b
    Examples:
      hil bench --list
      hil bench flow-accuracy --rig sim: duration="3 d" sample="1 h"
      hil bench flow-accuracy --rig rig.toml --out runs/42
      hil bench flow-accuracy --rig rig.toml --out runs/42 --resume
      hil bench examples/my_bench.py --rig sim: --json
    """
    from hil.bench.command import bench as run_bench
    from hil.bench.command import list_scripts

    with _one_sentence() as interruption:
        if listed:
            list_scripts()
            return
        if name is None or uri is None:
            raise click.UsageError("a script and --rig are needed; --list tells what there is")
        code = run_bench(name, uri, out, parameters, interruption, resume=resume, as_json=as_json)
    sys.exit(code)


@main.command(epilog=REPORT_EPILOG)
@click.argument("place", metavar="FOLDER|RECORD", type=click.Path(path_type=Path))
def report(*, place: Path) -> None:
    """Make a run's page and JUnit XML again, from its record alone.

    \b
    Examples:
      hil report runs/2026-11-26-flow-accuracy
      hil report record.json
    """
    from hil.report import read, render

    with _one_sentence():
        record, path = read(place)
        made = render(record, path)
    click.echo(f"{record.verdict.name}  {record.title}\n{made.page}\n{made.junit}")


@main.command(epilog=FIT_EPILOG)
@click.argument("data", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--pump", required=True, type=click.Path(path_type=Path), help="the pump file to begin from"
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="the fitted pump file")
@click.option("--report", type=click.Path(path_type=Path), help="a folder for the whole report")
@JSON
def calibrate(
    *, data: tuple[Path, ...], pump: Path, out: Path, report: Path | None, as_json: bool
) -> None:
    """Fit restrictor, propellant pressure and bellows rate of a pump file to measured flows.

    DATA are CSV tables with units in their header, or run folders that hold a points.csv.

    \b
    Examples:
      hil calibrate bench.csv --pump pumps/demo.toml --out fitted.toml
      hil calibrate runs/flow-temperature runs/flow-level --pump pump.toml --out fitted.toml
    """
    from hil.calibration.command import calibrate as fit
    from hil.calibration.command import write as write_pump

    with _one_sentence():
        found = fit(data, pump)
        told = write_pump(found, out)
        _report(found.record, report)
    record = found.record
    lines = [*found.lines(), told]
    click.echo(json.dumps(record.to_plain(), indent=2) if as_json else "\n".join(lines))
    sys.exit(0 if record.verdict is Verdict.PASS else FAILED)


@main.command(epilog=EPILOG.replace("1 the", "1 the two differ, the"))
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option(
    "--scenario", required=True, type=click.Path(path_type=Path), help="what happens on both"
)
@click.option(
    "--tolerance",
    "tolerances",
    multiple=True,
    metavar="SIGNAL=VALUE",
    help='what may differ, in the signal\'s unit; "all" is every signal; may stand again',
)
@click.option("--every", default="1 h", metavar="DURATION", help="of device time between looks")
@click.option("--out", type=click.Path(path_type=Path), help="a folder for the whole report")
@JSON
def diff(  # noqa: PLR0913
    *,
    a: str,
    b: str,
    scenario: Path,
    tolerances: tuple[str, ...],
    every: str,
    out: Path | None,
    as_json: bool,
) -> None:
    """Play a scenario on two rigs in step with each other, and tell where they part.

    \b
    Examples:
      hil diff sim: "sim:pumps/fast.toml" --scenario scenarios/fever.toml
      hil diff sim: "tcp://127.0.0.1:7000?control=http://127.0.0.1:8321" \\
          --scenario scenarios/fever.toml --tolerance all=0 --out runs/same
    """
    from hil.differential.command import compare, plan
    from hil.differential.outcome import lines
    from hil.rig import duration_ns

    with _one_sentence() as interruption:
        planned = plan((a, b), scenario, tolerances, duration_ns(every))
        with click.progressbar(length=planned.scenario.length_ns, file=sys.stderr) as bar:

            def progress(now_ns: int, _length_ns: int) -> None:
                interruption.look()
                bar.update(now_ns - bar.pos)

            record = compare(planned, progress)
        _report(record, out)
        plain = json.dumps(record.to_plain(), indent=2)
        click.echo(plain if as_json else "\n".join(lines(record)))
    sys.exit(DIFF_CODES.get(record.verdict, FAILED))


def _report(record: Record, folder: Path | None) -> None:
    if folder is not None:
        from hil.report import write

        write(record, folder)


@contextmanager
def _one_sentence() -> Iterator[Interruption]:
    """Errors of the bench end the program with a sentence and their exit code.

    What could not be made safe on the way out has a sentence of its own.
    """
    try:
        with Interruption() as interruption:
            yield interruption
    except BenchError as error:
        _tell(str(error), *getattr(error, "__notes__", ()))
        sys.exit(error.exit_code)
    except KeyboardInterrupt as interrupt:
        _tell(*getattr(interrupt, "__notes__", ()))
        sys.exit(INTERRUPTED)


def _tell(*sentences: str) -> None:
    for sentence in sentences:
        click.echo(f"hil: {sentence}", err=True)
