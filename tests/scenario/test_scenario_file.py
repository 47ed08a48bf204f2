"""Scenario files: when things happen, and what is refused before anything runs."""

from pathlib import Path

import pytest

from protocol.configfile import ConfigError
from pumpsim.scenario import file as scenarios
from pumpsim.scenario.file import DAY, Scenario, when
from pumpsim.stimuli import HOUR, MINUTE

HEAD = '[scenario]\nname = "s"\nlength = "30 d"\n'
FILL = '[fill.FUDR]\ndrug = "FUDR"\nvolume = "28 mL"\n'
REFILL = 'do = "refill"\nfill = "FUDR"\n'


def load(tmp_path: Path, text: str) -> Scenario:
    path = tmp_path / "s.toml"
    path.write_text(text)
    return scenarios.load(path)


def instants(tmp_path: Path, event: str) -> list[int]:
    scenario = load(tmp_path, f"{HEAD}{FILL}[[event]]\n{event}")
    return [occurrence.at_ns for occurrence in scenario.occurrences]


def test_an_event_happens_once_at_its_day_and_time(tmp_path: Path) -> None:
    assert instants(tmp_path, 'at = "3 d"\ntime = 09:30:05.25\ndo = "fever"') == [
        3 * DAY + 9 * HOUR + 30 * MINUTE + 5_250_000_000
    ]


def test_an_event_repeats_to_the_end_to_a_count_or_to_an_instant(tmp_path: Path) -> None:
    every = 'at = "5 d"\nevery = "10 d"\n'
    assert instants(tmp_path, f'{every}do = "fever"') == [5 * DAY, 15 * DAY, 25 * DAY]
    assert instants(tmp_path, f'{every}count = 2\ndo = "fever"') == [5 * DAY, 15 * DAY]
    assert instants(tmp_path, f'{every}until = "24 d"\ndo = "fever"') == [5 * DAY, 15 * DAY]


def test_a_visit_that_would_outlast_the_run_is_left_out_of_a_repetition(tmp_path: Path) -> None:
    assert instants(tmp_path, f'at = "10 d"\nevery = "10 d"\n{REFILL}') == [10 * DAY, 20 * DAY]


def test_events_are_in_order_of_time_then_of_the_file(tmp_path: Path) -> None:
    events = "".join(
        f'[[event]]\nat = "{day} d"\ndo = "{do}"\n'
        for day, do in ((3, "fever"), (1, "warm_bath"), (3, "power_cycle"))
    )
    kinds = [o.action.kind for o in load(tmp_path, HEAD + events).occurrences]
    assert kinds == ["warm_bath", "fever", "power_cycle"]


REFUSED = {
    "no action": ('at = "1 d"', 6, "do, which says what happens, is missing; known here: fever, "),
    "unknown action": ('at = "1 d"\ndo = "fevr"', 6, "did you mean 'fever'"),
    "unknown key": ('at = "1 d"\ndo = "fever"\nrize = "2 K"', 9, "did you mean 'rise'"),
    "wrong unit": ('at = "1 d"\ndo = "fever"\nrise = "2 degC"', 9, "use K"),
    "key missing": ('at = "1 d"\ndo = "altitude"', 6, "height: is missing"),
    "no instant": ('do = "fever"', 6, "at: is missing"),
    "after the end": ('at = "31 d"\ndo = "fever"', 6, "after the end of the run, day 30"),
    "count beyond the end": (
        'at = "1 d"\nevery = "10 d"\ncount = 4\ndo = "fever"',
        6,
        "after the end",
    ),
    "until beyond the end": (
        'at = "1 d"\nevery = "10 d"\nuntil = "31 d"\ndo = "fever"',
        6,
        "after the end",
    ),
    "visit over the end": (f'at = "30 d"\n{REFILL}', 6, "after the end"),
    "count without every": ('at = "1 d"\ncount = 4\ndo = "fever"', 6, "`every`"),
    "time of half a day": ('at = "12 h"\ntime = 09:00:00\ndo = "fever"', 6, "whole days"),
    "too often": ('at = "0 d"\nevery = "1 ms"\ndo = "fever"', 8, "too often"),
    "faster than it lasts": (f'at = "1 d"\nevery = "5 min"\n{REFILL}', 6, "lasts 480 s"),
    "unknown fill": ('at = "1 d"\ndo = "refill"\nfill = "FUDER"', 6, "did you mean 'FUDR'"),
    "too much": (f'at = "1 d"\n{REFILL}volume = "29.8 mL"', 6, "29.8 mL do not fit: emptied"),
    "too early an end": ('at = "29 d"\ndo = "explant"', 6, "explant ends the run"),
    "condition": (
        'at = "1 d"\ndo = "plant_condition"\nname = "leak"\nvalue = 1',
        6,
        "no plant condition",
    ),
    "severity below none": (
        'at = "1 d"\ndo = "fault"\nname = "septum_leak"\nseverity = -1',
        10,
        "severity: that of septum_leak must lie between",
    ),
    "severity without degrees": (
        'at = "1 d"\ndo = "fault"\nname = "occlusion_complete"\nseverity = 2.0',
        10,
        "severity: occlusion_complete has no degrees",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_happen_is_refused_with_its_line(name: str, tmp_path: Path) -> None:
    event, line, hint = REFUSED[name]
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"{HEAD}[fill.FUDR]\n# a syringe\n[[event]]\n{event}\n")
    message = str(caught.value)
    assert hint in message
    assert f"s.toml:{line}: event" in message


def test_nothing_begins_while_clinicians_are_busy(tmp_path: Path) -> None:
    visit = f'[[event]]\nat = "1 d"\n{REFILL}'
    during = '[[event]]\nat = "1 d"\ntime = 00:07:00\ndo = "fever"\n'
    with pytest.raises(ConfigError, match=r"s\.toml:11: event: begins at day 1 00:07 while refill"):
        load(tmp_path, HEAD + FILL + visit + during)
    after = during.replace("00:07", "00:08")
    assert len(load(tmp_path, HEAD + FILL + visit + after).occurrences) == 2


def test_a_bare_pump_has_no_one_to_talk_to(tmp_path: Path) -> None:
    (tmp_path / "bare.toml").write_text('[pump]\nid = "board"\nlogic = "bare"\n')
    head = HEAD.replace('name = "s"', 'name = "s"\npump = "bare.toml"')
    with pytest.raises(ConfigError, match="needs a pump with control logic; board is bare"):
        load(tmp_path, f'{head}{FILL}[[event]]\nat = "1 d"\n{REFILL}')
    assert load(tmp_path, f'{head}[[event]]\nat = "1 d"\ndo = "fever"\n').pump.id == "board"


def test_a_pump_file_with_a_mistake_is_named_itself(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text('[pump]\nid = "a"\ncapacity = "1,3 mL"\n')
    with pytest.raises(ConfigError, match=r"p\.toml:3: pump\.capacity"):
        load(tmp_path, HEAD.replace('name = "s"', 'name = "s"\npump = "p.toml"'))


@pytest.mark.parametrize(
    ("at_ns", "text"),
    [
        (0, "day 0 00:00"),
        (14 * DAY + 9 * HOUR + 8 * MINUTE, "day 14 09:08"),
        (DAY - 1, "day 0 23:59:59"),
    ],
)
def test_instants_read_as_days_and_times(at_ns: int, text: str) -> None:
    assert when(at_ns) == text


def test_the_example_of_the_documents_can_be_played(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "scenarios.md").read_text(encoding="utf-8")
    example = page.split("```toml\n")[1].split("```")[0]
    (tmp_path / "pumps").mkdir()
    (tmp_path / "pumps" / "demo.toml").write_text('[pump]\nid = "demo"\n')
    (tmp_path / "scenarios").mkdir()
    scenario = load(tmp_path / "scenarios", example)
    assert [o.action.kind for o in scenario.occurrences] == ["fever", "refill"]
