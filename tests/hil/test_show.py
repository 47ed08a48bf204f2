"""What a person is told about the clock: the date, and how far it is from the host's."""

from datetime import UTC, datetime

import pytest

from hil.rig import open_rig
from hil.show import LAST_S, date, status_lines
from protocol import messages as m

DAY_S = 86_400
COMMON_YEAR = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def days_of_a_month(year: int, month: int) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if leap and month == 2 else COMMON_YEAR[month - 1]


def test_every_day_from_1970_to_2200_has_its_date() -> None:
    """TIM-04: leap days, ends of years and the rules for 2000, 2100 and 2200."""
    day = 0
    for year in range(1970, 2201):
        for month in range(1, 13):
            for number in range(1, days_of_a_month(year, month) + 1):
                assert date(day * DAY_S) == f"{year}-{month:02}-{number:02} 00:00:00 UTC"
                day += 1


@pytest.mark.parametrize(
    ("unix_s", "expected"),
    [
        (2**31 - 1, "2038-01-19 03:14:07 UTC"),
        (2**31, "2038-01-19 03:14:08 UTC"),
        (2**32, "2106-02-07 06:28:16 UTC"),
        (951_782_400, "2000-02-29 00:00:00 UTC"),
        (LAST_S, "9999-12-31 23:59:59 UTC"),
        (LAST_S + 1, "second 253402300800 since 1970"),
        (m.MAX_UNIX_S, "second 1099511627776 since 1970"),
    ],
)
def test_no_second_the_link_can_carry_is_beyond_the_calendar(unix_s: int, expected: str) -> None:
    """TIM-04: 31 and 32 bits end where nothing happens."""
    assert date(unix_s) == expected


@pytest.fixture(scope="module")
def status() -> m.StatusPart:
    with open_rig("sim:") as rig:
        reply = rig.dut.status()
    assert isinstance(reply, m.Status)
    return reply.status


@pytest.mark.parametrize(
    ("off_s", "told"),
    [
        (0, ""),
        (100, ""),
        (-100, ""),
        (101, ", 0 d 00:01:41 ahead of this host"),
        (-90_061, ", 1 d 01:01:01 behind this host"),
        (157_788_000 * 500 // 10**6, ", 0 d 21:54:54 ahead of this host"),  # 500 ppm for 5 y
        (-157_788_000 * 500 // 10**6, ", 0 d 21:54:54 behind this host"),
    ],
)
def test_a_clock_that_is_off_is_told_by_how_much(
    status: m.StatusPart, off_s: int, told: str
) -> None:
    """TIM-06."""
    host_s = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
    lines = status_lines(status.model_copy(update={"rtc_s": host_s + off_s}), host_s)
    (clock,) = [line for line in lines if line.startswith("clock")]
    assert clock.endswith(f"{date(host_s + off_s)}{told}")


def test_a_clock_that_calls_itself_invalid_is_told(status: m.StatusPart) -> None:
    """TIM-05."""
    lost = status.model_copy(update={"rtc_valid": False})
    assert status_lines(lost, lost.rtc_s or 0)[-1].endswith("UTC, not to be trusted")
    missing = status.model_copy(update={"rtc_s": None})
    assert status_lines(missing, 0)[-1].split() == ["clock", "unknown"]
