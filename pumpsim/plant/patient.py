"""The patient's life around the pump: warmth, blood pressure, posture, weather, altitude.

All of it runs in straight lines between nodes: every ten minutes, and wherever a course of warmth,
altitude or depth has a corner. Nodes are functions of seed and instant alone, so that neither the
plant's step nor the order of calls has a part in them, and a step of the plant meets no corner.
On a bench a bath, a pressure controller or a chamber takes the place of the body, the artery or
the air: what is held follows its own course, and chance has no part in it (decision 0007).
"""

import itertools
from dataclasses import dataclass
from typing import Any, Final

from pumpsim.plant.held import AMBIENT, OUTLET, TEMPERATURE, Held, Shape
from pumpsim.plant.parameters import STANDARD_AMBIENT_PA, PatientParameters
from pumpsim.plant.properties import HIGHEST_M, LOWEST_M, atmosphere_pa, cosine
from pumpsim.streams import Stream

SECOND_NS: Final = 1_000_000_000
DAY_S: Final = 86_400.0
NODE_NS: Final = 600 * SECOND_NS
ARTERIAL_NODES: Final = 1
POSTURE_NODES: Final = 6
WEATHER_NODES: Final = 36
"""Spacing of the random processes' own nodes, in units of `NODE_NS`."""
FAR_NS: Final = 2**63
MAX_COURSES: Final = 100
MAX_CORNERS: Final = 100
"""Every segment looks at all corners: their number is part of a step's cost."""
MAX_VALUE: Final = 1e7
COLDEST_BODY_K: Final = 288.15
HOTTEST_BODY_K: Final = 320.15
DEEPEST_PA: Final = 1_000_000.0
"""What courses of depth may add up to: about 100 m of water."""

Points = list[tuple[int, float]]
"""Corners of a course: (instant in ns, value), instants rising."""


@dataclass(slots=True)
class Segment:
    """A stretch without corners: values at `from_ns`, and what they gain per ns until `to_ns`."""

    from_ns: int
    to_ns: int
    body_k: float
    body_k_per_ns: float
    ambient_pa: float
    ambient_pa_per_ns: float
    arterial_pa: float
    arterial_pa_per_ns: float
    posture_pa: float
    posture_pa_per_ns: float


class Process:
    """A bounded random process: independent nodes, straight lines between."""

    def __init__(self, seed: int, name: str, nodes: int, bound: float) -> None:
        """Values lie in [-bound, bound]; its own nodes stand `nodes` * `NODE_NS` apart."""
        self._stream = Stream(seed, name)
        self._spacing_ns = nodes * NODE_NS
        self._scale = bound / 3.0

    def at(self, now_ns: int) -> float:
        """The value at an instant from 0 on."""
        index, rest_ns = divmod(now_ns, self._spacing_ns)
        before = self._stream.noise(index)
        after = self._stream.noise(index + 1)
        return self._scale * (before + (after - before) * (rest_ns / self._spacing_ns))


class Courses:
    """Sum of values over time, each 0 up to its first and from its last corner on."""

    def __init__(self) -> None:
        """None yet."""
        self.all: list[Points] = []

    def at(self, now_ns: int) -> float:
        """The sum at an instant; added one by one, as `sum` rounds otherwise in other Pythons."""
        total = 0.0
        for points in self.all:
            total += self._value(points, now_ns)
        return total

    def extremes(self) -> tuple[float, float]:
        """What the sum can never leave."""
        lowest = highest = 0.0
        for points in self.all:
            lowest += min(0.0, *(value for _, value in points))
            highest += max(0.0, *(value for _, value in points))
        return lowest, highest

    def corners_ns(self) -> list[int]:
        """Every instant at which a line ends."""
        return [instant_ns for points in self.all for instant_ns, _ in points]

    def add(self, points: Points) -> None:
        """One more; ValueError when it is none."""
        if len(self.all) >= MAX_COURSES:
            message = f"more than {MAX_COURSES} courses at once"
            raise ValueError(message)
        if not 2 <= len(points) <= MAX_CORNERS:
            message = f"a course has 2 to {MAX_CORNERS} corners, not {len(points)}"
            raise ValueError(message)
        if not all(-MAX_VALUE <= value <= MAX_VALUE for _, value in points):
            message = f"the values of a course must be finite, within {MAX_VALUE:g}"
            raise ValueError(message)
        if points[0][1] != 0.0 or points[-1][1] != 0.0:
            message = "a course begins and ends at 0"
            raise ValueError(message)
        if any(later <= sooner for (sooner, _), (later, _) in itertools.pairwise(points)):
            message = "the instants of a course must rise"
            raise ValueError(message)
        self.all.append(points)

    def forget_before(self, now_ns: int) -> None:
        """Drop those that were over at an instant."""
        self.all = [points for points in self.all if points[-1][0] > now_ns]

    @staticmethod
    def _value(points: Points, now_ns: int) -> float:
        if not points[0][0] <= now_ns < points[-1][0]:
            return 0.0
        for (from_ns, before), (to_ns, after) in itertools.pairwise(points):
            if now_ns < to_ns:
                return before + (after - before) * ((now_ns - from_ns) / (to_ns - from_ns))
        return 0.0


class Patient:
    """What surrounds the pump at any instant; courses are added as life goes on."""

    def __init__(self, parameters: PatientParameters, seed: int) -> None:
        """A patient whose randomness follows from the seed."""
        p = self._p = parameters
        self._arterial = Process(seed, "arterial pressure", ARTERIAL_NODES, p.arterial_variation_pa)
        self._posture = Process(seed, "posture", POSTURE_NODES, p.posture_pa)
        self._weather = Process(seed, "weather", WEATHER_NODES, p.weather_pa)
        self._warmth = Courses()
        self._altitude = Courses()
        self._depth = Courses()
        self.held = Held()
        self._home_pa = atmosphere_pa(p.altitude_m)
        self._end_ns = -1
        self._end: tuple[float, ...] = ()

    def warm(self, now_ns: int, points: Points) -> None:
        """Add a course of temperature above the usual, in K: a fever, a bath.

        Raises ValueError when it is no course, or when all together could leave what a body bears.
        """
        p = self._p
        usual_k = (
            p.body_temperature_k - p.circadian_amplitude_k,
            p.body_temperature_k + p.circadian_amplitude_k,
        )
        self._add(now_ns, self._warmth, points, usual_k, (COLDEST_BODY_K, HOTTEST_BODY_K))

    def climb(self, now_ns: int, points: Points) -> None:
        """Add a course of altitude above home, in m; ValueError outside the atmosphere's table."""
        home_m = (self._p.altitude_m, self._p.altitude_m)
        self._add(now_ns, self._altitude, points, home_m, (LOWEST_M, HIGHEST_M))

    def dive(self, now_ns: int, points: Points) -> None:
        """Add a course of pressure above the air's, in Pa: water, a hyperbaric chamber."""
        self._add(now_ns, self._depth, points, (0.0, 0.0), (0.0, DEEPEST_PA))

    def hold(self, now_ns: int, name: str, aim: float, shape: Shape) -> None:
        """Hold one of the surroundings from now on; ValueError when it cannot be held so."""
        s = self.segment(now_ns)
        into_ns = now_ns - s.from_ns
        gauge_pa_per_ns = s.arterial_pa_per_ns + s.posture_pa_per_ns
        present = {
            TEMPERATURE: s.body_k + s.body_k_per_ns * into_ns,
            OUTLET: s.arterial_pa + s.posture_pa + gauge_pa_per_ns * into_ns,
            AMBIENT: s.ambient_pa + s.ambient_pa_per_ns * into_ns,
        }
        self.held.hold(name, now_ns, present[name], aim, shape)
        self._end_ns = -1

    def release(self, name: str) -> None:
        """Give one of the surroundings back to the patient's life."""
        self.held.release(name)
        self._end_ns = -1

    def segment(self, now_ns: int) -> Segment:
        """The straight stretch that an instant lies in, its start included."""
        from_ns = now_ns - now_ns % NODE_NS
        to_ns = from_ns + NODE_NS
        for corner_ns in self._corners_ns():
            if corner_ns <= now_ns:
                from_ns = max(from_ns, corner_ns)
            else:
                to_ns = min(to_ns, corner_ns)
        if self._end_ns != from_ns:  # else the last segment's end, the same numbers
            self._end = self._node(from_ns)
        start = self._end
        self._end_ns, self._end = to_ns, self._node(to_ns)
        values: list[float] = []
        for value, after in zip(start, self._end, strict=True):
            values += [value, (after - value) / (to_ns - from_ns)]
        return Segment(from_ns, to_ns, *values)

    def next_corner_ns(self, now_ns: int) -> int:
        """The next corner of a course; `FAR_NS` when there is none."""
        return min((corner for corner in self._corners_ns() if corner > now_ns), default=FAR_NS)

    @property
    def pulse_pa(self) -> float:
        """Amplitude of the arterial pulse; what holds the outlet has none."""
        return 0.0 if OUTLET in self.held.points else self._p.pulse_amplitude_pa

    def snapshot(self) -> dict[str, Any]:
        """The courses that were added, and what is held; all else follows from the parameters."""
        added = {name: [list(points) for points in c.all] for name, c in self._courses().items()}
        return {**added, "held": self.held.snapshot()}

    def restore(self, data: dict[str, Any]) -> None:
        """Take up what `snapshot` gave."""
        self._end_ns = -1
        for name, courses in self._courses().items():
            courses.all = [[(at_ns, value) for at_ns, value in points] for points in data[name]]
        self.held.restore(data["held"])

    def _node(self, now_ns: int) -> tuple[float, float, float, float]:
        return (
            self._body_k(now_ns),
            self._ambient_pa(now_ns),
            *self._gauge_pa(now_ns),
        )

    def _gauge_pa(self, now_ns: int) -> tuple[float, float]:
        """What the artery and posture add to the ambient pressure; nobody moves on a bench."""
        held_pa = self.held.at(OUTLET, now_ns)
        if held_pa is not None:
            return held_pa, 0.0
        arterial_pa = self._p.arterial_pressure_pa + self._arterial.at(now_ns)
        return arterial_pa, self._posture.at(now_ns)

    def _body_k(self, now_ns: int) -> float:
        held_k = self.held.at(TEMPERATURE, now_ns)
        if held_k is not None:
            return held_k
        p = self._p
        phase = (now_ns / SECOND_NS - p.circadian_peak_s) / DAY_S
        usual_k = p.body_temperature_k + p.circadian_amplitude_k * cosine(phase)
        return usual_k + self._warmth.at(now_ns)

    def _ambient_pa(self, now_ns: int) -> float:
        """Of the air and of the tissue around the pump; weather weighs less high up."""
        held_pa = self.held.at(AMBIENT, now_ns)
        if held_pa is not None:
            return held_pa
        air_pa = self._home_pa
        if self._altitude.all:
            air_pa = atmosphere_pa(self._p.altitude_m + self._altitude.at(now_ns))
        air_pa += self._weather.at(now_ns) * (air_pa / STANDARD_AMBIENT_PA)
        return air_pa + self._depth.at(now_ns)

    def _courses(self) -> dict[str, Courses]:
        return {"warmth": self._warmth, "altitude": self._altitude, "depth": self._depth}

    def _corners_ns(self) -> list[int]:
        corners = [c for courses in self._courses().values() for c in courses.corners_ns()]
        return corners + self.held.corners_ns()

    def _add(
        self,
        now_ns: int,
        courses: Courses,
        points: Points,
        usual: tuple[float, float],
        bounds: tuple[float, float],
    ) -> None:
        """Add a course if the sum of all, taken at their worst together, stays within bounds."""
        if points and points[0][0] < now_ns:
            message = f"a course cannot begin at {points[0][0]} ns: that has passed"
            raise ValueError(message)
        courses.forget_before(now_ns)
        self._end_ns = -1
        courses.add(points)
        lowest, highest = courses.extremes()
        if not (bounds[0] <= usual[0] + lowest and usual[1] + highest <= bounds[1]):
            courses.all.pop()
            message = f"all courses together leave {bounds[0]:g} to {bounds[1]:g}"
            raise ValueError(message)
