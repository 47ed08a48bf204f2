"""Ordinary life with a pump (OCC-07), from a seed: what happens to most patients, nothing worse.

Posture, blood pressure, weather and the day's temperature are in the plant. What is added here is
drawn anew for each interval between two visits, so that no life depends on how long it is watched.
Exertion has no stimulus: the arterial pressure's own variation stands for it.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from pumpsim.streams import Stream

HOUR_NS: Final = 3_600 * 1_000_000_000
DAY_NS: Final = 24 * HOUR_NS
INTERVAL_DAYS: Final = 14
INTERVAL_NS: Final = INTERVAL_DAYS * DAY_NS
DRAWS: Final = 64
"""Numbers set aside for one interval."""
FEVER_SHARE: Final = 0.12
"""Of all intervals: about three fevers a year."""
MOUNTAIN_SHARE: Final = 0.06
FLIGHT_SHARE: Final = 0.20
FLUSH_SHARE: Final = 0.12
LATE_SHARE: Final = 0.10
"""Of all refills: one to three days after they were due."""
MOST_BATHS: Final = 3
MOST_COUGHS: Final = 8


class Happening(NamedTuple):
    """A stimulus of life, or a visit, at its instant."""

    at_ns: int
    kind: str
    fields: dict[str, Any]


class Draw:
    """Numbers of one interval, each drawn once."""

    def __init__(self, stream: Stream, interval: int) -> None:
        """From the interval's own part of the stream."""
        self._stream, self._index = stream, interval * DRAWS

    def between(self, low: float, high: float) -> float:
        """An even draw."""
        self._index += 1
        return low + (high - low) * self._stream.share(self._index - 1)

    def whether(self, share: float) -> bool:
        """True that often."""
        return self.between(0.0, 1.0) < share

    def at_ns(self, low_days: float, high_days: float) -> int:
        """An instant of whole seconds."""
        return int(self.between(low_days, high_days) * 86_400) * 1_000_000_000


def life(seed: int, length_ns: int) -> Iterator[Happening]:
    """Everything in the order in which it happens."""
    stream = Stream(seed, "ordinary life")
    for interval in range(-(-length_ns // INTERVAL_NS)):
        draw = Draw(stream, interval)
        begins_ns = interval * INTERVAL_NS
        visit, trip, fever = _visit(draw, interval), _trip(draw), _fever(draw)
        happenings = [*visit, *trip, *fever, *_baths(draw), *_coughs(draw)]
        for happening in sorted(happenings, key=lambda h: h.at_ns):
            at_ns = begins_ns + happening.at_ns
            if at_ns < length_ns:
                yield happening._replace(at_ns=at_ns)


def _visit(draw: Draw, interval: int) -> Iterator[Happening]:
    """A refill in the morning, every fortnight; now and then late, or with a perfusion check."""
    at_ns = draw.at_ns(8 / 24, 12 / 24)
    late, days = draw.whether(LATE_SHARE), int(draw.between(1, 4))
    at_ns += days * DAY_NS if late else 0
    errors = [draw.between(-0.003, 0.003) for _ in range(2)]  # of reading a syringe
    volume_ml = draw.between(28.0, 28.9)
    flush, tracer_ml = draw.whether(FLUSH_SHARE), draw.between(2.0, 5.0)
    if interval == 0:
        return  # implanted and filled that day
    drug = ("FUDR", "saline")[interval % 2]
    fields = {"fill": drug, "volume_ml": volume_ml, "errors": errors}
    yield Happening(at_ns, "refill", fields)
    if flush:
        volume = {"volume": f"{tracer_ml:.3f} mL"}
        yield Happening(at_ns + HOUR_NS, "perfusion_check", volume)


def _trip(draw: Draw) -> Iterator[Happening]:
    """At most one between two visits: into the mountains, or by air and back."""
    choice, at_ns = draw.between(0.0, 1.0), draw.at_ns(0.5, 2.0)
    height_m, hours = draw.between(1_800, 2_400), draw.between(2, 12)
    back_ns = draw.at_ns(3.0, 10.0)
    if choice < MOUNTAIN_SHARE:
        top_m = round(draw.between(1_000, 2_500))
        days = draw.between(5, 8)
        stay = {"height": f"{top_m} m", "ramp": "2 h", "duration": f"{days:.3f} d"}
        yield Happening(at_ns, "altitude", stay)
    elif choice < MOUNTAIN_SHARE + FLIGHT_SHARE:
        cabin = {"height": f"{round(height_m)} m", "ramp": "25 min", "duration": f"{hours:.2f} h"}
        yield Happening(at_ns, "altitude", cabin)
        yield Happening(at_ns + back_ns, "altitude", cabin)


def _fever(draw: Draw) -> Iterator[Happening]:
    """To 38 to 39.5 degC, for one to three days."""
    ill, at_ns = draw.whether(FEVER_SHARE), draw.at_ns(1.0, 10.0)
    rise_k, days, ramp_h = draw.between(1.0, 2.5), draw.between(1, 3), draw.between(2, 6)
    if ill:
        rise = {"rise": f"{rise_k:.3f} K", "ramp": f"{ramp_h:.2f} h", "duration": f"{days:.3f} d"}
        yield Happening(at_ns, "fever", rise)


def _baths(draw: Draw) -> Iterator[Happening]:
    """In the evening, now and then."""
    for _ in range(int(draw.between(0, MOST_BATHS + 1))):
        day, hour_ns = int(draw.between(1, INTERVAL_DAYS)), draw.at_ns(18 / 24, 22 / 24)
        rise_k, minutes = draw.between(1.0, 3.0), draw.between(10, 40)
        warmth = {"rise": f"{rise_k:.3f} K", "ramp": "10 min", "duration": f"{minutes:.1f} min"}
        yield Happening(day * DAY_NS + hour_ns, "warm_bath", warmth)


def _coughs(draw: Draw) -> Iterator[Happening]:
    """At any hour: a morning's fit, or those of a cold."""
    for _ in range(int(draw.between(0, MOST_COUGHS + 1))):
        at_ns = draw.at_ns(0, INTERVAL_DAYS)
        pressure_kpa, seconds = draw.between(5, 20), draw.between(5, 60)
        fit = {"pressure": f"{pressure_kpa:.3f} kPa", "duration": f"{seconds:.1f} s"}
        yield Happening(at_ns, "cough", fit)
