"""What each part of the state writes down is what it takes up again, number by number (RST-02).

Nothing here has the value that a new part has: what is not written or not read is seen.
"""

from collections.abc import Callable
from typing import Any, Final

import pytest

from protocol.messages import BeginBolusAccess
from protocol.vocabulary import AlarmId, Priority
from pumpsim.firmware.account import Account
from pumpsim.firmware.alarm_book import AlarmBook
from pumpsim.firmware.battery import Battery
from pumpsim.firmware.catheter import Catheter
from pumpsim.firmware.crosscheck import CrossCheck
from pumpsim.firmware.deviation import Deviation, FillDeviation
from pumpsim.firmware.dose_limit import DoseLimit, Series
from pumpsim.firmware.dose_window import Window
from pumpsim.firmware.environment import Environment
from pumpsim.firmware.exchange import Found, Needle
from pumpsim.firmware.fill import LONG
from pumpsim.firmware.plan import Course
from pumpsim.firmware.refills import Refills
from pumpsim.firmware.resets import Resets
from pumpsim.firmware.screen import CHANNELS, Screen
from pumpsim.firmware.state import State, decode, encode
from pumpsim.firmware.ticks import HOUR, MINUTE
from tests.firmware.in_use import in_use
from tests.firmware.usual import REFILL

NOW: Final = 40 * HOUR
"""When it is written; it is read at the first tick of another life, or later in the same one."""


def refills() -> Refills:
    return Refills(
        refill=REFILL,
        refill_id=7,
        at=NOW - 30 * HOUR,
        due=NOW + 9 * HOUR,
        late=NOW + 11 * HOUR,
        lead=5 * HOUR,
        window_since=NOW - 3 * MINUTE,
        suspended=11 * MINUTE,
        closed_at=NOW - 13 * MINUTE,
        found=Found(3_900_000, 5_000_000, 100_000),
        emptied=False,
        injected=True,
        course=Course(2, NOW - 17 * HOUR),
    )


def needle() -> Needle:
    return Needle(
        level_nl=9_000_000,
        limit_nl=500_000,
        expected_nl=8_000_000,
        compare_until=NOW + HOUR,
        before_nl=7_000_000,
        filled_nl=6_000_000,
        spare_nl=1_000_000,
        overfilled=True,
        borne_out=True,
    )


@pytest.mark.parametrize("later", [0, 50 * HOUR])
@pytest.mark.parametrize("make", [refills, needle], ids=["refills", "needle"])
def test_instants_lie_as_far_from_now_as_before(
    make: Callable[[], Refills | Needle], later: int
) -> None:
    """RST-02, TIM-01: ticks restart with a boot."""
    kept = make()
    written, blank = kept.save(NOW), type(kept)().save(0)
    assert not [name for name in written if written[name] == blank[name]]
    again = type(kept)()
    again.load(later, decode(encode(written)))
    assert again.save(later) == written


def test_time_without_supply_moves_what_has_passed_by_the_least_and_what_comes_by_the_most() -> (
    None
):
    """RST-03, FLW-08: no date comes late, and no window lasts longer, by what nobody counted."""
    before, after = Refills(), Refills()
    for kept in (before, after):
        kept.load(0, refills().save(NOW))
    after.shift(HOUR, 3 * HOUR)
    assert (before.at, before.due, before.window_since) != (None, None, None)
    moved = {
        "at": -HOUR, "closed_at": -HOUR, "step_since": -HOUR,
        "due": -3 * HOUR, "late": -3 * HOUR,
        "window_since": -3 * HOUR, "warm_in": -3 * HOUR,
    }  # fmt: skip
    was, is_now = before.save(0), after.save(0)
    assert is_now == {name: value + moved[name] if name in moved else value
                      for name, value in was.items()}  # fmt: skip


def test_a_pump_that_was_never_filled_has_no_dates_after_any_reset() -> None:
    """RES-04, RST-03: nor does time without supply give it any."""
    blank = Refills()
    blank.load(HOUR, decode(encode(Refills().save(NOW))))
    blank.shift(HOUR, 3 * HOUR)
    assert (blank.refill, blank.at, blank.due, blank.window_since) == (None, None, None, None)


STANDING: Final[dict[str, tuple[Callable[[], Any], int, list[Any]]]] = {
    "battery": (Battery, 2, []),
    "catheter": (Catheter, 5, [None]),
    "environment": (Environment, 4, []),
}
"""Parts that write down what stands, how much can, and what else they write down."""


@pytest.mark.parametrize("name", STANDING)
def test_each_conclusion_is_taken_up_as_that_one(name: str) -> None:
    """ALM-09: and no other."""
    make, count, rest = STANDING[name]
    for which in range(count):
        row = [*(place == which for place in range(count)), *rest]
        part = make()
        part.load(row)
        assert part.save() == row


CONTRADICTIONS: Final[list[list[Any]]] = [[True, False, -1], [False, True, 1], [False, False, 1]]


@pytest.mark.parametrize("row", CONTRADICTIONS)
def test_a_contradiction_is_taken_up_with_its_side(row: list[Any]) -> None:
    """ALM-09, SEN-05."""
    check = CrossCheck()
    check.load(row)
    assert check.save() == row


@pytest.mark.parametrize("row", [[HOUR, 0, 0, 0], [0, HOUR, 0, 0], [0, 0, 3, 0], [HOUR, 0, 0, 4]])
def test_a_deviation_is_taken_up_with_its_direction(row: list[int]) -> None:
    """ALM-09, FLW-05: and with how far it has to run down."""
    deviation = Deviation()
    deviation.load(row)
    assert deviation.save() == row


@pytest.mark.parametrize("which", range(6))
def test_what_the_level_told_is_taken_up_with_its_direction(which: int) -> None:
    """ALM-09."""
    flags = [place == which for place in range(6)]
    row = [*flags, which - 3, [-5, 6, 0], [1_000, 2_000, 3_000, 1], 54_000, LONG]
    level = FillDeviation()
    level.load(row)
    assert decode(encode({"row": level.save()}))["row"] == row


def test_each_channel_is_taken_up_with_what_it_last_read() -> None:
    """RES-01, SEN-02: a level that stands still must not be believed anew."""
    rows = [[place % 2 == 0, place % 3 == 0, 7 * place, 1_000 + place]
            for place, _ in enumerate(CHANNELS)]  # fmt: skip
    screen = Screen()
    screen.load(rows)
    assert screen.save() == rows
    assert screen.faulty == (0, 2, 4, 6)


def test_resets_are_as_long_ago_as_before() -> None:
    """RST-04."""
    resets = Resets()
    resets.load(Resets(at=[NOW - 9 * HOUR, NOW - HOUR, NOW]).save(NOW))
    assert resets.at == [-9 * HOUR, -HOUR, 0]


def test_alarms_are_taken_up_as_they_stood() -> None:
    """ALM-09, RST-02: number, priority, form, whether it holds, and who knows of it."""
    book = AlarmBook()
    book.update(0, AlarmId.SENSOR_FAULT, Priority.MEDIUM, 5)
    book.update(0, AlarmId.FLOW_STOP, Priority.HIGH)
    book.acknowledge(0, AlarmId.SENSOR_FAULT, 1)
    book.update(0, AlarmId.FLOW_STOP, None)
    again = AlarmBook()
    again.load(NOW, book.save())
    assert again.save() == book.save() == {
        "count": 2,
        "open": [
            [AlarmId.SENSOR_FAULT, 1, Priority.MEDIUM, 5, True, True, 1],
            [AlarmId.FLOW_STOP, 2, Priority.HIGH, 0, False, False, 1],
        ],
    }  # fmt: skip


def test_a_dose_limit_is_taken_up_with_its_sums() -> None:
    """DOS-02, RST-02."""
    series = Series("FUDR", 5_000, 6_000, 7_000, 71, 43, 29, 31, exceeded=True)
    series.windows = [
        Window(0, width, 28, width - 1, -width, least_fg=[3, width], until_s=[5, 7])
        for width in (1, 12, 72, 288)
    ]
    limit = DoseLimit(left=17, remainder=19, series=[series])
    again = DoseLimit()
    again.load(decode(encode(limit.save())), Account())
    assert again.save() == limit.save()
    assert [window.floor_fg for window in again.series[0].windows] == [1, 3, 3, 3]


OF_A_LIFE: Final = {
    *("life", "now", "sampled", "before", "rtc_s", "volume", "left", "flow"),
    "by_fill",  # its doubt grows with every life
}
"""What the next life has of its own, or knows less surely."""


def test_a_life_begins_with_all_that_the_one_before_wrote_down() -> None:
    """RST-02, ALM-09: whatever it is."""
    state = in_use().logic._state
    blank = decode(encode(State().durable(0)))
    state.config_id, state.configuration_lost, state.stale = 9, True, True
    state.low = state.empty = state.unmonitored = True
    state.clock.wrong = state.resets.after_fault = True
    state.bolus = BeginBolusAccess(drug="contrast", concentration_ng_per_ml=5)
    state.bolus_since = NOW - MINUTE
    state.refills, state.needle = refills(), needle()
    state.resets.at = [NOW - HOUR, NOW]
    state.by_fill = FillDeviation(over=True)
    state.deviation.load([HOUR, 0, 0, 0])
    state.alarms.update(NOW, AlarmId.TAMPERING, Priority.HIGH)
    for part in (state.catheter, state.environment, state.battery):
        part.load([True] * len(part.save()))
    state.crosscheck.load([False, True, 1])
    written = decode(encode(state.durable(NOW)))
    assert {name for name in written if written[name] == blank[name]} <= OF_A_LIFE
    again = State(sampled=1, readings=None)  # of a life that has told of no flow
    again.load_durable(written)
    read = decode(encode(again.durable(0)))
    assert {name for name in written if written[name] != read[name]} <= OF_A_LIFE
    assert again.by_fill.over
