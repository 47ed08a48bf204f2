"""Whatever fails, the verdict is ERROR with the sentence, and everything is told to let go."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from hil.bench.command import exit_code
from hil.bench.journal import NAME
from hil.bench.parameters import NUMBER, parameter
from hil.bench.perform import InterruptedRunError
from hil.bench.run import Run
from hil.bench.script import Script, find
from hil.errors import LocalError, RigError
from hil.exchange import Exchange
from hil.instruments.bench import Instruments
from hil.instruments.errors import InstrumentError
from hil.instruments.kinds import Reading
from hil.record import Verdict
from tests.hil.bench.conftest import Bench, Later
from tests.hil.bench.test_resume import SHORT
from tests.hil.conftest import Served
from tests.hil.test_rig import Severed, Stuck

HOUR_NS = 3_600 * 10**9
UNPLUGGED = "balance at /dev/ttyUSB1: it no longer answers: is it plugged in?"


@dataclass(frozen=True)
class Nothing:
    n: float = parameter("1", NUMBER, "of no use")


def script(play: Any, **changes: Any) -> Script:
    return Script("mine", "Mine", Nothing, play, lambda _: 1, **changes)


class Unplugged:
    """A balance whose cable is pulled after some weighings."""

    def __init__(self, balance: Any, weighings: int) -> None:
        self._balance, self._left = balance, weighings

    def weigh_stable(self) -> Reading:
        self._left -= 1
        if self._left < 0:
            raise InstrumentError(*UNPLUGGED.split(": ", 1))
        reading: Reading = self._balance.weigh_stable()
        return reading

    def weigh(self) -> Reading:
        return self.weigh_stable()

    def zero(self) -> None:
        self._balance.zero()


class InFahrenheit:
    """A bath whose menu was left so."""

    def __init__(self, bath: Any) -> None:
        self._bath, self.stop = bath, bath.stop

    def set_temperature(self, temperature: float) -> None:
        self._bath.set_temperature((temperature - 32.0) / 1.8)

    def temperature(self) -> Reading:
        reading: Reading = self._bath.temperature()
        return reading._replace(value=reading.value * 1.8 + 32.0)


class Meddled:
    """A balance that somebody zeroes after some weighings."""

    def __init__(self, balance: Any, weighings: int) -> None:
        self._balance, self._left = balance, weighings
        self.weigh, self.zero = balance.weigh, balance.zero

    def weigh_stable(self) -> Reading:
        self._left -= 1
        if self._left == 0:
            self.zero()
        reading: Reading = self._balance.weigh_stable()
        return reading


def failing(weighings: int, *, silent_bath: bool = False) -> Script:
    """The flow-accuracy script on a rig whose instruments fail."""
    real = find("flow-accuracy")

    def play(run: Run, p: Any) -> None:
        there = run.rig.instruments
        run.rig.instruments = Instruments(
            balance=Unplugged(there.balance, weighings),
            bath=Stuck(there.bath) if silent_bath else there.bath,
            pressure=there.pressure,
        )
        real.play(run, p)

    return replace(real, play=play)


@pytest.mark.slow
@pytest.mark.parametrize("weighings", [0, 1, 7])
def test_a_balance_that_fails_in_mid_run_is_an_error_and_never_a_pass(
    bench: Bench, weighings: int
) -> None:
    held: list[dict[str, Any]] = []
    real = failing(weighings)

    def play(run: Run, p: Any) -> None:
        held.append({"rig": run.rig})
        real.play(run, p)

    record = bench.run(replace(real, play=play), SHORT)
    assert record.verdict is Verdict.ERROR
    assert record.why == UNPLUGGED
    assert exit_code(record) == 4
    laboratory = held[0]["rig"].laboratory
    laboratory.stimulate({"kind": "fever", "rise": "1 mK"})  # the device still answers
    held[0]["rig"].wait("2 d")
    state = laboratory.truth()["state"]
    assert state["pump_temperature_k"] < 300.0  # the bath was stopped
    assert abs(held[0]["rig"].instruments.pressure.pressure().value) < 0.1  # and the outlet vented


def test_a_failed_run_goes_on_once_the_cable_is_back(bench: Bench, other: Bench) -> None:
    assert bench.run(failing(7), SHORT).verdict is Verdict.ERROR
    resumed = bench.run("flow-accuracy", resume=True)
    assert resumed.measurements == other.run("flow-accuracy", SHORT).measurements


def test_one_instrument_that_cannot_be_made_safe_keeps_no_other_from_it(bench: Bench) -> None:
    record = bench.run(failing(3, silent_bath=True), SHORT)
    assert record.why == UNPLUGGED
    assert "not safe: the bath was not stopped: bath at /dev/ttyUSB2: it does not answer" in (
        record.notes
    )


def test_a_run_that_could_not_be_made_safe_did_not_pass(bench: Bench) -> None:
    record = bench.run(failing(1_000, silent_bath=True), SHORT)
    assert record.verdict is Verdict.ERROR
    assert "the bath was not stopped" in record.why


@pytest.mark.parametrize(
    ("let_go", "sentence"),
    [
        (lambda stands: stands.bath.stop(), "the bath has left its set point of 37 degC"),
        (lambda stands: stands.pressure.vent(), "the outlet has left its set point of 12.4 kPa"),
    ],
)
def test_an_instrument_that_lets_go_in_mid_run_is_an_error(
    bench: Bench, let_go: Callable[[Instruments], None], sentence: str
) -> None:
    """As after a short loss of its supply: it answers, and holds nothing any more."""

    def play(run: Run, _: Any) -> None:
        run.surround("hold", temperature_degc=37.0, outlet_kpa=12.4)
        run.step("let go", lambda: let_go(run.rig.instruments))
        run.sample("look", 3_600 * 10**9, 12, lambda: 0)
        run.measure("fine", 1.0, "mL", low=0.0)

    record = bench.run(script(play))
    assert record.verdict is Verdict.ERROR
    assert record.why.startswith(sentence)


def test_an_instrument_that_let_go_holds_again_on_a_resumed_run(bench: Bench) -> None:
    """In process too, where all else stands as it was saved; once, however often it goes on."""

    def play(run: Run, _: Any) -> None:
        run.surround("hold", temperature_degc=37.0, outlet_kpa=12.4, settle_ns=HOUR_NS)
        run.sample("before", HOUR_NS, 2, lambda: 0)
        run.step("let go", lambda: run.rig.instruments.bath.stop())
        taken = run.sample("look", HOUR_NS, 12, lambda: run.rig.instruments.bath.temperature()[0])
        run.measure("pieces", len({one.piece for one in taken}), "1", low=2.0, high=2.0)
        run.measure("warm at the end", taken[-1].value, "degC", low=36.5, high=37.5)

    failed = bench.run(script(play))
    assert failed.why.startswith("the bath has left its set point of 37 degC")
    assert failed.why.endswith("then go on by --resume")
    looks = len(entries(bench, "sample"))
    with pytest.raises(InterruptedRunError):
        bench.run(script(play), resume=True, progress=Later(6, KeyboardInterrupt))
    assert len(entries(bench, "sample")) > looks
    record = bench.run(script(play), resume=True)
    assert record.verdict is Verdict.PASS, record.why
    assert [one["what"] for one in entries(bench, "strayed")] == [failed.why.partition(":")[0]]
    assert "bath or outlet had left its set point 1 times, and was set again" in record.notes


def entries(bench: Bench, kind: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (bench.folder / NAME).read_text().splitlines()]
    return [one for one in found if one["kind"] == kind]


def test_a_bath_that_lets_go_while_nothing_is_read_is_found_afterwards(bench: Bench) -> None:
    def play(run: Run, _: Any) -> None:
        run.surround("hold", temperature_degc=37.0)
        run.step("let go", run.rig.instruments.bath.stop)
        run.wait("rest", 24 * 3_600 * 10**9)
        run.measure("fine", 1.0, "mL", low=0.0)

    assert "the bath has left its set point" in bench.run(script(play)).why


def in_fahrenheit(run: Run) -> None:
    there = run.rig.instruments
    run.rig.instruments = Instruments(bath=InFahrenheit(there.bath), pressure=there.pressure)


@pytest.mark.parametrize("uri", ["sim:", "sim:?bare=1"])
def test_a_cold_bath_in_degrees_fahrenheit_is_found_out_by_the_pump(bench: Bench, uri: str) -> None:
    """Its readings are plausible, and it reaches what it is set to."""

    def play(run: Run, _: Any) -> None:
        in_fahrenheit(run)
        run.surround("hold", temperature_degc=60.0)
        run.measure("fine", 1.0, "mL", low=0.0)

    record = bench.run(script(play), uri=uri)
    assert record.verdict is Verdict.ERROR
    assert re.match(
        r"the bath tells 60\.\d\d degC, and the pump in it 15\.\d\d degC: is the bath set to "
        "degrees Fahrenheit",
        record.why,
    ), record.why


def test_a_pump_that_is_slow_to_warm_is_waited_for_and_no_doubt(
    bench: Bench, tmp_path: Path
) -> None:
    pump = tmp_path / "pump.toml"
    pump.write_text('[pump]\nid = "slow"\nthermal_time = "4 h"\n')

    def play(run: Run, _: Any) -> None:
        run.surround("cold", temperature_degc=15.0, settle_ns=24 * HOUR_NS)
        run.surround("warm", temperature_degc=45.0)
        run.measure("waited for", run.elapsed_s() / 3_600, "h", low=26.2)

    assert bench.run(script(play), uri=f"sim:{pump}").verdict is Verdict.PASS


def test_a_balance_that_is_zeroed_in_mid_run_is_an_error_and_not_the_pumps(bench: Bench) -> None:
    real = find("flow-accuracy")

    def play(run: Run, p: Any) -> None:
        there = run.rig.instruments
        run.rig.instruments = Instruments(
            balance=Meddled(there.balance, 7), bath=there.bath, pressure=there.pressure
        )
        real.play(run, p)

    record = bench.run(replace(real, play=play), SHORT)
    assert record.verdict is Verdict.ERROR
    assert re.match(r"the balance shows 2\d\d mg less than .* was it zeroed", record.why)
    assert bench.run(real, resume=True).verdict is Verdict.PASS


def test_a_device_that_falls_silent_is_an_error(bench: Bench) -> None:
    def play(run: Run, _: Any) -> None:
        run.step("cut", lambda: setattr(run.rig.dut, "exchange", Exchange(Severed())))
        run.step("ask", lambda: run.rig.dut.identify().device_id)

    record = bench.run(script(play))
    assert record.verdict is Verdict.ERROR
    assert "the line is cut" in record.why


def test_a_script_with_a_mistake_is_an_error_that_names_it(bench: Bench) -> None:
    def play(run: Run, _: Any) -> None:
        run.measure("fine", 1.0, "mL", low=0.0)
        raise ZeroDivisionError("a mistake")

    record = bench.run(script(play))
    assert record.verdict is Verdict.ERROR
    assert record.why == "the script failed: ZeroDivisionError: a mistake"


def test_a_set_point_outside_an_instruments_limits_is_named(bench: Bench) -> None:
    record = bench.run("flow-accuracy", {**SHORT, "bath": "90 degC"})
    assert record.verdict is Verdict.ERROR
    assert "90" in record.why


@pytest.mark.parametrize(
    ("name", "texts", "sentence"),
    [
        ("flow-accuracy", {"bath": "44 degC"}, "bath: a bath of 44 degC is outside .* 20 to 40 d"),
        ("flow-temperature", {}, "temperatures: a bath of 41 degC is outside this rig's limits"),
        ("flow-pressure", {}, r"outlets: an outlet pressure of 20 kPa .*: see \[limits\]"),
        ("occlusion", {"outlet": "-21 kPa"}, "outlet: an outlet pressure of -21 kPa is outside"),
        ("course", {"bath": "15 degC"}, "bath: a bath of 15 degC is outside this rig's limits"),
    ],
)
def test_a_set_point_beyond_the_rigs_limits_is_told_before_anything_moves(
    bench: Bench, tmp_path: Path, name: str, texts: dict[str, str], sentence: str
) -> None:
    rig = tmp_path / "rig.toml"
    kinds = ("balance", "bath", "pressure", "syringe", "supply")
    rig.write_text(
        'dut = "sim:"\n'
        + "".join(f'[{kind}]\ndriver = "laboratory"\n' for kind in kinds)
        + '[limits]\ntemperature_lowest = "20 degC"\ntemperature_highest = "40 degC"\n'
        + 'pressure_highest = "15 kPa"\n'
    )
    with pytest.raises(LocalError, match=sentence):
        bench.run(name, texts, uri=str(rig))
    assert not bench.folder.exists()


def test_two_steps_of_one_name_are_a_mistake(bench: Bench) -> None:
    def play(run: Run, _: Any) -> None:
        run.step("a", lambda: 1)
        run.step("a", lambda: 2)

    assert "two steps of this script are called 'a'" in bench.run(script(play)).why


def test_without_any_judged_measurement_nothing_was_shown(bench: Bench) -> None:
    record = bench.run(script(lambda run, _: run.measure("flow", 1.0, "mL/day")))
    assert record.verdict is Verdict.INCONCLUSIVE
    assert exit_code(record) == 1


def test_a_measurement_outside_its_limits_fails_the_run(bench: Bench) -> None:
    record = bench.run(script(lambda run, _: run.measure("flow", 2.0, "mL/day", high=1.5)))
    assert record.verdict is Verdict.FAIL
    assert exit_code(record) == 1


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("flow-accuracy", "this rig has no balance"),
        ("refill-cycle", "this rig has no syringe"),
        ("alarm-latency", "this rig has no laboratory"),
    ],
)
def test_what_a_rig_lacks_is_told_before_anything_moves(
    bench: Bench, tcp_device: Served, name: str, sentence: str
) -> None:
    with pytest.raises(RigError, match=sentence):
        bench.run(name, uri=tcp_device.uri)
    assert not bench.folder.exists()


@pytest.mark.parametrize(
    ("name", "texts", "sentence"),
    [
        ("flow-accuracy", {"sample": "2 h", "duration": "1 h"}, "one weighing is no flow"),
        ("flow-level", {"sample": "2 h", "longest": "1 h"}, "one weighing is no flow"),
        ("flow-temperature", {"temperatures": "37 degC, 37 degC"}, "37 degC stands twice"),
        ("flow-pressure", {"outlets": "0 kPa, 0 kPa"}, "0 kPa stands twice"),
        ("flow-pressure", {"heights": "1500 m, 1500 m"}, "1500 m stands twice"),
        ("course", {"length": "1 d"}, "no visit within 1 d"),
        ("endurance", {"length": "1 d"}, "no cycle within 1 d"),
    ],
)
def test_parameters_that_cannot_go_together_are_told_before_anything_moves(
    bench: Bench, name: str, texts: dict[str, str], sentence: str
) -> None:
    with pytest.raises(LocalError, match=sentence):
        bench.run(name, texts)
    assert not bench.folder.exists()


def test_a_fault_that_is_named_twice_is_tried_once(bench: Bench) -> None:
    record = bench.run("alarm-latency", {"faults": "power_cycles, power_cycles"})
    assert record.verdict is Verdict.PASS
    assert [case.id for case in record.cases] == ["power_cycles"]


def test_a_bare_pump_has_no_alarms_to_wait_for(bench: Bench) -> None:
    with pytest.raises(RigError, match="tests a pump's logic, and 'demo' has none"):
        bench.run("occlusion", uri="sim:?bare=1")


def test_the_flow_of_a_bare_pump_is_measured_all_the_same(bench: Bench) -> None:
    record = bench.run("flow-accuracy", SHORT, uri="sim:?bare=1")
    assert record.verdict is Verdict.PASS
    assert not any("own account" in one.name for one in record.measurements)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("import nowhere", "cannot be loaded: ModuleNotFoundError"),
        ("def", "cannot be loaded: SyntaxError"),
        ("SCRIPT = 1", "defines no SCRIPT"),
    ],
)
def test_a_file_that_is_no_script_is_told(tmp_path: Path, content: str, sentence: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(content)
    with pytest.raises(LocalError, match=sentence):
        find(str(path))
    with pytest.raises(LocalError, match="there is no file"):
        find(str(tmp_path / "yours.py"))
