"""Which readings can be trusted: range, slope, repetition and absence, channel by channel.

A reading goes on to the estimators only when it lies inside the sensor's range and is no lone
outlier; a channel that keeps failing is faulty until it has behaved again for a while (SEN-01,
SEN-02, SEN-04, SEN-09). What is not trusted is None: no older value takes its place (SEN-06).
"""

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from protocol.control import Event, Readings
from protocol.vocabulary import EventKind
from pumpsim.firmware.ticks import MINUTE


class Channel(NamedTuple):
    """A channel's rails, and the largest change from sample to sample that nature allows."""

    name: str
    lowest: int
    highest: int
    jump: int


NO_RAIL: Final = -1
PRESSURE_JUMP_PA: Final = 20_000
"""Above what posture, weather and a cabin move in a minute. Depth and a release move it twice."""
CHANNELS: Final = (
    Channel("reservoir_pressure_pa", 0, 700_000, PRESSURE_JUMP_PA),
    Channel("catheter_pressure_pa", 0, 700_000, PRESSURE_JUMP_PA),
    Channel("catheter_pulse_pa", NO_RAIL, 100_000, PRESSURE_JUMP_PA),  # none is a true reading
    Channel("pocket_pressure_pa", 50_000, 300_000, PRESSURE_JUMP_PA),
    Channel("temperature_mk", 283_150, 323_150, 2_000),
    Channel("fill_level_nl", 0, 1 << 31, 250_000),  # see `Screen.configure`
    Channel("battery_mv", 0, 4_000, 200),
)
RESERVOIR, CATHETER, TEMPERATURE, FILL_LEVEL = 0, 1, 4, 5
"""Places in it."""
FILL_STEP_NL: Final = 5_000
FILL_RANGE_PERCENT: Final = 110
LOWS: Final = tuple(channel.lowest for channel in CHANNELS)
JUMPS: Final = tuple(channel.jump for channel in CHANNELS)
HALF_JUMPS: Final = tuple(channel.jump // 2 for channel in CHANNELS)
FIRST: Final = Readings._fields.index(CHANNELS[0].name)
LAST: Final = FIRST + len(CHANNELS)
"""Places of the channels in `Readings`, in their order."""

MAX_ABSENT: Final = 3
"""Parameter n_rail, and age_max in samples: so long without a usable reading is a fault."""
MAX_LACKING: Final = 10
"""Likewise, where each sample without one counts two, and each with one takes back one: a channel
that lacks every second one is found within n_loose of them, one that lacks one of three never."""
MAX_SAME: Final = 60
"""A healthy channel's noise spans several steps: an hour of the very same reading is a fault."""
MAX_OUTLIERS: Final = 2
OUTLIER_WINDOW: Final = 30 * MINUTE
MIN_GOOD: Final = 5
"""Sound readings in a row that make a faulty channel usable again (SEN-09)."""


@dataclass(slots=True)
class Track:
    """What one channel did lately, apart from its last reading."""

    suspect: bool = False  # it may be stuck
    same: int = 0  # readings in a row that repeat the one before, while suspect
    absent: int = 0  # samples in a row without a reading, or with one at a rail
    lacking: int = 0  # of late: see `MAX_LACKING`
    side: int = 0  # of the last reading beyond the slope limit: 1 above, -1 below, 0 within
    pending: int | None = None  # a jump that awaits its confirmation
    outliers: int = 0  # jumps that were not confirmed, in the window
    outlier_at: int = 0
    good: int = 0
    faulty: bool = False
    moved: bool = False  # liquid was exchanged since the last reading: it may be anywhere

    @property
    def waiting(self) -> int | None:
        """That jump, while another sample may confirm it: a channel that fails confirms none."""
        return None if self.faulty else self.pending

    @property
    def jumped(self) -> int | None:
        """That jump, if it is one of this sample."""
        return None if self.absent else self.waiting


@dataclass(slots=True)
class Screen:
    """All channels of one pump."""

    tracks: list[Track] = field(default_factory=lambda: [Track() for _ in CHANNELS])
    lasts: list[int | None] = field(default_factory=lambda: [None] * len(CHANNELS))
    looked: list[int | None] = field(default_factory=lambda: [None] * len(CHANNELS))
    near: list[int] | None = None
    """Lowest and highest usual reading of each channel; None while one is to be judged."""
    highs: list[int] = field(default_factory=lambda: [channel.highest for channel in CHANNELS])
    faulty: tuple[int, ...] = ()
    """Places in `CHANNELS` of the channels that cannot be used now."""

    def configure(self, capacity_nl: int) -> None:
        """The fill level's range is 110 % of the capacity, in whole steps."""
        full_nl = capacity_nl * FILL_RANGE_PERCENT // 100
        self.highs[FILL_LEVEL] = full_nl // FILL_STEP_NL * FILL_STEP_NL

    def forget(self) -> None:
        """Take each channel's next reading however far it jumps: liquid was exchanged.

        One that does not move is as suspect as before (FLW-08, SEN-02).
        """
        for track in self.tracks:
            track.moved, track.pending, track.side = True, None, 0
        self.near = None

    def look(self) -> None:
        """Now and then: a channel that reads what it read at the last look may be stuck."""
        for track, last, before in zip(self.tracks, self.lasts, self.looked, strict=True):
            track.suspect = last is not None and last == before
        self.looked = list(self.lasts)
        self._centre()

    def pending_fill_level_nl(self) -> int | None:
        """A fill level that jumped with this sample, and awaits its confirmation."""
        return self.tracks[FILL_LEVEL].jumped

    def holds(self, place: int) -> bool:
        """Whether that channel jumped, and the next sample is to confirm it."""
        return self.tracks[place].waiting is not None

    def jumps(self, place: int) -> bool:
        """Whether that channel jumped with this sample."""
        return self.tracks[place].jumped is not None

    def waits(self) -> bool:
        """Whether any channel jumped, and the next sample is to confirm it."""
        return any(track.waiting is not None for track in self.tracks)

    def if_confirmed(self, readings: Readings) -> Readings:
        """The trusted readings, and the jumps that wait to be confirmed."""
        row = list(readings)
        for place, track in enumerate(self.tracks, FIRST):
            waiting = track.waiting
            if waiting is not None:
                row[place] = waiting
        return Readings._make(row)

    def take(self, now: int, readings: Readings, events: list[Event]) -> Readings:
        """The readings, with None for all that cannot be trusted in this sample."""
        values = readings[FIRST:LAST]
        if self.near is not None and _lie_near(values, self.near):
            self.lasts = list(values)
            return readings
        trusted = [self._judge(now, place, value, events) for place, value in enumerate(values)]
        self._centre()
        row = (readings.sequence, *trusted, readings.rtc_s, readings.rtc_valid)
        return Readings._make(row)

    def save(self) -> list[list[Any]]:
        """Which channels are faulty, or may be stuck, and where.

        A level that stands still must not be believed anew for as long as it took to find (RES-01).
        """
        pairs = zip(self.tracks, self.lasts, strict=True)
        return [[track.faulty, track.suspect, track.same, last] for track, last in pairs]

    def load(self, rows: list[list[Any]]) -> None:
        """Take up what `save` gave, beside what stands; a reading may be anywhere now (ALM-09)."""
        for place, (faulty, suspect, same, last) in enumerate(rows):
            track = self.tracks[place]
            track.faulty |= faulty
            if self.lasts[place] is None:
                track.suspect, track.same = suspect, same
                self.lasts[place] = self.looked[place] = last
        self._note_faulty()
        self.forget()

    def _centre(self) -> None:
        """Two readings within half a jump of one that was accepted are no jump apart."""
        self.near = None
        for track in self.tracks:
            if track.suspect or track.lacking or track.side or track.faulty or track.moved:
                return  # something is to be remembered
        near: list[int] = []
        for last, low, high, half in zip(self.lasts, LOWS, self.highs, HALF_JUMPS, strict=True):
            if last is None:
                return
            below, above = last - half, last + half
            near += below if below > low else low, above if above < high else high
        self.near = near

    def _judge(self, now: int, place: int, value: int | None, events: list[Event]) -> int | None:
        """The slow path: something about this reading is unusual."""
        track = self.tracks[place]
        if value is None or not LOWS[place] < value < self.highs[place]:
            track.absent += 1
            track.lacking = min(track.lacking + 2, MAX_LACKING)
            track.good = 0
            failed = track.absent >= MAX_ABSENT or track.lacking >= MAX_LACKING
            self._decide(place, failed=failed)
            return None
        track.absent, track.lacking = 0, max(track.lacking - 1, 0)
        outliers = track.outliers
        follows = self._follows(now, place, value, events)
        track.good = track.good + 1 if follows else 0
        spiking = track.outliers > outliers and track.outliers >= MAX_OUTLIERS
        self._decide(place, failed=spiking or track.same >= MAX_SAME)
        return value if follows and not track.faulty else None

    def _follows(self, now: int, place: int, value: int, events: list[Event]) -> bool:
        """Whether it goes on from the last one: a jump counts once a second one confirms it."""
        track, last, pending = self.tracks[place], self.lasts[place], self.tracks[place].pending
        jump = JUMPS[place]
        step = 0 if last is None or track.moved else value - last
        track.moved = False
        side = (step >= jump) - (step <= -jump)
        confirmed = side == track.side
        track.side = side
        if pending is not None and not confirmed:
            if now - track.outlier_at > OUTLIER_WINDOW:
                track.outliers = 0
            track.outliers += 1
            track.outlier_at = now
            if not track.faulty:
                events.append(Event(EventKind.READING_REJECTED, place, pending))
        track.pending = value if side and not confirmed else None
        if track.pending is not None:
            return False
        track.suspect = track.suspect and value == last
        track.same = track.same + 1 if track.suspect else 0
        self.lasts[place] = value
        return True

    def _decide(self, place: int, *, failed: bool) -> None:
        """A channel turns faulty at once, and sound again after `MIN_GOOD` sound readings."""
        track = self.tracks[place]
        was = track.faulty
        track.faulty = failed or (was and (track.good < MIN_GOOD or track.same > 0))
        if was != track.faulty:
            self._note_faulty()

    def _note_faulty(self) -> None:
        self.faulty = tuple(place for place, track in enumerate(self.tracks) if track.faulty)


def _lie_near(values: tuple[int | None, ...], near: list[int]) -> bool:
    """Nearly every sample ends here: written out, a loop takes three times as long."""
    a, b, c, d, e, f, g = values
    if a is None or b is None or c is None or d is None:
        return False
    if e is None or f is None or g is None:
        return False
    la, ha, lb, hb, lc, hc, ld, hd, le, he, lf, hf, lg, hg = near
    return (
        la < a < ha
        and lb < b < hb
        and lc < c < hc
        and ld < d < hd
        and le < e < he
        and lf < f < hf
        and lg < g < hg
    )
