"""The pump and the patient as physics: pressures drive liquid through resistances.

The state moves on a grid of instants and at events, nowhere else: asking in between moves nothing
(decision 0001). Volumes live in the ledger. A step takes what surrounds the pump as a straight
line, the pump's temperature by the trapezoidal rule, and the catheter, whose time constant runs
from a tenth of a second to hours, by a rational form of its exponential that is of second order
and stable at any of them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final

from pumpsim.plant.conditions import CONDITIONS, check_condition
from pumpsim.plant.hydraulics import Hydraulics
from pumpsim.plant.ledger import FL_PER_M3, FL_PER_NL, WATER, Fluid, Ledger, from_plain, plain
from pumpsim.plant.ledger import restored as restored_ledger
from pumpsim.plant.parameters import PatientParameters, PumpParameters
from pumpsim.plant.patient import NODE_NS, SECOND_NS, Patient, Points
from pumpsim.plant.properties import COLDEST_K
from pumpsim.plant.property_data import WATER_FLUIDITY_PER_PA_S

STEP_NS: Final = 60 * SECOND_NS
LIQUID_J_PER_M3_K: Final = 4.17e6
"""Heat capacity of water by volume."""
MAX_FILL_K: Final = 323.15
MAX_SYRINGE_NL: Final = 200_000_000
MAX_BOLUS_NL: Final = 60_000_000
MAX_BOLUS_PRESSURE_PA: Final = 700_000.0
"""What a hand can press through the bolus path."""
VISCOSITY_RATIOS: Final = (0.5, 100.0)


@dataclass(slots=True)
class PlantState:
    """What sensors could see at `Plant.now_ns`, and what only the laboratory knows.

    Pressures are absolute, the pulse an amplitude. The outlet is the catheter's tip: the artery,
    or the tissue when the catheter has come off. Fluidity (1 / viscosity) is the infusate's.
    """

    reservoir_pressure_pa: float = 0.0
    catheter_pressure_pa: float = 0.0
    catheter_pulse_pa: float = 0.0
    pocket_pressure_pa: float = 0.0
    arterial_pressure_pa: float = 0.0
    outlet_pressure_pa: float = 0.0
    pump_temperature_k: float = 0.0
    body_temperature_k: float = 0.0
    reservoir_volume_m3: float = 0.0
    fluidity_per_pa_s: float = 0.0
    flow_m3_per_s: float = 0.0
    outflow_m3_per_s: float = 0.0


@dataclass(slots=True)
class Injection:
    """A bolus under way; `left_fl` go in evenly until `end_ns`."""

    fluid: Fluid
    rate_m3_per_s: float
    left_fl: int
    end_ns: int


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
        self.patient = Patient(patient, seed)
        self.step_ns = step_ns
        self.now_ns = 0
        self.ledger = Ledger()
        self.state = PlantState()
        self.conditions = {name: limit.default for name, limit in CONDITIONS.items()}
        self.injection: Injection | None = None
        self._dead_m3 = pump.catheter_volume_m3
        self._double_lag_s = 2.0 * pump.thermal_time_s
        self._hydraulics = Hydraulics(pump, self.conditions, gas_j_per_k=0.0)
        self._segment = self.patient.segment(0)
        self._event_ns = self._due_ns = 0
        self._prime()

    # ---- time

    def next_step_ns(self) -> int:
        """The next instant at which the state moves by itself: of the grid, or an event."""
        return self._due_ns

    def advance(self, until_ns: int) -> None:
        """Every step up to an instant; what lies behind the last one moves nothing yet."""
        while self._due_ns <= until_ns:
            self._step(self._due_ns)

    # ---- stimuli: each acts at its exact instant, or raises ValueError and changes nothing

    def withdraw(self, now_ns: int, volume_nl: int | None = None) -> int:
        """Draw liquid by needle, or for None all that comes, gas too; returns the liquid, in nl."""
        with self._event(now_ns):
            there_fl = self.ledger.reservoir_fl - round(self.pump.unreachable_m3 * FL_PER_M3)
            there_nl = max(there_fl, 0) // FL_PER_NL
            if volume_nl is not None and not 0 <= volume_nl <= there_nl:
                message = f"cannot withdraw {volume_nl} nl: a needle reaches {there_nl} nl"
                raise ValueError(message)
            taken_nl = there_nl if volume_nl is None else volume_nl
            self.ledger.withdraw(taken_nl * FL_PER_NL)
            if volume_nl is None:
                self.ledger.withdraw_gas()
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
            self._mix_heat(volume_nl, temperature_k)
            self.ledger.fill(volume_nl * FL_PER_NL, fluid)

    def fill_gas(self, now_ns: int, volume_nl: int) -> None:
        """Bring air into the reservoir, a volume at sea level; the propellant compresses it."""
        with self._event(now_ns):
            self._check_room(volume_nl)
            self.ledger.fill_gas(volume_nl * FL_PER_NL)

    def fill_pocket(self, now_ns: int, volume_nl: int, fluid: Fluid = WATER) -> None:
        """A misplaced needle: the liquid goes into the tissue."""
        _check_fluid(fluid)
        if not 0 < volume_nl <= MAX_SYRINGE_NL:
            message = f"cannot fill {volume_nl} nl into the pocket: 1 to {MAX_SYRINGE_NL} nl"
            raise ValueError(message)
        with self._event(now_ns):
            self.ledger.fill_pocket(volume_nl * FL_PER_NL, fluid)

    def inject_bolus(self, now_ns: int, volume_nl: int, fluid: Fluid, duration_ns: int) -> None:
        """Inject through the bolus path at an even rate; it pushes the catheter's content first."""
        _check_fluid(fluid)
        if not 0 < volume_nl <= MAX_BOLUS_NL or duration_ns <= 0:
            message = f"a bolus takes 1 to {MAX_BOLUS_NL} nl over some time, not {volume_nl} nl"
            raise ValueError(message)
        with self._event(now_ns):
            if self.injection is not None:
                message = "a bolus injection is under way"
                raise ValueError(message)
            rate_m3_per_s = volume_nl * 1e-12 / (duration_ns / SECOND_NS)
            pressure_pa = self._bolus_pressure_pa(rate_m3_per_s)
            if pressure_pa > MAX_BOLUS_PRESSURE_PA:
                message = f"the catheter would need {pressure_pa / 1e3:.0f} kPa: inject more slowly"
                raise ValueError(message)
            end_ns = now_ns + duration_ns
            self.injection = Injection(fluid, rate_m3_per_s, volume_nl * FL_PER_NL, end_ns)

    def set_condition(self, now_ns: int, name: str, value: float) -> None:
        """Set a fault or wear of `CONDITIONS` from now on."""
        check_condition(name, value)
        with self._event(now_ns):
            self.conditions[name] = value

    def warm(self, now_ns: int, points: Points) -> None:
        """Add a course of temperature, (instant in ns, K above the usual)."""
        with self._event(now_ns):
            self.patient.warm(now_ns, points)

    def climb(self, now_ns: int, points: Points) -> None:
        """Add a course of altitude, (instant in ns, m above home)."""
        with self._event(now_ns):
            self.patient.climb(now_ns, points)

    def dive(self, now_ns: int, points: Points) -> None:
        """Add a course of ambient pressure, (instant in ns, Pa above the air's): depth."""
        with self._event(now_ns):
            self.patient.dive(now_ns, points)

    # ---- snapshot

    def snapshot(self) -> dict[str, Any]:
        """The whole state as plain data."""
        injection: dict[str, Any] | None = None
        if self.injection is not None:
            injection = {**asdict(self.injection), "fluid": plain(self.injection.fluid)}
        return {
            "now_ns": self.now_ns,
            "step_ns": self.step_ns,
            "ledger": self.ledger.snapshot(),
            "state": asdict(self.state),
            "conditions": dict(self.conditions),
            "injection": injection,
            "patient": self.patient.snapshot(),
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take up what `snapshot` gave: going on from it equals going on, bit for bit."""
        self.now_ns = data["now_ns"]
        self.step_ns = data["step_ns"]
        self.ledger = restored_ledger(data["ledger"])
        self.state = PlantState(**data["state"])
        self.conditions = dict(data["conditions"])
        injection = data["injection"]
        if injection is not None:
            injection = Injection(**{**injection, "fluid": from_plain(injection["fluid"])})
        self.injection = injection
        self.patient.restore(data["patient"])
        self._arrange()

    # ---- physics

    def _prime(self) -> None:
        """Fill the catheter with water at rest and take up all pressures."""
        state, segment = self.state, self._segment
        state.body_temperature_k = state.pump_temperature_k = segment.body_k
        state.pocket_pressure_pa = segment.ambient_pa
        gauge_pa = segment.arterial_pa + segment.posture_pa
        state.catheter_pressure_pa = segment.ambient_pa + gauge_pa
        held_m3 = self._dead_m3 + self.pump.catheter_compliance_m3_per_pa * gauge_pa
        self.ledger.inject(round(held_m3 * FL_PER_M3), WATER)
        self._settle()

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
            self.advance(now_ns)
            if now_ns > self.now_ns:
                self._step(now_ns)
            yield
        except ValueError:
            self.restore(before)
            raise
        self._settle()

    def _check_room(self, volume_nl: int) -> None:
        taken_fl = self.ledger.reservoir_fl + round(self._gas_m3() * FL_PER_M3)
        room_nl = max(round(self.pump.capacity_m3 * FL_PER_M3) - taken_fl, 0) // FL_PER_NL
        if not 0 < volume_nl <= room_nl:
            message = f"cannot fill {volume_nl} nl: the reservoir has room for {room_nl} nl"
            raise ValueError(message)

    def _gas_m3(self) -> float:
        """Volume of the gas in the reservoir, which keeps the bellows open."""
        gas_j_per_k = self._hydraulics.gas_j_per_k
        if not gas_j_per_k:
            return 0.0
        return gas_j_per_k * self.state.pump_temperature_k / self.state.reservoir_pressure_pa

    def _mix_heat(self, volume_nl: int, temperature_k: float) -> None:
        """The pump's temperature once a fill has given its heat to all it touches."""
        held_j_per_k = self.pump.heat_capacity_j_per_k
        held_j_per_k += LIQUID_J_PER_M3_K * (self.ledger.reservoir_fl / FL_PER_M3)
        new_j_per_k = LIQUID_J_PER_M3_K * volume_nl * 1e-12
        warmth_j = held_j_per_k * self.state.pump_temperature_k + new_j_per_k * temperature_k
        self.state.pump_temperature_k = warmth_j / (held_j_per_k + new_j_per_k)

    def _settle(self) -> None:
        """Take up what a stimulus changed, without moving time."""
        self._arrange()
        self._step(self.now_ns)  # pressures and flows of this instant, in the new conditions
        injection = self.injection
        if injection is None:
            return
        if self._bolus_pressure_pa(injection.rate_m3_per_s) > MAX_BOLUS_PRESSURE_PA:
            self.injection = None  # something clogs the way now: the hand gives up
            self._settle()

    def _arrange(self) -> None:
        """Work out anew what holds until the next stimulus."""
        gas_j_per_k = self.ledger.gas_j_per_k
        self._hydraulics = Hydraulics(self.pump, self.conditions, gas_j_per_k)
        self._segment = self.patient.segment(self.now_ns)
        pulse_pa = self.patient.pulse_pa * self._hydraulics.pulse_share
        self.state.catheter_pulse_pa = pulse_pa
        self._find_event()
        grid_ns = (self.now_ns // self.step_ns + 1) * self.step_ns
        self._due_ns = min(grid_ns, self._event_ns)

    def _find_event(self) -> None:
        self._event_ns = self.patient.next_corner_ns(self.now_ns)
        if self.injection is not None:
            self._event_ns = min(self._event_ns, self.injection.end_ns)

    def _bolus_pressure_pa(self, rate_m3_per_s: float) -> float:
        return rate_m3_per_s / (self._hydraulics.outlet_m3 * self.state.fluidity_per_pa_s)

    def _step(self, to_ns: int) -> None:
        """One step, at most to the next event: the hot path, in local variables."""
        state, hydraulics, segment = self.state, self._hydraulics, self._segment
        span_s = (to_ns - self.now_ns) / SECOND_NS
        if to_ns >= segment.to_ns:
            segment = self._segment = self.patient.segment(to_ns)
        into_ns = to_ns - segment.from_ns
        body_k = segment.body_k + segment.body_k_per_ns * into_ns
        pocket_pa = segment.ambient_pa + segment.ambient_pa_per_ns * into_ns
        posture_pa = segment.posture_pa + segment.posture_pa_per_ns * into_ns
        arterial_pa = segment.arterial_pa + segment.arterial_pa_per_ns * into_ns + posture_pa
        # the pump lags behind the body (trapezoidal rule)
        pump_k = state.pump_temperature_k
        lag = span_s / self._double_lag_s
        pump_k += lag / (1.0 + lag) * (state.body_temperature_k + body_k - 2.0 * pump_k)
        x = (pump_k - 303.15) / 30.0
        c0, c1, c2, c3, c4 = WATER_FLUIDITY_PER_PA_S
        water_per_pa_s = (((c4 * x + c3) * x + c2) * x + c1) * x + c0
        state.pump_temperature_k = pump_k
        state.body_temperature_k = body_k
        state.arterial_pressure_pa = pocket_pa + arterial_pa
        outlet_pa = posture_pa if hydraulics.disconnected else arterial_pa
        fluidity_per_pa_s = water_per_pa_s / self.ledger.fluid.viscosity_ratio
        self._flow(to_ns, span_s, pocket_pa, outlet_pa, fluidity_per_pa_s)
        self.now_ns = to_ns
        if to_ns >= self._event_ns:
            self._pass_event()
        grid_ns = to_ns - to_ns % self.step_ns + self.step_ns
        self._due_ns = grid_ns if grid_ns < self._event_ns else self._event_ns

    def _flow(
        self,
        to_ns: int,
        span_s: float,
        pocket_pa: float,
        outlet_pa: float,
        fluidity_per_pa_s: float,
    ) -> None:
        """Pressures at the end of a step, and the liquid that moves in it.

        Inside, pressures stand above the pocket's, as the outlet's is given: that is what fills
        the catheter. Names with `old` are of the start of the step.
        """
        state, hydraulics = self.state, self._hydraulics
        liquid_m3 = self.ledger.reservoir_fl / FL_PER_M3 - span_s * state.flow_m3_per_s  # predicted
        reservoir_pa = hydraulics.reservoir_pa(liquid_m3, state.pump_temperature_k, to_ns)
        old_pocket_pa = state.pocket_pressure_pa
        old_drive_pa = state.reservoir_pressure_pa - old_pocket_pa
        drive_pa = reservoir_pa - pocket_pa
        # where no liquid is left, a wet filter holds the gas back
        wet = hydraulics.inlet_m3 if self.ledger.reservoir_fl else 0.0
        inlet_m3 = wet / (1.0 + hydraulics.ageing_per_ns * to_ns)
        mean_per_pa_s = 0.5 * (state.fluidity_per_pa_s + fluidity_per_pa_s)
        inlet = inlet_m3 * mean_per_pa_s
        outlet = hydraulics.outlet_m3 * mean_per_pa_s
        both = inlet + outlet
        injected = 0.0 if self.injection is None else self.injection.rate_m3_per_s
        old_outlet_pa = state.outlet_pressure_pa - old_pocket_pa
        catheter_pa, mean_pa = relax(
            span_s * both / hydraulics.compliance_m3_per_pa,
            state.catheter_pressure_pa - old_pocket_pa,
            (inlet * old_drive_pa + injected + outlet * old_outlet_pa) / both,
            (inlet * drive_pa + injected + outlet * outlet_pa) / both,
        )
        mean_drive_pa = 0.5 * (old_drive_pa + drive_pa)
        came_m3 = inlet * (mean_drive_pa - mean_pa) * span_s
        held_m3 = self._dead_m3 + hydraulics.compliance_m3_per_pa * catheter_pa
        self._book(span_s, round(came_m3 * FL_PER_M3), round(held_m3 * FL_PER_M3), mean_drive_pa)
        state.reservoir_pressure_pa = reservoir_pa
        state.catheter_pressure_pa = pocket_pa + catheter_pa
        state.pocket_pressure_pa = pocket_pa
        state.outlet_pressure_pa = pocket_pa + outlet_pa
        gas_m3 = self._gas_m3() if hydraulics.gas_j_per_k else 0.0
        state.reservoir_volume_m3 = self.ledger.reservoir_fl / FL_PER_M3 + gas_m3
        state.fluidity_per_pa_s = fluidity_per_pa_s
        state.flow_m3_per_s = inlet_m3 * fluidity_per_pa_s * (drive_pa - catheter_pa)
        outlet_m3 = hydraulics.outlet_m3
        state.outflow_m3_per_s = outlet_m3 * fluidity_per_pa_s * (catheter_pa - outlet_pa)

    def _book(self, span_s: float, came_fl: int, held_fl: int, drive_pa: float) -> None:
        """Move the step's liquid in the ledger; what the catheter cannot hold leaves it."""
        ledger = self.ledger
        if came_fl >= 0:
            ledger.infuse(came_fl if came_fl < ledger.reservoir_fl else ledger.reservoir_fl)
        else:
            ledger.suck(min(-came_fl, ledger.catheter_fl))
        if self._hydraulics.leak_m3_per_s_pa and drive_pa > 0.0:
            lost_fl = round(self._hydraulics.leak_m3_per_s_pa * drive_pa * span_s * FL_PER_M3)
            ledger.leak(min(lost_fl, ledger.reservoir_fl))
        if self.injection is not None:
            self._inject(self.injection, span_s)
        excess_fl = ledger.catheter_fl - max(held_fl, 0)
        if excess_fl < 0:
            ledger.aspirate(-excess_fl)
        elif excess_fl:
            (ledger.spill if self._hydraulics.disconnected else ledger.deliver)(excess_fl)

    def _inject(self, injection: Injection, span_s: float) -> None:
        """The injection's share of a step; its end leaves no rest."""
        left_s = (injection.end_ns - self.now_ns) / SECOND_NS
        bolus_fl = round(injection.left_fl * (span_s / left_s))
        injection.left_fl -= bolus_fl
        self.ledger.inject(bolus_fl, injection.fluid)

    def _pass_event(self) -> None:
        if self.injection is not None and self.injection.end_ns <= self.now_ns:
            self.injection = None
        self._find_event()


def relax(spans: float, old: float, old_aim: float, aim: float) -> tuple[float, float]:
    """End and mean of a value that follows an aim; the aim moves in a straight line.

    `spans` is the step over the time constant, from 0 to anything. In place of exp(-spans) stands
    1 / (1 + spans + spans^2 / 2): the same to second order, 0 far out, made of exact operations.
    """
    left = 1.0 / (1.0 + spans + 0.5 * spans * spans)
    mean_left = (1.0 + 0.5 * spans) * left  # (1 - left) / spans
    behind = 0.5 * (1.0 + spans) * left  # (1 - mean_left) / spans
    moved, off = aim - old_aim, old - old_aim
    end = aim + off * left - moved * mean_left
    return end, old_aim + 0.5 * moved + off * mean_left - moved * behind


def _check_fluid(fluid: Fluid) -> None:
    lowest, highest = VISCOSITY_RATIOS
    if not lowest <= fluid.viscosity_ratio <= highest:
        message = f"viscosity_ratio must lie in {lowest} to {highest}, not {fluid.viscosity_ratio}"
        raise ValueError(message)
    if any(concentration < 0 for _, concentration in fluid.drugs):
        message = "a concentration is below 0"
        raise ValueError(message)
