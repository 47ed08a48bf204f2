"""The event log of a device, as `hil log` tells it."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from hil.cli import main
from hil.log import line, plain
from hil.rig import open_rig
from hil.send import request, send
from protocol import messages as m
from protocol.vocabulary import AlarmId, EventKind, Refusal, Role


def entry(kind: EventKind, subject: int = 0, value: int = 0, **more: Any) -> m.LogEntry:
    fields = {"sequence": 7, "boot_id": 2, "uptime_ms": 3_723_000, "rtc_s": 1_767_225_600}
    return m.LogEntry.model_validate(
        {**fields, "rtc_valid": True, "kind": kind, "subject": subject, "value": value, **more}
    )


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (entry(EventKind.ALARM_RAISED, AlarmId.OCCLUSION, 3), "occlusion  occurrence 3"),
        (
            entry(
                EventKind.COMMAND_REFUSED,
                Refusal.ROLE,
                4711,
                role=Role.PATIENT,
                command=m.SetClock.code,
                repeats=8,
            ),
            "role  set_clock  command 4711  by patient  (8 more alike)",
        ),
        (entry(EventKind.COMMAND_REFUSED, Refusal.ROLE, 5, command=9_999), "role  9999  command 5"),
        (entry(EventKind.COMMAND_DONE, m.SetClock.code, 5), "set_clock  command 5"),
        (entry(EventKind.CLOCK_SET, 1, 1_767_225_600), "1  to 2026-01-01 00:00:00 UTC"),
        (entry(EventKind.REFILL_COMMITTED, 0, 28_000_000), "28.000 mL"),
        (entry(EventKind.BOOT, 9_999, 0), "9999"),
    ],
)
def test_an_entry_is_a_line_of_words(told: m.LogEntry, words: str) -> None:
    kind = told.kind.name.lower()
    when = "     7  life 2  0 d 01:02:03  2026-01-01 00:00:00 UTC"
    assert line(told) == f"{when}  {kind:<22} {words}"


@pytest.mark.parametrize(
    ("clock", "words"),
    [
        ({"rtc_s": None, "rtc_valid": False}, "clock unset"),
        ({"rtc_valid": False}, "2026-01-01 00:00:00 UTC?"),
    ],
)
def test_a_clock_that_cannot_be_trusted_says_so(clock: dict[str, Any], words: str) -> None:
    """TIM-06."""
    assert f"  {words}  explanted" in line(entry(EventKind.EXPLANTED, **clock))


@pytest.mark.parametrize("kind", EventKind)
def test_whatever_happened_has_a_line_and_a_row(kind: EventKind) -> None:
    assert kind.name.lower() in line(entry(kind, 1, 1))
    assert json.loads(json.dumps(plain(entry(kind, 1, 1))))["kind"] == kind.name.lower()


def test_what_was_refused_can_be_read_on_the_command_line() -> None:
    """LOG-01."""
    with open_rig("sim:") as rig:
        send(rig, request('{"type": "set_clock", "rtc_s": 0}'), Role.CLINICIAN)
        entries = list(rig.dut.read_log())
    assert any("command_refused        out_of_range  set_clock" in line(each) for each in entries)
    assert "set_clock" in [plain(each)["command_name"] for each in entries]
    result = CliRunner().invoke(main, ["log", "--rig", "sim:", "--from", "1", "--json"])
    assert result.exit_code == 0
    rows = json.loads(result.stdout)
    assert (rows[0]["kind"], rows[0]["subject_name"]) == ("boot", "power_on")
    people = CliRunner().invoke(main, ["log", "--rig", "sim:"])
    assert "boot                   power_on" in people.stdout
