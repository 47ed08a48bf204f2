"""One pump in one patient, for whoever drives it: time, what can be done to it, snapshots.

The state moves on a grid of instants and at events, nowhere else: asking in between moves nothing
(decision 0001). How it moves stands in `pumpsim.plant.physics`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from pumpsim.plant.conditions import check_condition
from pumpsim.plant.held import Shape, check_aim
from pumpsim.plant.ledger import FL_PER_M3, FL_PER_NL, WATER, Fluid, Ledger
from pumpsim.plant.parameters import PatientParameters, PumpParameters
from pumpsim.plant.patient import NODE_NS, SECOND_NS, Points
from pumpsim.plant.physics import MAX_BOLUS_PRESSURE_PA, Injection, Physics, PlantState
from pumpsim.plant.properties import COLDEST_K

STEP_NS: Final = 60 * SECOND_NS
MAX_FILL_K: Final = 323.15
MAX_SYRINGE_NL: Final = 200_000_000
MAX_BOLUS_NL: Final = 60_000_000
VISCOSITY_RATIOS: Final = (0.5, 100.0)


class Plant:
    """One pump in one patient."""

    def __init__(
        self, pump: PumpParameters, patient: PatientParameters, seed: int, step_ns: int = STEP_NS
    ) -> None:
        """An empty pump at instant 0, warm, its catheter filled with water.

        Raises ValueError when `step_ns` does not divide ten minutes, the patient's nodes, or is
        above a minute.
        """
        if not 0 < step_ns <= STEP_NS or NODE_NS % step_ns:
            message = f"step_ns must divide {NODE_NS} and not exceed {STEP_NS}, not {step_ns}"
            raise ValueError(message)
        self.pump = pump
        self.step_ns = step_ns
        self._physics = Physics(pump, patient, seed)
        self._due_ns = self._find_due()

    # ---- what there is

    @property
    def now_ns(self) -> int:
        """The instant the state stands at: of the grid, or an event."""
        return self._physics.now_ns

    @property
    def state(self) -> PlantState:
        """Pressures, temperatures, volumes and flows at `now_ns`."""
        return self._physics.state

    @property
    def ledger(self) -> Ledger:
        """Where all liquid is and went."""
        return self._physics.ledger

    @property
    def given_fl(self) -> int:
        """What the pump made arrive in the artery: not boluses, nor blood that came back out."""
        ledger = self._physics.ledger
        bolus_fl = ledger.injected_fl - self._physics.primed_fl
        return ledger.delivered_fl - bolus_fl - ledger.refluxed_fl

    @property
    def conditions(self) -> dict[str, float]:
        """Faults and wear in force, by their names in `CONDITIONS`."""
        return dict(self._physics.conditions)

    @property
    def held(self) -> dict[str, float]:
        """Where each of the surroundings that a bench holds is kept, or led to."""
        return self._physics.patient.held.aims()

    @property
    def injection(self) -> Injection | None:
        """The bolus under way."""
        return self._physics.injection

    # ---- time

    def next_step_ns(self) -> int:
        """The next instant at which the state moves by itself: of the grid, or an event."""
        return self._due_ns

    def advance(self, until_ns: int) -> None:
        """Every step up to an instant; what lies behind the last one moves nothing yet."""
        while self._due_ns <= until_ns:
            self._physics.step(self._due_ns)
            self._due_ns = self._find_due()

    def split(self, now_ns: int) -> None:
        """Every step up to an instant, and the part of one that leads to it, as for an event."""
        self.advance(now_ns)
        if now_ns > self.now_ns:
            self._physics.step(now_ns)
            self._due_ns = self._find_due()

    # ---- stimuli: each acts at its exact instant, or raises ValueError and changes nothing

    def withdraw(self, now_ns: int, volume_nl: int | None = None) -> int:
        """Draw liquid by needle, or for None all that comes, gas too; returns the liquid, in nl."""
        with self._event(now_ns):
            there_fl = self._physics.ledger.reservoir_fl - round(
                self.pump.unreachable_m3 * FL_PER_M3
            )
            there_nl = max(there_fl, 0) // FL_PER_NL
            if volume_nl is not None and not 0 <= volume_nl <= there_nl:
                message = f"cannot withdraw {_ml(volume_nl)}: a needle reaches {_ml(there_nl)}"
                raise ValueError(message)
            taken_nl = there_nl if volume_nl is None else volume_nl
            self._physics.ledger.withdraw(taken_nl * FL_PER_NL)
            if volume_nl is None:
                self._physics.ledger.withdraw_gas()
        return taken_nl

    def fill(
        self, now_ns: int, volume_nl: int, fluid: Fluid, temperature_k: float = 293.15
    ) -> None:
        """Fill the reservoir by needle; the liquid cools the pump. ValueError above capacity."""
        _check_fluid(fluid)
        if not COLDEST_K <= temperature_k <= MAX_FILL_K:
            message = f"a fill has {COLDEST_K:g} to {MAX_FILL_K:g} K, not {temperature_k}"
            raise ValueError(message)
        with self._event(now_ns):
            self._check_room(volume_nl)
            self._physics.mix_heat(volume_nl, temperature_k)
            self._physics.ledger.fill(volume_nl * FL_PER_NL, fluid)

    def fill_gas(self, now_ns: int, volume_nl: int) -> None:
        """Bring air into the reservoir, a volume at sea level; the propellant compresses it."""
        with self._event(now_ns):
            self._check_room(volume_nl)
            self._physics.ledger.fill_gas(volume_nl * FL_PER_NL)

    def fill_pocket(self, now_ns: int, volume_nl: int, fluid: Fluid = WATER) -> None:
        """A misplaced needle: the liquid goes into the tissue."""
        _check_fluid(fluid)
        if not 0 < volume_nl <= MAX_SYRINGE_NL:
            most = _ml(MAX_SYRINGE_NL)
            message = f"cannot fill {_ml(volume_nl)} into the pocket: above 0, at most {most}"
            raise ValueError(message)
        with self._event(now_ns):
            self._physics.ledger.fill_pocket(volume_nl * FL_PER_NL, fluid)

    def inject_bolus(self, now_ns: int, volume_nl: int, fluid: Fluid, duration_ns: int) -> None:
        """Inject through the bolus path at an even rate; it pushes the catheter's content first."""
        _check_fluid(fluid)
        if not 0 < volume_nl <= MAX_BOLUS_NL or duration_ns <= 0:
            most = _ml(MAX_BOLUS_NL)
            message = f"a bolus takes at most {most} over some time, not {_ml(volume_nl)}"
            raise ValueError(message)
        with self._event(now_ns):
            if self._physics.injection is not None:
                message = "a bolus injection is under way"
                raise ValueError(message)
            rate_m3_per_s = volume_nl * 1e-12 / (duration_ns / SECOND_NS)
            pressure_pa = self._physics.bolus_pressure_pa(rate_m3_per_s)
            if pressure_pa > MAX_BOLUS_PRESSURE_PA:
                message = f"the catheter would need {pressure_pa / 1e3:.0f} kPa: inject more slowly"
                raise ValueError(message)
            end_ns = now_ns + duration_ns
            self._physics.injection = Injection(fluid, rate_m3_per_s, volume_nl * FL_PER_NL, end_ns)

    def set_condition(self, now_ns: int, name: str, value: float) -> None:
        """Set a fault or wear of `CONDITIONS` from now on."""
        check_condition(name, value)
        with self._event(now_ns):
            self._physics.conditions[name] = value

    def warm(self, now_ns: int, points: Points) -> None:
        """Add a course of temperature, (instant in ns, K above the usual)."""
        with self._event(now_ns):
            self._physics.patient.warm(now_ns, points)

    def climb(self, now_ns: int, points: Points) -> None:
        """Add a course of altitude, (instant in ns, m above home)."""
        with self._event(now_ns):
            self._physics.patient.climb(now_ns, points)

    def dive(self, now_ns: int, points: Points) -> None:
        """Add a course of ambient pressure, (instant in ns, Pa above the air's): depth."""
        with self._event(now_ns):
            self._physics.patient.dive(now_ns, points)

    def hold(self, now_ns: int, name: str, aim: float, shape: Shape) -> None:
        """Hold the temperature, the outlet's or the ambient pressure (`pumpsim.plant.held`)."""
        check_aim(name, aim)
        with self._event(now_ns):
            self._physics.patient.hold(now_ns, name, aim, shape)

    def release(self, now_ns: int, name: str) -> None:
        """Let go of what was held, at once; nothing happens to what was not."""
        with self._event(now_ns):
            self._physics.patient.release(name)

    # ---- snapshot

    def snapshot(self) -> dict[str, Any]:
        """The whole state as plain data."""
        return {"step_ns": self.step_ns, **self._physics.snapshot()}

    def restore(self, data: dict[str, Any]) -> None:
        """Take up what `snapshot` gave: going on from it equals going on, bit for bit."""
        self.step_ns = data["step_ns"]
        self._physics.restore(data)
        self._due_ns = self._find_due()

    def _find_due(self) -> int:
        physics = self._physics
        grid_ns = physics.now_ns - physics.now_ns % self.step_ns + self.step_ns
        return grid_ns if grid_ns < physics.event_ns else physics.event_ns

    @contextmanager
    def _event(self, now_ns: int) -> Iterator[None]:
        """Bring the plant to an instant, let a stimulus act, take up what it changed.

        A refusal takes back even the step that led here: a stimulus that is refused must not
        split a step that the same run without it would not split.
        """
        if now_ns < self.now_ns:
            message = f"instant {now_ns} ns has passed: the plant stands at {self.now_ns} ns"
            raise ValueError(message)
        before = self.snapshot()
        try:
            self.split(now_ns)
            yield
        except ValueError:
            self.restore(before)
            raise
        self._physics.settle()
        self._due_ns = self._find_due()

    def _check_room(self, volume_nl: int) -> None:
        taken_fl = self._physics.ledger.reservoir_fl + round(self._physics.gas_m3() * FL_PER_M3)
        room_nl = max(round(self.pump.capacity_m3 * FL_PER_M3) - taken_fl, 0) // FL_PER_NL
        if not 0 < volume_nl <= room_nl:
            message = f"cannot fill {_ml(volume_nl)}: the reservoir has room for {_ml(room_nl)}"
            raise ValueError(message)


def _ml(volume_nl: int) -> str:
    """A volume as people write it, exact: what a refusal names can be asked for."""
    return f"{volume_nl / 1e6:.6f}".rstrip("0").rstrip(".") + " mL"


def _check_fluid(fluid: Fluid) -> None:
    lowest, highest = VISCOSITY_RATIOS
    if not lowest <= fluid.viscosity_ratio <= highest:
        message = f"viscosity_ratio must lie in {lowest} to {highest}, not {fluid.viscosity_ratio}"
        raise ValueError(message)
    if any(concentration < 0 for _, concentration in fluid.drugs):
        message = "a concentration is below 0"
        raise ValueError(message)
