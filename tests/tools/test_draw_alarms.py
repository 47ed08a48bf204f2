"""The page about the alarms is the one the tables give."""

from pumpsim.firmware.alarms import TABLE
from pumpsim.firmware.occurrence import TRANSITIONS
from tools.draw_alarms import PAGE, page


def test_the_page_is_fresh() -> None:
    """ALM-01: `python -m tools.draw_alarms --write` makes it anew."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_page_has_every_alarm_once_and_every_arrow() -> None:
    """ALM-01."""
    text = page()
    for alarm in TABLE:
        assert text.count(f"| {int(alarm)} | `{alarm.name.lower()}` |") == 1
    assert text.count(" --> ") == len(TRANSITIONS) + 1  # and the raising
