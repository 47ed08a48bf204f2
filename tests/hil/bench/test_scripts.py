"""Each shipped script, quickly, on the emulator; and what makes each of them fail."""

from dataclasses import replace
from typing import Any

import pytest

from hil.bench.run import Run
from hil.bench.script import SHIPPED, find
from hil.errors import LocalError
from hil.laboratory import NoLaboratory
from hil.record import Measurement, Record, Verdict
from hil.report.requirements import sentence
from hil.rig import open_rig
from tests.hil.bench.conftest import Bench

pytestmark = pytest.mark.slow

QUICK: dict[str, dict[str, str]] = {
    "flow-accuracy": {"duration": "1 d", "sample": "1 h", "startup": "4 h"},
    "flow-temperature": {"temperatures": "35 degC, 37 degC, 39 degC", "settle": "2 h"},
    "flow-pressure": {"heights": "2400 m", "settle": "1 h"},
    "flow-level": {"fill": "5 mL", "sample": "2 h"},
    "occlusion": {"settle": "4 h"},
    "catheter-delay": {},
    "refill-cycle": {"cycles": "1", "interval": "8 d"},
    "alarm-latency": {"faults": "restrictor_broken, occlusion_release, fever_40, pocket_fill"},
    "course": {"length": "20 d", "interval": "10 d"},
    "endurance": {"length": "9 d", "cycle": "3 d", "settle": "1 d", "duration": "1 d"},
}


def one(record: Record, name: str) -> Measurement:
    return next(found for found in record.measurements if found.name == name)


def saboteur(name: str, *stimuli: dict[str, Any]) -> Any:
    """The shipped script on a pump with something wrong from the beginning."""
    real = find(name)

    def play(run: Run, p: Any) -> None:
        for number, stimulus in enumerate(stimuli):
            run.stimulate(f"sabotage {number}", stimulus)
        real.play(run, p)

    return replace(real, play=play)


def condition(name: str, value: float) -> dict[str, Any]:
    return {"kind": "plant_condition", "name": name, "value": value}


@pytest.mark.parametrize("name", SHIPPED)
def test_a_sound_pump_passes(bench: Bench, name: str) -> None:
    record = bench.run(name, QUICK[name])
    assert record.verdict is Verdict.PASS, (record.why, record.measurements, record.cases)
    assert record.device_s > 0
    if name != "alarm-latency":  # a fault has a sentence of its own
        assert judged(record) == set(find(name).requirements)


def judged(record: Record) -> set[str]:
    """The ids that the run has a verdict about; each stands there with its sentence."""
    words = [case.requirement for case in record.cases]
    assert all(id_ == "" or words == sentence(id_) for id_, _, words in map(split, words))
    return {split(one)[0] for one in words} | {
        one.requirement for one in record.measurements if one.requirement and one.judged
    }


def split(requirement: str) -> tuple[str, str, str]:
    return requirement.partition(": ")


def test_fourteen_days_by_the_balance_agree_with_the_plants_ledger(bench: Bench) -> None:
    """The ledger is asked beside the script: it knows nothing of weights."""
    real = find("flow-accuracy")
    looks: list[dict[str, Any]] = []

    def play(run: Run, p: Any) -> None:
        run.surround("beforehand", temperature_degc=p.bath_degc, outlet_kpa=p.outlet_kpa)
        looks.append(run.rig.laboratory.truth())
        real.play(run, replace(p, settle_ns=0))
        looks.append(run.rig.laboratory.truth())

    record = bench.run(replace(real, play=play))
    first, last = looks
    delivered_ml = (last["ledger"]["delivered_fl"] - first["ledger"]["delivered_fl"]) / 1e12
    days = (last["now_ns"] - first["now_ns"]) / 86_400e9
    assert days == pytest.approx(14.0, abs=0.01)
    mean = one(record, "mean flow")
    assert mean.uncertainty is not None
    assert abs(mean.value - delivered_ml / days) < mean.uncertainty
    assert mean.uncertainty < 0.005 * mean.value  # and that says something
    windows = [found for found in record.measurements if found.name.startswith("E_max")]
    assert [found.name.split()[-2] for found in windows] == (
        ["1", "2", "4", "8", "24", "48", "96", "168", "312"]
    )
    startup, whole, trumpet = record.figures
    assert [startup.title, whole.title, trumpet.title] == [
        "Start-up curve", "Flow all along", "Trumpet curve",
    ]  # fmt: skip
    assert startup.series[0].x[:2] == (0.0, 0.5)  # the first flow stands between two weighings
    assert len(startup.series[0].y) == len(startup.series[0].x)
    assert startup.series[0].x[-1] == pytest.approx(24.0, abs=0.1)  # hours: what the trumpet omits
    assert whole.series[0].x[-1] == pytest.approx(14.0, abs=0.1)  # days


def test_a_trumpet_narrows(bench: Bench) -> None:
    record = bench.run("flow-accuracy", {**QUICK["flow-accuracy"], "duration": "3 d"})
    trumpet = record.figures[-1]
    highest, lowest = (series.y for series in trumpet.series)
    assert highest[0] > highest[-1] >= lowest[-1] > lowest[0]
    assert trumpet.x_log
    assert any(note.startswith("windows left out: 96 h, 168 h, 312 h") for note in record.notes)


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_a_pump_out_of_tolerance_fails(bench: Bench, factor: float) -> None:
    wrong = saboteur("flow-accuracy", condition("restrictor_conductance_factor", factor))
    record = bench.run(wrong, QUICK["flow-accuracy"])
    assert record.verdict is Verdict.FAIL
    assert one(record, "mean flow").verdict is Verdict.FAIL
    assert one(record, "deviation of the mean flow from nominal").value == pytest.approx(
        100 * factor - 100, abs=4
    )


def test_a_pump_whose_account_is_wrong_fails(bench: Bench) -> None:
    """What leaks through the septum never reaches the balance, and the pump counts it."""
    wrong = saboteur("flow-accuracy", condition("septum_leak_ml_per_day", 1.0))
    record = bench.run(wrong, {**QUICK["flow-accuracy"], "duration": "4 d"})
    account = one(record, "the pump's own account against the balance")
    assert account.verdict is Verdict.FAIL
    assert account.requirement == "ENV-01"


def test_the_slopes_are_those_of_the_physics(bench: Bench, other: Bench) -> None:
    """Domain facts, section 2: 6.2 % for each kelvin; 0.57 % less for each 10 mmHg."""
    warm = bench.run("flow-temperature", QUICK["flow-temperature"])
    per_kelvin = one(warm, "change of flow with temperature")
    assert per_kelvin.uncertainty is not None
    assert abs(per_kelvin.value - 6.1) < 0.3 + per_kelvin.uncertainty
    pressed = other.run("flow-pressure", QUICK["flow-pressure"])
    per_kpa = one(pressed, "change of flow with the outlet's pressure")
    assert per_kpa.uncertainty is not None
    assert abs(per_kpa.value + 0.43) < per_kpa.uncertainty
    aloft, below = one(pressed, "flow, 2400 m"), one(pressed, "flow, outlet 20 kPa")
    assert aloft.value / below.value == pytest.approx(1.115, abs=0.03)


def test_too_few_points_make_no_slope(bench: Bench) -> None:
    record = bench.run("flow-temperature", {"temperatures": "37 degC, 38 degC", "settle": "1 h"})
    assert record.verdict is Verdict.INCONCLUSIVE
    assert "a slope needs three" in record.cases[0].seen


def test_a_reservoir_that_does_not_end_in_time_shows_nothing(bench: Bench) -> None:
    record = bench.run("flow-level", {"longest": "2 d"})
    assert record.verdict is Verdict.INCONCLUSIVE


def test_the_end_of_the_reservoir_is_found(bench: Bench) -> None:
    record = bench.run("flow-level", QUICK["flow-level"])
    assert one(record, "volume delivered in all").value == pytest.approx(5 - 0.85, abs=0.6)
    low, empty = record.cases
    assert low.id == "low_reservoir"
    assert empty.verdict is Verdict.PASS


def test_a_pump_that_does_not_tell_it_runs_low_fails(bench: Bench) -> None:
    wrong = {"kind": "sensor_fault", "channel": "fill_level_nl", "bias": 15_000_000}
    record = bench.run(saboteur("flow-level", wrong), QUICK["flow-level"])
    assert record.verdict is Verdict.FAIL
    assert [case.verdict for case in record.cases] == [Verdict.FAIL] * 2


def test_what_an_occlusion_held_back_is_caught(bench: Bench) -> None:
    """By the balance and by the pump: within what the balance can tell."""
    record = bench.run("occlusion", QUICK["occlusion"])
    caught, told = (
        one(record, "volume released"),
        one(record, "volume released, as the pump told it"),
    )
    assert caught.uncertainty is not None
    assert caught.value > 0.1
    assert abs(caught.value - told.value) < caught.uncertainty + 0.01


def test_a_release_that_the_pump_does_not_tell_fails(bench: Bench) -> None:
    """Nothing has gone out yet when the run ends."""
    record = bench.run("occlusion", {**QUICK["occlusion"], "caught": "1 s"})
    assert record.verdict is Verdict.FAIL
    [case] = record.cases
    assert (case.id, case.seen) == ("occlusion_released", "none within 1 s")


def test_an_occlusion_told_too_late_fails(bench: Bench) -> None:
    record = bench.run("occlusion", {**QUICK["occlusion"], "bound": "20 min"})
    assert record.verdict is Verdict.FAIL
    assert one(record, "time to the alarm").value > 20


def test_a_clamp_that_does_not_close_shows_nothing(bench: Bench) -> None:
    record = bench.run("occlusion", {**QUICK["occlusion"], "ratio": "0.1"})
    assert record.verdict is Verdict.INCONCLUSIVE
    assert "went on through the clamp" in record.cases[0].seen


@pytest.mark.parametrize("helpful", [True, False])
def test_without_a_laboratory_a_person_closes_the_clamp(bench: Bench, *, helpful: bool) -> None:
    """Asked by name; one who only says so is found out by the balance."""
    real = find("occlusion")
    hands: list[Any] = []
    asked: list[str] = []

    def play(run: Run, p: Any) -> None:
        hands.append(run.rig.laboratory)
        run.rig.laboratory = NoLaboratory()
        real.play(run, p)

    def clamp(what: str) -> None:
        asked.append(what)
        ratio = 1e6 if "close" in what and helpful else 0.0
        hands[0].stimulate(condition("catheter_extra_resistance_ratio", ratio))

    record = bench.run(replace(real, play=play), QUICK["occlusion"], prompt=clamp)
    assert record.verdict is (Verdict.PASS if helpful else Verdict.INCONCLUSIVE)
    assert asked == [f"Now {act} the clamp at the catheter's tip." for act in ("close", "open")]


def test_a_change_of_drug_to_the_same_drug_is_a_mistake(bench: Bench) -> None:
    record = bench.run("catheter-delay", {"drug": "FUDR"})
    assert record.verdict is Verdict.ERROR
    assert record.why == "the pump holds FUDR already: change to another by drug=NAME"


def test_a_drug_that_does_not_arrive_shows_nothing(bench: Bench) -> None:
    record = bench.run("catheter-delay", {"longest": "1 h"})
    assert record.verdict is Verdict.INCONCLUSIVE


def test_a_drug_that_arrives_in_the_pumps_account_alone_fails(bench: Bench) -> None:
    """The catheter has come off: what the pump delivers goes elsewhere."""
    astray = saboteur("catheter-delay", condition("catheter_disconnected", 1.0))
    record = bench.run(astray, QUICK["catheter-delay"])
    assert record.verdict is Verdict.FAIL
    assert one(record, "delay, by the truth").verdict is Verdict.FAIL
    assert "by the truth no heparin arrived within 12 h" in record.notes


def test_a_pump_that_mistakes_its_level_is_found_at_its_refill(bench: Bench) -> None:
    wrong = {"kind": "sensor_fault", "channel": "fill_level_nl", "gain": 0.7}
    record = bench.run(saboteur("refill-cycle", wrong), QUICK["refill-cycle"])
    assert record.verdict is Verdict.FAIL
    assert one(record, "refill 1: withdrawn against predicted").value > 20


def test_what_no_sensor_can_see_is_skipped_with_the_reason(bench: Bench) -> None:
    record = bench.run("alarm-latency", {"faults": "gas_in_reservoir, septum_leak"})
    skipped, tried = record.cases
    assert skipped.verdict is Verdict.SKIP
    assert "RES-09" in skipped.seen
    assert tried.verdict is Verdict.PASS
    assert one(record, "latency of septum_leak").high == 21_600


def test_a_pump_that_lay_on_the_bench_before_is_in_a_body_for_the_catalogues_bounds(
    bench: Bench,
) -> None:
    """As after another script, which left the bath to the room and the outlet vented."""
    cold = {"kind": "bath", "temperature": "22 degC"}
    vented = saboteur("alarm-latency", {"kind": "outlet_pressure", "pressure": "0 kPa"}, cold)
    record = bench.run(vented, {"faults": "fever_40, occlusion_complete"})
    assert [case.verdict for case in record.cases] == [Verdict.PASS] * 2, record.cases


def test_a_fever_in_a_bath_that_holds_its_temperature_shows_nothing(bench: Bench) -> None:
    real = find("alarm-latency")
    held: list[Any] = []

    def play(run: Run, p: Any) -> None:
        held.append(run)
        real.play(run, p)

    def put_in(_what: str, elapsed_ns: int) -> None:
        if elapsed_ns > 3_600 * 10**9 and len(held) == 1:
            held.append(
                held[0].rig.laboratory.stimulate({"kind": "bath", "temperature": "37 degC"})
            )

    faults = {"faults": "fever_40, restrictor_broken"}
    record = bench.run(replace(real, play=play), faults, progress=put_in)
    fever, restrictor = record.cases
    assert fever.verdict is Verdict.INCONCLUSIVE
    assert fever.seen == "the fault did not take effect"
    assert restrictor.verdict is Verdict.PASS
    assert record.verdict is Verdict.INCONCLUSIVE


def test_an_alarm_that_stood_before_shows_nothing(bench: Bench) -> None:
    fast = saboteur("alarm-latency", condition("restrictor_conductance_factor", 1.5))
    record = bench.run(fast, {"faults": "septum_leak"})
    assert record.cases[0].seen == "an alarm that was to be raised stood before"
    assert record.verdict is Verdict.INCONCLUSIVE


def test_an_alarm_that_does_not_come_fails(bench: Bench) -> None:
    """Only the level tells of a broken restrictor, and this pump's level sensor is silent."""
    blind = {"kind": "sensor_fault", "channel": "fill_level_nl", "missing": True}
    record = bench.run(saboteur("alarm-latency", blind), {"faults": "restrictor_broken"})
    assert record.cases[0].verdict is Verdict.FAIL
    assert record.cases[0].seen == "nothing within 7200 s"
    assert record.verdict is Verdict.FAIL


def test_an_unknown_fault_is_named(bench: Bench) -> None:
    record = bench.run("alarm-latency", {"faults": "gremlins"})
    assert record.verdict is Verdict.ERROR
    assert "'gremlins' is no fault of the catalogue" in record.why


def test_every_fault_of_the_catalogue_is_tried_or_skipped_with_a_reason(bench: Bench) -> None:
    record = bench.run("alarm-latency")
    assert record.verdict is Verdict.PASS
    skipped = [case for case in record.cases if case.verdict is Verdict.SKIP]
    assert all(case.seen for case in skipped)
    assert len(record.cases) - len(skipped) > 80


def test_a_course_needs_a_concentration_for_each_drug(bench: Bench) -> None:
    with pytest.raises(LocalError, match="in equal numbers"):
        bench.run("course", {"drugs": "FUDR"})
    assert not bench.folder.exists()


def test_a_run_leaves_the_bath_stopped_and_the_outlet_open(bench: Bench) -> None:
    rigs: list[Any] = []
    real = find("flow-accuracy")

    def play(run: Run, p: Any) -> None:
        rigs.append(run.rig)
        real.play(run, p)

    assert bench.run(replace(real, play=play), QUICK["flow-accuracy"]).verdict is Verdict.PASS
    rig = rigs[0]
    with open_rig("sim:") as untouched:
        held = rig.laboratory.truth()["held"]
        assert held != untouched.laboratory.truth()["held"]
    rig.wait("1 d")
    assert rig.laboratory.truth()["state"]["pump_temperature_k"] < 300.0
