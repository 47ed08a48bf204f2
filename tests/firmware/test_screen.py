"""Which readings are trusted."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.control import TICKS_PER_S, Event, Readings
from pumpsim.firmware.screen import (
    CHANNELS,
    FILL_LEVEL,
    MAX_ABSENT,
    MAX_SAME,
    MIN_GOOD,
    OUTLIER_WINDOW,
    Screen,
)
from pumpsim.sensors import default_fit
from tests.firmware.usual import CONFIGURATION, USUAL

MINUTE = 60 * TICKS_PER_S
WARM_MK = 310_150
NAMES = [channel.name for channel in CHANNELS]
STEPS = {channel.name: channel.step for channel in default_fit()}


def sampled(number: int, changed: dict[str, Any]) -> Readings:
    return USUAL._replace(sequence=number, **changed)


class Feed:
    """A screen fed with samples that differ from minute to minute, as healthy ones do."""

    def __init__(self) -> None:
        self.screen = Screen()
        self.screen.configure(CONFIGURATION.capacity_nl)
        self.number = 0
        self.events: list[Event] = []

    def take(self, **changed: int | None) -> Readings:
        self.number += 1
        usual = {
            name: value + STEPS[name] * (self.number % 2)
            for name, value in USUAL._asdict().items()
            if name in STEPS
        }
        sample = sampled(self.number, {**usual, **changed})
        if self.number % 10 == 0:
            self.screen.look()
        return self.screen.take(self.number * MINUTE, sample, self.events)

    def faulty(self) -> list[str]:
        return [NAMES[place] for place in self.screen.faulty]


@pytest.fixture
def feed() -> Feed:
    feed = Feed()
    for _ in range(3):
        feed.take()
    return feed


@pytest.mark.parametrize("capacity_nl", [20_000_000, 30_000_000, 47_300_000])
def test_rails_are_those_of_the_sensors(capacity_nl: int) -> None:
    """SEN-01: firmware and data sheet agree, whatever the pump holds."""
    screen = Screen()
    screen.configure(capacity_nl)
    sheets = default_fit(capacity_nl)
    for place, (sheet, channel) in enumerate(zip(sheets, CHANNELS, strict=True)):
        assert channel.name == sheet.name
        assert screen.highs[place] == sheet.highest
        if channel.name != "catheter_pulse_pa":  # no pulse at all is a true reading
            assert channel.lowest == sheet.lowest


def test_nothing_is_usual_before_it_was_read() -> None:
    """SEN-02."""
    screen = Screen()
    screen.look()
    assert screen.near is None


def test_healthy_readings_go_through_as_they_are(feed: Feed) -> None:
    for _ in range(200):
        sample = feed.take()
        assert None not in sample
    assert not feed.faulty()
    assert not feed.events


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_channel_is_a_fault_with_the_third_sample(feed: Feed, name: str) -> None:
    """SEN-06, SEN-07."""
    for _ in range(MAX_ABSENT - 1):
        assert getattr(feed.take(**{name: None}), name) is None
        assert not feed.faulty()
    feed.take(**{name: None})
    assert feed.faulty() == [name]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("end", ["low", "high"])
def test_a_rail_is_never_used_and_a_fault_with_the_third(feed: Feed, name: str, end: str) -> None:
    """SEN-01."""
    place = NAMES.index(name)
    rail = CHANNELS[place].lowest if end == "low" else feed.screen.highs[place]
    for count in range(1, MAX_ABSENT + 1):
        assert getattr(feed.take(**{name: rail}), name) is None
        assert feed.faulty() == ([name] if count == MAX_ABSENT else [])


@pytest.mark.parametrize("name", NAMES)
def test_a_frozen_channel_is_a_fault_within_two_hours(feed: Feed, name: str) -> None:
    """SEN-02: at a value in range, while the others move."""
    value = getattr(USUAL, name)
    for _ in range(40):
        feed.take(**{name: value})
        assert not feed.faulty()
    for _ in range(80):
        feed.take(**{name: value})
    assert feed.faulty() == [name]
    assert getattr(feed.take(**{name: value}), name) is None


@pytest.mark.parametrize("name", NAMES)
def test_a_channel_that_may_be_stuck_has_an_hour(feed: Feed, name: str) -> None:
    """SEN-02: from the look that found it where the look before it did."""
    value, track = getattr(USUAL, name), feed.screen.tracks[NAMES.index(name)]
    while not track.suspect:
        feed.take(**{name: value})
    for _ in range(MAX_SAME - 1):
        assert not feed.faulty()
        feed.take(**{name: value})
    assert feed.faulty() == [name]


def test_an_hour_of_changes_now_and_then_is_no_frozen_channel(feed: Feed) -> None:
    """SEN-02: only a reading that never moves is."""
    for number in range(600):
        value = WARM_MK if number % (MAX_SAME - 5) else WARM_MK + 10
        feed.take(temperature_mk=value)
    assert not feed.faulty()


def test_a_lone_spike_is_rejected_and_no_fault(feed: Feed) -> None:
    """SEN-04."""
    assert feed.take(temperature_mk=WARM_MK + 5_000).temperature_mk is None
    for _ in range(OUTLIER_WINDOW // MINUTE + 1):
        assert feed.take().temperature_mk is not None
    assert [event.value for event in feed.events] == [WARM_MK + 5_000]
    feed.take(temperature_mk=WARM_MK - 5_000)
    feed.take()
    assert not feed.faulty()


@pytest.mark.parametrize("uptime", [0, 10_000])
def test_spikes_again_and_again_are_a_fault_that_ends_when_they_do(feed: Feed, uptime: int) -> None:
    """SEN-04, SEN-09: it is used again after so many good readings, no sooner."""
    feed.number += uptime
    for _ in range(2):
        feed.take(temperature_mk=WARM_MK + 5_000)
        feed.take()
    assert feed.faulty() == ["temperature_mk"]
    for _ in range(MIN_GOOD - 2):
        assert feed.take().temperature_mk is None
    assert feed.take().temperature_mk is not None
    assert not feed.faulty()


@pytest.mark.parametrize(
    ("name", "side"), [*((name, 1) for name in NAMES), ("temperature_mk", -1), ("battery_mv", -1)]
)
def test_what_is_as_far_as_a_jump_waits(feed: Feed, name: str, side: int) -> None:
    """SEN-04: and what is a step less far goes on."""
    place = NAMES.index(name)
    last = feed.screen.lasts[place]
    assert last is not None
    near, far = (last + side * (CHANNELS[place].jump - less) for less in (1, 0))
    assert getattr(deepcopy(feed).take(**{name: near}), name) == near
    assert getattr(feed.take(**{name: far}), name) is None


def test_a_jump_that_stays_is_believed_with_the_second_sample(feed: Feed) -> None:
    high = 173_700
    assert feed.take(catheter_pressure_pa=high).catheter_pressure_pa is None
    assert feed.take(catheter_pressure_pa=high + 25).catheter_pressure_pa == high + 25
    assert not feed.events


def test_a_steep_ramp_is_followed_after_its_first_sample(feed: Feed) -> None:
    """Depth moves the pocket by more than a jump with each sample."""
    seen = [
        feed.take(pocket_pressure_pa=101_300 + 26_000 * step).pocket_pressure_pa
        for step in range(1, 7)
    ]
    assert seen == [None, *(101_300 + 26_000 * step for step in range(2, 7))]
    assert not feed.faulty()


def test_after_an_exchange_of_liquid_any_reading_goes(feed: Feed) -> None:
    feed.screen.forget()
    assert feed.take(fill_level_nl=1_000_000).fill_level_nl == 1_000_000


def test_a_jump_that_hands_made_before_they_said_so_is_no_outlier(feed: Feed) -> None:
    """SEN-04: the window opens behind it, and what follows may be anywhere."""
    for level_nl in (15_000_000, 10_000_000):
        feed.take(fill_level_nl=level_nl)
        feed.screen.forget()
        assert feed.take(fill_level_nl=level_nl + 5_000).fill_level_nl == level_nl + 5_000
        feed.take(fill_level_nl=level_nl)
    assert not feed.events
    assert not feed.faulty()


@given(
    st.lists(
        st.tuples(*(st.one_of(st.none(), st.integers(-10, 800_000)) for _ in CHANNELS)),
        max_size=30,
    )
)
def test_what_is_trusted_was_read_and_lies_in_range(
    samples: list[tuple[int | None, ...]],
) -> None:
    """SEN-06: never an older value, whatever comes."""
    screen, events = Screen(), list[Event]()
    screen.configure(CONFIGURATION.capacity_nl)
    for number, values in enumerate(samples):
        raw = sampled(number, dict(zip(NAMES, values, strict=True)))
        trusted = screen.take(number * MINUTE, raw, events)
        for place, (name, value) in enumerate(zip(NAMES, values, strict=True)):
            seen = getattr(trusted, name)
            assert seen in {None, value}
            high = screen.highs[place] if place == FILL_LEVEL else CHANNELS[place].highest
            assert seen is None or CHANNELS[place].lowest < seen < high
