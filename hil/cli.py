"""`hil`: the bench's command line. Everything heavy is imported by the command that needs it."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from hil.errors import BenchError

LOGIC_FAILED: Final = 1
LENGTH: Final = (
    'such as "14 d" or "6 h": virtual time with sim: or ?control=URL, else by the clock on the wall'
)
INTERRUPTED: Final = 130
EPILOG: Final = """
\b
A rig URI is one of
  sim:                                the demonstration pump, in process
  sim:PUMP.toml?seed=7&bare=1         any pump file; bare: without its own control logic
  serial:///dev/ttyUSB0?baud=115200   serial:///COM3 on Windows
  tcp://HOST:PORT
  mqtt[s]://HOST:PORT/DEVICE          credentials: see below
The last three take ?control=URL, the control API of `pumpsim serve`, and then run in virtual time.
For a broker with accounts set PUMPSIM_MQTT_USERNAME, and PUMPSIM_MQTT_PASSWORD or
PUMPSIM_MQTT_PASSWORD_FILE.

\b
Exit codes: 0 done, 1 the control logic failed or was not obeyed, 2 a request that cannot be,
3 the device broke the protocol, 4 the rig failed, 130 interrupted.
"""
RIG: Final = click.option(
    "--rig", "uri", required=True, metavar="URI", help="the device: see below"
)
JSON: Final = click.option("--json", "as_json", is_flag=True, help="for programs")


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
@click.argument("logic", metavar="MODULE:CLASS")
@RIG
@click.option("--for", "length", required=True, metavar="DURATION", help=LENGTH)
@JSON
def control(*, logic: str, uri: str, length: str, as_json: bool) -> None:
    """Run control logic on this host against a bare device.

    \b
    Examples:
      hil control pumpsim.firmware:ReferenceLogic --rig "sim:?bare=1" --for "14 d"
      hil control mylogic:MyLogic --rig serial:///dev/ttyUSB0 --for "6 h"
    """
    from hil.control import Controller
    from hil.logic import load_here
    from hil.rig import duration_ns, open_rig
    from hil.screen import Screen, summary_lines, summary_plain

    with _one_sentence():
        length_ns, make = duration_ns(length), load_here(logic)
        with open_rig(uri) as rig:
            screen = Screen(click.echo, quiet=as_json)
            controller = Controller(rig, make, screen)
            code = 0
            try:
                controller.run(length_ns)
            except KeyboardInterrupt:
                code = INTERRUPTED
            screen.end()
    summary = controller.summary
    plain = json.dumps(summary_plain(summary), indent=2)
    click.echo(plain if as_json else "\n".join(summary_lines(summary)))
    sys.exit(code or (LOGIC_FAILED if summary.faults or summary.shut_out else 0))


@contextmanager
def _one_sentence() -> Iterator[None]:
    """Errors of the bench end the program with a sentence and their exit code."""
    try:
        yield
    except BenchError as error:
        click.echo(f"hil: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
