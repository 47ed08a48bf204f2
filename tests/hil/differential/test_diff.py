"""`hil diff` in process: what is the same is the same, and what differs is found where it must."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hil.cli import main
from hil.differential.command import compare, plan
from hil.record import CaseResult, Record, Verdict, from_plain
from hil.report.page import page

pytestmark = pytest.mark.slow

LIFE = """
[scenario]
name = "a-week"
length = "6 d"

[fill.FUDR]
drug = "FUDR"
concentration = "6.46 mg/mL"
volume = "28 mL"

[[event]]
at = "0 d"
do = "implant"

[[event]]
at = "1 d"
do = "fever"
rise = "1 K"

[[event]]
at = "3 d"
time = 09:00:00
do = "refill"
fill = "FUDR"
reason = "drug_change"

[[event]]
at = "4 d"
do = "perfusion_check"

[[event]]
at = "5 d"
do = "acknowledge"
"""
HOUR_NS = 3_600 * 10**9
FASTER = '[pump]\nid = "demo"\nrestrictor_conductance_factor = 1.05\n'


def hil(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def diff(*arguments: str | Path) -> tuple[int, Record]:
    result = hil("diff", *arguments, "--json")
    assert result.stdout, result.stderr
    return result.exit_code, from_plain(json.loads(result.stdout))


def case(record: Record, title: str) -> CaseResult:
    return next(one for one in record.cases if one.title == title)


@pytest.fixture
def life(tmp_path: Path) -> Path:
    path = tmp_path / "life.toml"
    path.write_text(LIFE)
    return path


def test_a_pump_and_itself_are_the_same_to_the_last_bit(life: Path) -> None:
    code, record = diff("sim:", "sim:", "--scenario", life, "--tolerance", "all=0")
    assert code == 0
    assert record.verdict is Verdict.PASS
    assert record.kind == "diff"
    assert record.why == ""
    assert record.figures == []
    assert record.device_s == 6 * 86_400
    assert (
        "8640 compared, largest difference 0 Pa"
        in case(record, "reading_reservoir_pressure_pa").seen
    )
    assert case(record, "act_withdrawn_nl").seen.startswith("1 compared")
    assert not any(one.section == "visits" for one in record.cases)


def test_another_seed_stays_within_what_chance_may_do(life: Path) -> None:
    code, record = diff("sim:", "sim:?seed=2", "--scenario", life)
    assert [one.title for one in record.cases if one.verdict is not Verdict.PASS] == []
    assert code == 0
    differing = [one for one in record.measurements if one.value > 0]
    assert len(differing) > 10  # chance did something


def test_a_restrictor_5_percent_faster_parts_at_once_in_flow_and_later_in_volume(
    life: Path, tmp_path: Path
) -> None:
    fast = tmp_path / "fast.toml"
    fast.write_text(FASTER)
    code, record = diff("sim:", f"sim:{fast}", "--scenario", life)
    assert code == 1
    assert record.verdict is Verdict.FAIL
    assert record.why.startswith("they part first at day 0 01:00: ")
    assert "flow_nl_per_h is " in record.why
    assert "nL/h apart where 2400 nL/h may be" in record.why
    failed = {one.title for one in record.cases if one.verdict is Verdict.FAIL}
    assert "truth_flow_nl_per_h" in failed
    assert "reading_temperature_mk" not in failed
    flow = next(one for one in record.measurements if one.name.endswith("truth_flow_nl_per_h"))
    assert flow.value == pytest.approx(0.05 * 54_167 * 1.15, rel=0.1)  # in the fever
    assert record.figures[0].title.endswith("flow_nl_per_h")
    assert [one.label for one in record.figures[0].series] == ["A", "B"]
    listed, _, _ = page(record).partition("<h2>The run</h2>")
    assert [listed.count(f"{title}</a>") + listed.count(f"{title}: ") for title in failed] == (
        [1] * len(failed)
    )


def test_of_a_bare_pump_only_readings_and_truth_are_compared(life: Path) -> None:
    life.write_text('[scenario]\nname = "quiet"\nlength = "6 h"\n')
    code, record = diff("sim:", "sim:?bare=1", "--scenario", life)
    assert code == 0
    titles = {one.title for one in record.cases}
    assert {"reading_battery_mv", "truth_flow_nl_per_h"} <= titles
    assert not any(title.startswith("belief") for title in titles)


def test_alarms_stand_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "dry.toml"
    path.write_text('[scenario]\nname = "dry"\nlength = "2 d"\n')
    usual, fast = tmp_path / "usual.toml", tmp_path / "fast.toml"
    for file, factor in ((usual, "1.0"), (fast, "1.1")):
        file.write_text(FASTER.replace("1.05", factor) + '[fill]\nvolume = "5 mL"\n')
    result = hil("diff", f"sim:{usual}", f"sim:{fast}", "--scenario", path, "--every", "6 h")
    assert result.exit_code == 1
    rows = [line.split() for line in result.stdout.splitlines() if line.startswith("low_res")]
    assert rows[0][:2] == ["low_reservoir", "raised"]
    assert "never" in rows[0] or rows[0][-1] == "FAIL"


def test_the_tolerance_of_the_command_line_wins_over_the_scenarios(life: Path) -> None:
    quiet = '[scenario]\nname = "quiet"\nlength = "12 h"\n'
    life.write_text(quiet + "[tolerance]\nreading_battery_mv = 0\n")
    code, record = diff("sim:", "sim:?seed=2", "--scenario", life)
    assert code == 1
    assert [one.title for one in record.cases if one.verdict is Verdict.FAIL] == [
        "reading_battery_mv"
    ]
    wide = ("--tolerance", "reading_battery_mv=20")
    assert diff("sim:", "sim:?seed=2", "--scenario", life, *wide)[0] == 0


@pytest.mark.parametrize(("seed", "parted"), [(1, False), (2, True)])
def test_an_interrupted_comparison_tells_what_was_compared_and_never_passes(
    life: Path, seed: int, *, parted: bool
) -> None:
    def interrupt(now_ns: int, _length_ns: int) -> None:
        if now_ns == 5 * HOUR_NS:
            raise KeyboardInterrupt

    uris = ("sim:", f"sim:?seed={seed}")
    record = compare(plan(uris, life, ["reading_battery_mv=0"], HOUR_NS), interrupt)
    assert record.verdict is Verdict.INCONCLUSIVE
    assert record.why.startswith("interrupted at day 0 05:00 of day 6 00:00; until then: ")
    assert ("nothing had parted" in record.why) is not parted
    assert case(record, "reading_battery_mv").seen.startswith("300 compared")
    assert record.device_s == 5 * 3_600
    assert from_plain(record.to_plain()).why == record.why


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--tolerance", "reading_battery=1"), "did you mean 'reading_battery_mv'?"),
        (("--tolerance", "all=-1"), "SIGNAL=VALUE with a number from 0 up"),
        (("--tolerance", "alarms_s"), "SIGNAL=VALUE with a number from 0 up, in s"),
        (("--every", "2 d"), "looks may lie at most 24 h apart"),
        (("--every", "0 s"), "is no time to wait"),
    ],
)
def test_what_cannot_be_compared_is_told_before_anything_runs(
    life: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    result = hil("diff", "sim:", "sim:", "--scenario", life, *arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_tolerance_of_the_scenario_is_named_with_its_line(life: Path) -> None:
    life.write_text(life.read_text() + "\n[tolerance]\nreading_battery = 5\n")
    result = hil("diff", "sim:", "sim:", "--scenario", life)
    assert result.exit_code == 2
    line = len(life.read_text().splitlines())
    assert f"life.toml:{line}: tolerance.reading_battery: no such signal" in result.stderr


def test_an_event_that_turns_out_impossible_is_named(life: Path) -> None:
    event = '[[event]]\nat = "2 h"\ndo = "fill"\nvolume = "9 mL"\ndrug = "F"\n'
    life.write_text(f'[scenario]\nname = "x"\nlength = "3 h"\n{event}concentration = "1 mg/mL"\n')
    result = hil("diff", "sim:", "sim:", "--scenario", life)
    assert result.exit_code == 2
    assert "life.toml:4: event: day 0 02:00: cannot fill 9 mL" in result.stderr


def test_help_shows_examples_and_exit_codes() -> None:
    text = hil("diff", "--help").output
    assert "Examples:" in text
    assert "1 the two differ" in text
