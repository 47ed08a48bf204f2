"""The command line of the emulator. What a command needs is imported when it runs."""

import math
import sys
from pathlib import Path
from typing import Any

import click

from pumpsim.terminal import end_at_once

EXIT_BAD_INPUT = 2
MAX_SEED = 2**53 - 1
SEED = click.IntRange(0, MAX_SEED)
SCENARIO_SEED = click.IntRange(0, 2**63 - 1)  # as in its file


class Failure(click.ClickException):
    """One sentence for the person at the keyboard, and exit code 2."""

    exit_code = EXIT_BAD_INPUT


def program() -> None:
    """`pumpsim`, in a process of its own."""
    end_at_once()
    main(prog_name="pumpsim")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pumpsim")
def main() -> None:
    """Emulate implantable constant-flow infusion pumps.

    \b
    pumpsim serve                                   the demo pump on serial, TCP and MQTT
    pumpsim run scenarios/six-month-course.toml     half a year in seconds
    pumpsim describe protocol                       what goes over the link
    """
    here = str(Path.cwd())
    if here not in sys.path:  # a pump file may name control logic of the working folder
        sys.path.insert(0, here)


def _speed(_context: click.Context, _option: click.Parameter, value: str) -> float:
    from pumpsim.daemon.timeline import AS_FAST_AS_IT_GOES, TimelineError, check_speed

    if value == "max":
        return AS_FAST_AS_IT_GOES
    try:
        speed = float(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither a number nor max") from None
    if speed == AS_FAST_AS_IT_GOES:
        raise click.BadParameter("write max for as fast as it goes")
    try:
        return check_speed(speed)
    except TimelineError as error:
        raise click.BadParameter(str(error)) from None


def _baud(_context: click.Context, _option: click.Parameter, value: str) -> int | None:
    from pumpsim.daemon.pacing import check_baud

    if value == "none":
        return None
    try:
        return check_baud(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}, nor none") from None


def _years(_context: click.Context, _option: click.Parameter, value: float | None) -> float | None:
    if value is not None and math.isnan(value):  # of which no range knows that it is outside
        raise click.BadParameter("nan is no number of years")
    return value


@main.command()
@click.argument("pumps", nargs=-1, type=click.Path(path_type=Path), metavar="[PUMP.toml ...]")
@click.option(
    "--speed",
    default="1",
    callback=_speed,
    show_default=True,
    help="Device time over wall time, or max.",
)
@click.option(
    "--seed",
    default=1,
    type=SEED,
    show_default=True,
    help="Decides all chance: noise, weather, posture.",
)
@click.option(
    "--rig",
    type=click.Path(path_type=Path),
    metavar="BENCH.toml",
    help="Serve instruments around the pump, too: balance, bath, pressure controller, supply.",
)
@click.option(
    "--chaos",
    type=click.Path(path_type=Path),
    metavar="CHAOS.toml",
    help="Delay, lose and spoil what passes on the links.",
)
@click.option("--serial", help="pty[:LINK], PORT[?baud=N] or none.  [default: pty]")
@click.option(
    "--baud",
    default="none",
    callback=_baud,
    show_default=True,
    help="Pace of the serial line; none is unpaced.",
)
@click.option("--tcp", help="HOST:PORT or none; port 0 is any free one.  [default: 127.0.0.1:0]")
@click.option(
    "--mqtt", default="embedded", show_default=True, help="embedded, none or mqtt[s]://HOST:PORT."
)
@click.option(
    "--control",
    default="127.0.0.1:0",
    show_default=True,
    help="HOST:PORT of the control API; 0 is any port.",
)
@click.option(
    "--allow-remote-control",
    is_flag=True,
    help="Let other machines use the control API, with the token in PUMPSIM_CONTROL_TOKEN.",
)
@click.option("--catch-up", is_flag=True, help="After a suspend, run what was missed.")
@click.option(
    "--ready", type=click.Path(path_type=Path), help="Once all listen, write here where (JSON)."
)
def serve(pumps: tuple[Path, ...], rig: Path | None, chaos: Path | None, **options: Any) -> None:
    """Serve pumps on serial, TCP and MQTT, until Ctrl-C.

    \b
    pumpsim serve                                    the demo pump, everything on free ports
    pumpsim serve --speed 600 --serial pty:/tmp/pump ten minutes a second, a serial port by name
    pumpsim serve --serial /dev/ttyS0?baud=115200    be a pump on a real UART
    pumpsim serve a.toml b.toml --mqtt mqtt://localhost:1883
    pumpsim serve --rig examples/bench.toml          instruments on ptys and TCP around the pump
    pumpsim serve --chaos examples/chaos.toml        frames late, lost, torn, twice
    """
    from protocol.configfile import ConfigError
    from pumpsim import benchfile, pumpfile
    from pumpsim.chaos import settings
    from pumpsim.daemon.options import Options
    from pumpsim.daemon.pty_port import PortError
    from pumpsim.daemon.serve import serve as serve_pumps

    try:
        files = [pumpfile.load(path) for path in pumps] or [pumpfile.demo()]
        bench = None if rig is None else benchfile.load(rig)
        trouble = None if chaos is None else settings.load(chaos)
        serve_pumps(Options(pumps=files, rig=bench, chaos=trouble, **options))
    except (ConfigError, PortError) as error:
        raise Failure(str(error)) from None


@main.command()
@click.argument("scenario", type=click.Path(path_type=Path), metavar="SCENARIO.toml")
@click.option("--seed", type=SCENARIO_SEED, help="Instead of the scenario's own seed.")
@click.option("--trace", type=click.Path(path_type=Path), help="Write everything that happened.")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw the run as a PNG.")
@click.option("--json", "as_json", is_flag=True, help="The summary for programs.")
def run(
    scenario: Path, seed: int | None, trace: Path | None, plot: Path | None, *, as_json: bool
) -> None:
    """Play a scenario in virtual time, as fast as it goes.

    \b
    pumpsim run scenarios/six-month-course.toml --plot course.png
    pumpsim run scenarios/fever.toml --seed 7 --trace fever.jsonl
    """
    from protocol.configfile import ConfigError
    from pumpsim.run import run_scenario

    try:
        sys.exit(run_scenario(scenario, seed, trace, plot, as_json=as_json))
    except ConfigError as error:
        raise Failure(str(error)) from None


@main.command()
@click.option(
    "--faults",
    default="all",
    show_default=True,
    metavar="all|none|NAME,...",
    help="Faults to inject.",
)
@click.option(
    "--runs",
    type=click.IntRange(1, 100_000),
    help="Seeds for each fault; a quarter more beyond its stated severity.  [default: 20]",
)
@click.option(
    "--life",
    type=click.FloatRange(0, 100_000),
    callback=_years,
    metavar="YEARS",
    help="Device-years without faults.  [default: 4 with all faults, else 0]",
)
@click.option(
    "--first-seed",
    type=click.IntRange(1, 1_000_000_000),
    default=1,
    show_default=True,
    metavar="N",
    help="Count seeds from here, to run a long campaign in parts.",
)
@click.option("--full", is_flag=True, help="200 runs and 100 device-years; says how long first.")
@click.option("--pump", type=click.Path(path_type=Path), help="A pump file instead of the demo's.")
@click.option("--jobs", type=click.IntRange(1, 1_024), help="Processes.  [default: all cores]")
@click.option("--list", "listed", is_flag=True, help="Print the fault catalogue, and run nothing.")
@click.option("--json", "as_json", is_flag=True, help="Every run, for programs.")
@click.option("--html", type=click.Path(path_type=Path), help="Write a page with table and plot.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Write each life down when it is over, and take up those that are there.",
)
def alarms(*, listed: bool, **options: Any) -> None:
    """Measure the alarms: every fault over many seeds, and ordinary life without any.

    Exit code 1 when a fault was not detected within its bound, or an alarm in life was false.

    \b
    pumpsim alarms                                       the whole catalogue, 20 runs each
    pumpsim alarms --faults restrictor_fast --runs 100   one fault, well tried
    pumpsim alarms --faults all --life 0 --html out.html the catalogue alone, as a page
    pumpsim alarms --full --json > alarms.json           200 runs each and 100 device-years
    pumpsim alarms --faults none --life 1000 --keep lives/   hours; Ctrl-C and again goes on
    """
    import json

    from protocol.configfile import ConfigError
    from pumpsim.performance.command import Options, catalogue, listing, run_alarms

    try:
        if listed:
            as_json, faults = options["as_json"], options["faults"]
            told = json.dumps(catalogue(faults), indent=2) + "\n" if as_json else listing(faults)
            click.echo(told, nl=False)
            return
        sys.exit(run_alarms(Options(**options)))
    except ConfigError as error:
        raise Failure(str(error)) from None


@main.command()
@click.argument("topic", type=click.Choice(["bench", "chaos", "protocol", "pump", "scenario"]))
def describe(topic: str) -> None:
    """Print a reference: tables and JSON Schema, for people and editors.

    \b
    pumpsim describe pump | less
    """
    from pumpsim.describe import describe as text_of

    click.echo(text_of(topic))
