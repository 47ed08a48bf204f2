"""Dose limits against sums over every window there is: told whenever they must be, and not else."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pumpsim.firmware import dose_limit
from tests.firmware.watched import CONCENTRATION, NOMINAL, PLAN, Watched, configured

ROUNDING_NL = 4
EVENTS = st.lists(
    st.tuples(
        st.sampled_from([0, 500, 900, 1_000, 1_000, 1_100, 1_200, 1_300, 2_000, 5_000]),
        st.integers(1, 500),  # minutes
        st.sampled_from([0, 0, 0, 200_000, 900_000]),  # nl injected at the end
    ),
    min_size=1,
    max_size=12,
)


def fullest(doses: np.ndarray, before: np.ndarray, window: int) -> np.ndarray:
    """At each minute: the fullest window of `window` minutes that ends within the next one.

    In nl beyond the nominal flow: every one that holds the last s minutes, and nominal flow for the
    rest of it. It may begin just before the injection that ends a minute, or after it.
    """
    nominal = NOMINAL / 60 * np.arange(len(doses))
    beyond, lowest = doses - nominal, np.minimum(doses, before) - nominal
    return np.array(
        [beyond[at] - lowest[max(at - window, 0) : at + 1].min() for at in range(len(doses))]
    )


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@example(events=[(0, 1, 200_000), (500, 280, 0), (900, 101, 0)], permille=1_050, planned=False)
@example(
    events=[
        (0, 4, 0), (2_000, 276, 0), (0, 95, 0), (1_100, 184, 0), (1_300, 123, 0),
        (2_000, 298, 0), (500, 456, 0), (1_200, 275, 0),
    ],
    permille=1_250,
    planned=True,
)  # fmt: skip
@given(events=EVENTS, permille=st.sampled_from([1_050, 1_250, 2_000]), planned=st.booleans())
def test_limits_are_those_of_brute_force(
    *, events: list[tuple[int, int, int]], permille: int, planned: bool
) -> None:
    """DOS-02: always when a window within the next window length would be too full.

    Never, but for the bins that the window is too long, and a condition on its way to end.
    """
    watched = Watched(configured(permille, PLAN if planned else ()))
    watched.fill()
    watched.run(1)  # the drug is at the tip
    doses, before, told = [0.0], [0.0], [False]
    for permille_of_nominal, minutes, bolus_nl in events:
        flow = NOMINAL * permille_of_nominal // 1_000
        for minute in range(minutes):
            watched.run(1, flow)
            injected_nl = bolus_nl if minute == minutes - 1 else 0
            if injected_nl:
                watched.inject(injected_nl, "FUDR", CONCENTRATION)
            before.append(doses[-1] + flow / 60)
            doses.append(before[-1] + injected_nl)
            told.append(watched.limit.exceeded)
    sums, starts = np.array(doses), np.array(before)
    windows = [(60, 60, 5), (1_440, 1_440, 60), (10_080, 10_080, 360)]
    windows.append((1_440, 720, 110) if planned else (40_320, 40_320, 1_440))
    clearing_nl = 60 * (permille / 1_000 - 1) * NOMINAL / 60 / dose_limit.CLEAR_DIVISOR
    must, may, stays = (np.zeros(len(told), bool) for _ in range(3))
    for window, prescribed, spare in windows:
        limit_nl = prescribed * (permille / 1_000 - 1) * NOMINAL / 60
        must |= fullest(sums, starts, window) > limit_nl + ROUNDING_NL
        may |= fullest(sums, starts, window + spare) > limit_nl - ROUNDING_NL
        stays |= fullest(sums, starts, window + spare) > limit_nl - clearing_nl - ROUNDING_NL
    for at in range(1, len(told)):
        assert told[at] or not must[at]
        if told[at]:
            lately = stays[max(at - 6, 0) : at + 1]  # a bin, and the sample that completes it
            assert lately.any() if told[at - 1] else may[at]


FILLS = st.lists(
    st.tuples(
        st.sampled_from([0, 900, 1_000, 1_100, 1_200, 1_300, 2_000]),
        st.integers(1, 400),  # minutes
        st.sampled_from(
            [CONCENTRATION, CONCENTRATION // 2, CONCENTRATION // 10, 2 * CONCENTRATION, 0]
        ),
        st.sampled_from([0, 0, 8_000, 200_000]),  # nl injected of it at the end
    ),
    min_size=2,
    max_size=8,
)
PLUG_MIN = 10


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@example(events=[(1_240, 2_880, 5_000, 0), (1_000, 120, 1_000, 0), (1_000, 20, 1_000, 900_000)])
@example(events=[(1_240, 1_440, 5_000, 0), (1_100, 400, 2_500, 0), (1_300, 400, 1_250, 0)])
@example(  # dense, for a moment thin, dense
    events=[
        (1_000, 1_440, 5_000, 10_260),
        (1_000, 52, 5_000, 0),
        (1_000, 2, 1_000, 0),
        (1_000, 11, 5_000, 10_260),
        (1_000, 60, 5_000, 0),
    ]
)
@example(  # an excess not long ago, and a thinner fill: less is allowed of the hour to come
    events=[(1_000, 1_440, 5_000, 13_000), (1_000, 30, 5_000, 0), (1_000, 20, 500, 0)]
)
@example(  # dense, nothing for hours, thin
    events=[
        (1_000, 1_440, 5_000, 0),
        (1_000, 180, 0, 0),
        (1_000, 30, 250, 90_000),
        (1_000, 62, 250, 0),
    ]
)
@example(  # another one before the last one is at the tip
    events=[(1_000, 1_440, 5_000, 0), (1_000, 8, 500, 0), (2_000, 60, 5_000, 0)]
)
@given(events=FILLS)
def test_limits_of_one_fill_after_another_are_those_of_brute_force(
    events: list[tuple[int, int, int, int]],
) -> None:
    """DOS-02: in each window L times what was at the tip, and of the fill that sets the limits."""
    watched = Watched(configured(), catheter_nl=PLUG_MIN * NOMINAL // 60)
    watched.fill()
    given_fg, prescribed_fg, at_tip, limited_fg, told = [0.0], [0.0], [0], [0.0], [False]
    for permille_of_nominal, minutes, concentration, bolus_nl in events:
        watched.fill("FUDR" if concentration else "saline", concentration)
        for minute in range(minutes):
            watched.run(1, NOMINAL * permille_of_nominal // 1_000)
            (series,) = watched.limit.series
            drug, tip_ng_per_ml = watched.account.at_tip()
            here = drug == "FUDR"
            prescribed_fg.append(prescribed_fg[-1] + here * NOMINAL * tip_ng_per_ml / 60)
            at_tip.append(at_tip[-1] + here)
            if bolus_nl and concentration and minute == minutes - 1:
                watched.inject(bolus_nl, "FUDR", concentration)
            limited_fg.append(NOMINAL * series.limited_ng_per_ml / 60)
            given_fg.append(float(watched.account.doses_fg.get("FUDR", 0)))
            told.append(watched.limit.exceeded)
    given, prescribed = np.array(given_fg), np.array(prescribed_fg)
    passed, slack_fg = np.array(at_tip), 2 * CONCENTRATION * NOMINAL / 60
    for at in range(1, len(told)):
        for window in (60, 1_440, 10_080):
            begins = np.arange(max(at - window, 0), at)
            passed_fg = prescribed[at] - prescribed[begins]
            excess_fg = given[at] - given[begins] - passed_fg
            beside_fg = (window - (passed[at] - passed[begins])) * limited_fg[at]
            if np.any(excess_fg > 0.25 * (passed_fg + beside_fg) + slack_fg):
                assert told[at], (at, window)
