"""The bench's command line: readable, scriptable, and one sentence for every mistake."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hil.cli import _one_sentence, main
from hil.errors import LocalError
from hil.rig import open_rig
from hil.show import status_lines
from protocol import messages as m

REFERENCE = "pumpsim.firmware:ReferenceLogic"
BARE = "sim:?bare=1"
LOGICS = "tests.hil.logics"


def hil(*arguments: str) -> Result:
    result = CliRunner().invoke(main, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_help_shows_examples_and_every_exit_code() -> None:
    for arguments in (
        ["--help"],
        ["status", "--help"],
        ["control", "--help"],
        ["bench", "--help"],
    ):
        text = hil(*arguments).output
        assert "Examples:" in text
        assert "Exit codes: 0 done" in text
        assert "serial:///dev/ttyUSB0?baud=115200" in text


def test_status_tells_a_person_what_the_pump_believes() -> None:
    result = hil("status", "--rig", "sim:")
    assert result.exit_code == 0
    rows = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert rows["device"] == "demo (HAI-30)"
    assert rows["flow"].startswith("1.")
    assert "mL/day  (" in rows["flow"]
    assert rows["flow"].endswith(", good)")
    assert rows["residual"].startswith("volume")
    assert rows["temperature"].startswith("37.")
    assert rows["refill"] == "due in         14 d 00:00:00"
    assert rows["alarms"] == "none"


def test_status_tells_a_program_the_same_in_the_words_of_the_link() -> None:
    found = json.loads(hil("status", "--rig", "sim:", "--json").stdout)
    assert found["identity"]["capabilities"][0] == "control_logic"
    assert found["status"]["flow_nl_per_h"]["quality"] == "good"
    assert found["alarms"] == []
    assert found["readings"] is None


def test_a_refill_that_is_overdue_is_told_by_how_much() -> None:
    with open_rig("sim:") as rig:
        status = rig.dut.status()
    assert isinstance(status, m.Status)
    lines = status_lines(status.status.model_copy(update={"refill_due_in_s": -90_061}), 0)
    assert "refill OVERDUE by     1 d 01:01:01" in lines
    assert not any("due in" in line for line in lines)


def test_status_of_a_bare_device_is_its_readings() -> None:
    text = hil("status", "--rig", BARE).stdout
    assert "firmware              bare" in text
    assert "reservoir_pressure_pa" in text
    found = json.loads(hil("status", "--rig", BARE, "--json").stdout)
    assert found["status"] is None
    assert found["readings"]["readings"]["sequence"] == 0


def test_a_seed_gives_the_same_pump_again_and_another_seed_another() -> None:
    told = [hil("status", "--rig", f"sim:?bare=1&seed={seed}").stdout for seed in (1, 1, 2)]
    assert told[0] == told[1] != told[2]
    assert told[0] == hil("status", "--rig", BARE).stdout


@pytest.mark.slow
def test_control_prints_alarms_as_they_come_and_a_summary() -> None:
    result = hil("control", REFERENCE, "--rig", BARE, "--for", "11 d")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert "sounder LOW" in lines[0]
    assert "refill_due #1 present" in lines[1]
    assert "tick 297" in lines[1]
    assert "samples used          15841" in lines
    assert "samples missed        0" in lines
    assert "alarm changes         1" in lines


@pytest.mark.slow
def test_control_tells_a_program_only_the_summary() -> None:
    result = hil("control", REFERENCE, "--rig", BARE, "--for", "11 d", "--json")
    summary = json.loads(result.stdout)
    assert summary["samples"] == 15_841
    assert [row["alarm"] for row in summary["alarms"]] == ["refill_due"]
    assert summary["delivered_total_nl"] > 14_000_000
    assert summary["faults"] == []


def test_logic_that_fails_is_told_and_gives_an_exit_code_of_its_own() -> None:
    result = hil("control", f"{LOGICS}:Raising", "--rig", BARE, "--for", "10 min")
    assert result.exit_code == 1
    assert "firmware fault raised" in result.stdout
    assert "ZeroDivisionError: five" in result.stdout
    assert "firmware faults       raised x2" in result.stdout
    plain = hil("control", f"{LOGICS}:Raising", "--rig", BARE, "--for", "10 min", "--json")
    assert plain.exit_code == 1
    assert [fault["fault"] for fault in json.loads(plain.stdout)["faults"]] == ["raised"] * 2


def test_logic_that_cannot_be_made_controls_nothing() -> None:
    result = hil("control", f"{LOGICS}:Unmade", "--rig", BARE, "--for", "10 min")
    assert result.exit_code == 2
    assert "cannot be made: raised: LookupError: no table for this sensor" in result.stderr
    assert "samples" not in result.stdout


def test_a_pump_file_that_names_no_logic_is_one_sentence(tmp_path: Path) -> None:
    pump = tmp_path / "pump.toml"
    pump.write_text('[pump]\nid = "mine"\nlogic = "nowhere:Logic"\n')
    result = hil("status", "--rig", f"sim:{pump}")
    assert result.exit_code == 2
    assert "control logic 'nowhere:Logic' cannot be loaded" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("status", "--rig", "usb:"), 2, "a right one is"),
        (("status", "--rig", "sim:no-such.toml"), 2, "no-such.toml"),
        (("status", "--rig", "tcp://127.0.0.1:1"), 4, "nothing answers"),
        (("control", REFERENCE, "--rig", "sim:", "--for", "1 h"), 2, "needs a bare device"),
        (("control", REFERENCE, "--rig", BARE, "--for", "1,5 h"), 2, "decimal separator"),
        (("control", REFERENCE, "--rig", BARE, "--for", "0 h"), 2, "no time to wait"),
        (("control", "ReferenceLogic", "--rig", BARE, "--for", "1 h"), 2, "MODULE:CLASS"),
        (("control", "no.such:Logic", "--rig", BARE, "--for", "1 h"), 2, "No module named"),
        (("control", f"{LOGICS}:Missing", "--rig", BARE, "--for", "1 h"), 2, "Missing"),
        (("control", f"{LOGICS}:Half", "--rig", BARE, "--for", "1 h"), 2, "it has no boot"),
        (("control", f"{LOGICS}:NOT_CALLABLE", "--rig", BARE, "--for", "1 h"), 2, "it has no boot"),
    ],
)
def test_a_mistake_gets_one_sentence_and_its_exit_code(
    arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    result = hil(*arguments)
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.startswith("hil: ")
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_pump_file_that_is_wrong_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('[pump]\nid = "x"\ncapacity = "1,3 mL"\n')
    result = hil("status", "--rig", f"sim:{path}")
    assert result.exit_code == 2
    assert "bad.toml" in result.stderr
    assert "capacity" in result.stderr


def test_logic_is_found_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_own_logic.py").write_text(
        "from pumpsim.firmware import ReferenceLogic\n\nclass Mine(ReferenceLogic):\n    pass\n"
    )
    (tmp_path / "my_broken_logic.py").write_text("import nonsense_that_is_not_there\n")
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if folder])
    monkeypatch.chdir(tmp_path)
    assert hil("control", "my_own_logic:Mine", "--rig", BARE, "--for", "2 min").exit_code == 0
    broken = hil("control", "my_broken_logic:Mine", "--rig", BARE, "--for", "2 min")
    assert broken.exit_code == 2
    assert "nonsense_that_is_not_there" in broken.stderr


@pytest.mark.parametrize("uri", ["tcp://127.0.0.1:1", "mqtt://127.0.0.1:1/demo"])
def test_where_nothing_listens_the_system_is_quoted_in_words(uri: str) -> None:
    result = hil("status", "--rig", uri)
    assert result.exit_code == 4
    assert result.stderr.endswith("at 127.0.0.1:1: Connection refused\n")


def test_what_cannot_be_made_safe_is_told_after_ctrl_c_and_after_a_failure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for error, code in ((KeyboardInterrupt(), 130), (LocalError("no such drug"), 2)):
        error.add_note("not safe: the bath was not stopped: it does not answer")
        with pytest.raises(SystemExit) as ended, _one_sentence():
            raise error
        assert ended.value.code == code
        last = capsys.readouterr().err.splitlines()[-1]
        assert last == "hil: not safe: the bath was not stopped: it does not answer"
