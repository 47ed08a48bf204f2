"""Interrupted and resumed a run comes to the same; what cannot go on says so."""

import json
from pathlib import Path

import pytest

from hil.bench.journal import NAME
from hil.bench.perform import InterruptedRunError
from hil.errors import LocalError, RigError
from hil.record import Record, Verdict, from_plain
from hil.report import RECORD
from tests.hil.bench.conftest import After, Bench, PowerCut

pytestmark = pytest.mark.slow

SHORT = {"duration": "12 h", "sample": "1 h", "settle": "30 min", "startup": "1 h"}
SCRIPTS = {
    "flow-accuracy": SHORT,
    "occlusion": {"settle": "1 h", "baseline": "1 h", "clamped": "2 h", "caught": "10 min"},
    "refill-cycle": {"cycles": "2", "interval": "6 h"},
}


def numbers(record: Record) -> tuple[object, ...]:
    return record.measurements, record.cases, record.figures, record.verdict, record.device_s


@pytest.mark.parametrize("error", [KeyboardInterrupt, PowerCut])
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_run_in_pieces_comes_to_the_same_numbers(
    bench: Bench, other: Bench, name: str, error: type[BaseException]
) -> None:
    whole = bench.run(name, SCRIPTS[name])
    resumed, pieces = other.run_in_pieces(name, SCRIPTS[name], 3, error)
    assert pieces > 2
    assert numbers(resumed) == numbers(whole)
    assert whole.measurements


def test_alarms_found_before_an_interruption_are_not_looked_for_again(
    bench: Bench, other: Bench
) -> None:
    faults = {"faults": "restrictor_broken, occlusion_complete, power_cycles"}
    whole = bench.run("alarm-latency", faults)
    resumed, pieces = other.run_in_pieces("alarm-latency", faults, 60, KeyboardInterrupt)
    assert pieces > 1
    assert numbers(resumed) == numbers(whole)
    assert [case.verdict for case in whole.cases] == [Verdict.PASS] * 3


def test_a_file_that_was_edited_meanwhile_is_told(bench: Bench, tmp_path: Path) -> None:
    pump = tmp_path / "pump.toml"
    pump.write_text('[pump]\nid = "mine"\n', encoding="utf-8")
    uri = f"sim:{pump}"
    with pytest.raises(InterruptedRunError):
        bench.run("flow-accuracy", SHORT, uri=uri, progress=After(5, KeyboardInterrupt))
    pump.write_text('[pump]\nid = "mine"  # still\n', encoding="utf-8")
    record = bench.run("flow-accuracy", uri=uri, resume=True)
    (told,) = [note for note in record.notes if note.startswith("pump file is now ")]
    assert told.count(f"{pump}, SHA-256 ") == 2


def test_an_interrupted_run_is_safe_and_has_no_record(bench: Bench) -> None:
    with pytest.raises(InterruptedRunError) as told:
        bench.run("flow-accuracy", SHORT, progress=After(5, KeyboardInterrupt))
    assert told.value.failures == []
    entries = [json.loads(line) for line in (bench.folder / NAME).read_text().splitlines()]
    assert entries[-1]["kind"] == "interrupted"
    assert not (bench.folder / RECORD).exists()


def test_a_run_goes_on_with_its_own_parameters_and_no_others(bench: Bench) -> None:
    with pytest.raises(InterruptedRunError):
        bench.run("flow-accuracy", SHORT, progress=After(9, KeyboardInterrupt))
    before = (bench.folder / NAME).read_bytes()
    with pytest.raises(LocalError, match="begun with duration='12 h': leave it out"):
        bench.run("flow-accuracy", {"duration": "2 d"}, resume=True)
    with pytest.raises(LocalError, match="is of flow-accuracy on sim:: it goes on as it began"):
        bench.run("refill-cycle", resume=True)
    with pytest.raises(LocalError, match="is of flow-accuracy on sim:: it goes on as it began"):
        bench.run("flow-accuracy", uri="sim:?seed=2", resume=True)
    assert (bench.folder / NAME).read_bytes() == before
    record = bench.run("flow-accuracy", resume=True, command="another")
    assert record.verdict is Verdict.PASS
    assert "duration=12 h" in record.facts["parameters"]
    assert record.command == "the test"  # that repeats it


def test_another_device_or_configuration_does_not_go_on(bench: Bench) -> None:
    with pytest.raises(InterruptedRunError):
        bench.run("flow-accuracy", SHORT, progress=After(9, KeyboardInterrupt))
    path = bench.folder / NAME
    text = path.read_text()
    for name, was in (("configuration", "fbbf"), ("firmware", "reference"), ("device", "demo")):
        first, _, rest = text.partition("\n")
        begin = json.loads(first)
        assert begin["device"][name].startswith(was)
        begin["device"][name] = "another"
        path.write_text(json.dumps(begin) + "\n" + rest)
        with pytest.raises(RigError, match=f"cannot go on: .*{name} is .*, and was another"):
            bench.run("flow-accuracy", resume=True)


def test_the_record_on_disk_is_the_record(bench: Bench) -> None:
    record = bench.run("flow-accuracy", SHORT)
    kept = from_plain(json.loads((bench.folder / RECORD).read_text(encoding="utf-8")))
    assert kept == record
    assert kept.facts["seed"] == "1"
    assert kept.facts["firmware"] == "reference 0.1"
    assert len(kept.facts["journal SHA-256"]) == 64
    assert kept.command == "the test"
    assert {row.kind for row in kept.instruments} >= {"balance", "bath", "pressure"}
    assert any("no conformity with any standard is claimed" in note for note in kept.notes)


def test_two_runs_of_one_seed_come_to_the_same_and_of_another_do_not(
    bench: Bench, other: Bench, tmp_path: Path
) -> None:
    first, second = bench.run("flow-accuracy", SHORT), other.run("flow-accuracy", SHORT)
    third = Bench(tmp_path / "third").run("flow-accuracy", SHORT, uri="sim:?seed=2")
    assert numbers(first) == numbers(second)
    assert numbers(first) != numbers(third)
