"""The patient's life around the pump: warmth, blood pressure, posture, weather, altitude.

Random processes stand on lattices of their own and are interpolated in between, so that neither
the plant's step nor the order of calls has a part in them.
"""

import itertools
from typing import Any, Final

from pumpsim.plant.parameters import STANDARD_AMBIENT_PA, PatientParameters
from pumpsim.plant.properties import atmosphere_pa, cosine
from pumpsim.streams import Stream

SECOND_NS: Final = 1_000_000_000
DAY_S: Final = 86_400.0
ARTERIAL_NODE_NS: Final = 600 * SECOND_NS
POSTURE_NODE_NS: Final = 3_600 * SECOND_NS
WEATHER_NODE_NS: Final = 6 * 3_600 * SECOND_NS
MAX_PROFILES: Final = 1_000


class Lattice:
    """A bounded random process: independent nodes at a fixed spacing, straight lines between."""

    def __init__(self, seed: int, name: str, spacing_ns: int, bound: float) -> None:
        """Values lie in [-bound, bound]."""
        self._stream = Stream(seed, name)
        self._spacing_ns = spacing_ns
        self._scale = bound / 3.0
        self._from_ns = self._to_ns = 0
        self._value = self._slope = 0.0

    def at(self, now_ns: int) -> float:
        """The value at an instant from 0 on."""
        if not self._from_ns <= now_ns < self._to_ns:
            index = now_ns // self._spacing_ns
            self._from_ns = index * self._spacing_ns
            self._to_ns = self._from_ns + self._spacing_ns
            self._value = self._scale * self._stream.noise(index)
            after = self._scale * self._stream.noise(index + 1)
            self._slope = (after - self._value) / self._spacing_ns
        return self._value + (now_ns - self._from_ns) * self._slope


class Profile:
    """A value over time by straight lines between points, 0 before the first and after the last."""

    def __init__(self, points: list[tuple[int, float]]) -> None:
        """`points` are (instant in ns, value), in order of time."""
        self.points = points

    def at(self, now_ns: int) -> float:
        """The value at an instant."""
        points = self.points
        if not points[0][0] <= now_ns < points[-1][0]:
            return 0.0
        for (from_ns, before), (to_ns, after) in itertools.pairwise(points):
            if now_ns < to_ns:
                return before + (after - before) * ((now_ns - from_ns) / (to_ns - from_ns))
        return 0.0


class Patient:
    """What surrounds the pump at any instant; profiles are added as life goes on."""

    def __init__(self, parameters: PatientParameters, seed: int) -> None:
        """A patient whose randomness follows from the seed."""
        self._p = parameters
        self._arterial = Lattice(
            seed, "arterial pressure", ARTERIAL_NODE_NS, parameters.arterial_variation_pa
        )
        self._posture = Lattice(seed, "posture", POSTURE_NODE_NS, parameters.posture_pa)
        self._weather = Lattice(seed, "weather", WEATHER_NODE_NS, parameters.weather_pa)
        self._base_pa = atmosphere_pa(parameters.altitude_m)
        self._warmth: list[Profile] = []
        self._altitude: list[Profile] = []

    def warm(self, points: list[tuple[int, float]]) -> None:
        """Add a course of temperature above the usual, in K: a fever, a bath."""
        self._add(self._warmth, points)

    def climb(self, points: list[tuple[int, float]]) -> None:
        """Add a course of altitude above home, in m; ValueError outside the atmosphere's table."""
        for _, altitude_m in points:
            atmosphere_pa(self._p.altitude_m + altitude_m)
        self._add(self._altitude, points)

    def body_temperature_k(self, now_ns: int) -> float:
        """Temperature around the pump."""
        p = self._p
        phase = (now_ns / SECOND_NS - p.circadian_peak_s) / DAY_S
        temperature_k = p.body_temperature_k + p.circadian_amplitude_k * cosine(phase)
        for profile in self._warmth:
            temperature_k += profile.at(now_ns)
        return temperature_k

    def ambient_pa(self, now_ns: int) -> float:
        """Pressure of the air, and of the tissue around the pump."""
        pressure_pa = self._base_pa
        if self._altitude:
            altitude_m = self._p.altitude_m + sum(p.at(now_ns) for p in self._altitude)
            pressure_pa = atmosphere_pa(altitude_m)
        return pressure_pa + self._weather.at(now_ns) * (pressure_pa / STANDARD_AMBIENT_PA)

    def arterial_pa(self, now_ns: int) -> float:
        """Mean pressure at the catheter tip above ambient, posture included."""
        p = self._p
        return p.arterial_pressure_pa + self._arterial.at(now_ns) + self._posture.at(now_ns)

    @property
    def pulse_pa(self) -> float:
        """Amplitude of the arterial pulse."""
        return self._p.pulse_amplitude_pa

    def forget_before(self, now_ns: int) -> None:
        """Drop the courses that are over."""
        for profiles in (self._warmth, self._altitude):
            profiles[:] = [p for p in profiles if p.points[-1][0] > now_ns]

    def snapshot(self) -> dict[str, Any]:
        """The courses that were added; all else follows from seed and parameters."""
        return {
            "warmth": [p.points for p in self._warmth],
            "altitude": [p.points for p in self._altitude],
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take up what `snapshot` gave."""
        self._warmth = [Profile([(t, v) for t, v in points]) for points in data["warmth"]]
        self._altitude = [Profile([(t, v) for t, v in points]) for points in data["altitude"]]

    @staticmethod
    def _add(profiles: list[Profile], points: list[tuple[int, float]]) -> None:
        if len(profiles) >= MAX_PROFILES:
            message = f"more than {MAX_PROFILES} courses at once"
            raise ValueError(message)
        profiles.append(Profile(points))
