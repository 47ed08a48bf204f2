"""What moves in a pump and its patient, and the step that moves it.

A step takes what surrounds the pump as a straight line, the pump's temperature by the trapezoidal
rule, and the catheter, whose time constant runs from a tenth of a second to hours, by a rational
form of its exponential that is of second order and stable at any of them. Volumes live in the
ledger; pressures and flows follow from them.
"""

from dataclasses import dataclass, fields
from typing import Any, Final

from pumpsim.plant.conditions import CONDITIONS
from pumpsim.plant.hydraulics import Hydraulics
from pumpsim.plant.ledger import FL_PER_M3, WATER, Fluid, Ledger, from_plain, plain
from pumpsim.plant.ledger import restored as restored_ledger
from pumpsim.plant.parameters import PatientParameters, PumpParameters
from pumpsim.plant.patient import SECOND_NS, Patient
from pumpsim.plant.property_data import WATER_FLUIDITY_PER_PA_S
from pumpsim.plant.relaxation import relax

LIQUID_J_PER_M3_K: Final = 4.17e6
"""Heat capacity of water by volume."""
MAX_BOLUS_PRESSURE_PA: Final = 700_000.0
"""What a hand can press through the bolus path."""


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


class Physics:
    """Everything that changes with time, and at which instant it stands."""

    def __init__(self, pump: PumpParameters, patient: PatientParameters, seed: int) -> None:
        """An empty pump at instant 0, warm, its catheter filled with water."""
        self.pump = pump
        self.patient = Patient(patient, seed)
        self.now_ns = 0
        self.event_ns = 0
        self.ledger = Ledger()
        self.state = PlantState()
        self.conditions = {name: limit.default for name, limit in CONDITIONS.items()}
        self.injection: Injection | None = None
        self._dead_m3 = pump.catheter_volume_m3
        self._span_ns = -1
        self._span_s = self._warmed = 0.0  # see `_stretch`
        self._hydraulics = Hydraulics(pump, self.conditions, gas_j_per_k=0.0)
        self._segment = self.patient.segment(0)
        self._prime()

    def snapshot(self) -> dict[str, Any]:
        """All of it as plain data."""
        injection: dict[str, Any] | None = None
        if self.injection is not None:
            injection = {**_flat(self.injection), "fluid": plain(self.injection.fluid)}
        return {
            "now_ns": self.now_ns,
            "ledger": self.ledger.snapshot(),
            "state": _flat(self.state),
            "conditions": dict(self.conditions),
            "injection": injection,
            "patient": self.patient.snapshot(),
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take up what `snapshot` gave."""
        self.now_ns = data["now_ns"]
        self.ledger = restored_ledger(data["ledger"])
        self.state = PlantState(**data["state"])
        self.conditions = dict(data["conditions"])
        injection = data["injection"]
        if injection is not None:
            injection = Injection(**{**injection, "fluid": from_plain(injection["fluid"])})
        self.injection = injection
        self.patient.restore(data["patient"])
        self._arrange()

    def settle(self) -> None:
        """Take up what a stimulus changed, without moving time."""
        self._arrange()
        self.step(self.now_ns)  # pressures and flows of this instant, in the new conditions
        injection = self.injection
        if injection is None:
            return
        if self.bolus_pressure_pa(injection.rate_m3_per_s) > MAX_BOLUS_PRESSURE_PA:
            self.injection = None  # something clogs the way now: the hand gives up
            self.settle()

    def bolus_pressure_pa(self, rate_m3_per_s: float) -> float:
        """What drives an injection at this rate through the catheter, above the outlet."""
        return rate_m3_per_s / (self._hydraulics.outlet_m3 * self.state.fluidity_per_pa_s)

    def gas_m3(self) -> float:
        """Volume of the gas in the reservoir, which keeps the bellows open."""
        gas_j_per_k = self._hydraulics.gas_j_per_k
        if not gas_j_per_k:
            return 0.0
        return gas_j_per_k * self.state.pump_temperature_k / self.state.reservoir_pressure_pa

    def mix_heat(self, volume_nl: int, temperature_k: float) -> None:
        """The pump's temperature once a fill has given its heat to all it touches."""
        held_j_per_k = self.pump.heat_capacity_j_per_k
        held_j_per_k += LIQUID_J_PER_M3_K * (self.ledger.reservoir_fl / FL_PER_M3)
        new_j_per_k = LIQUID_J_PER_M3_K * volume_nl * 1e-12
        warmth_j = held_j_per_k * self.state.pump_temperature_k + new_j_per_k * temperature_k
        self.state.pump_temperature_k = warmth_j / (held_j_per_k + new_j_per_k)

    def step(self, to_ns: int) -> None:
        """One step, at most to the next event: the hot path, in local variables."""
        state, hydraulics, segment = self.state, self._hydraulics, self._segment
        if to_ns - self.now_ns != self._span_ns:
            self._stretch(to_ns - self.now_ns)
        if to_ns >= segment.to_ns:
            segment = self._segment = self.patient.segment(to_ns)
        into_ns = to_ns - segment.from_ns
        body_k = segment.body_k + segment.body_k_per_ns * into_ns
        pocket_pa = segment.ambient_pa + segment.ambient_pa_per_ns * into_ns
        posture_pa = segment.posture_pa + segment.posture_pa_per_ns * into_ns
        arterial_pa = segment.arterial_pa + segment.arterial_pa_per_ns * into_ns + posture_pa
        pump_k = state.pump_temperature_k
        pump_k += self._warmed * (state.body_temperature_k + body_k - 2.0 * pump_k)
        x = (pump_k - 303.15) / 30.0
        c0, c1, c2, c3, c4 = WATER_FLUIDITY_PER_PA_S
        water_per_pa_s = (((c4 * x + c3) * x + c2) * x + c1) * x + c0
        state.pump_temperature_k = pump_k
        state.body_temperature_k = body_k
        state.arterial_pressure_pa = pocket_pa + arterial_pa
        outlet_pa = posture_pa if hydraulics.disconnected else arterial_pa
        fluidity_per_pa_s = water_per_pa_s / self.ledger.fluid.viscosity_ratio
        self._flow(to_ns, pocket_pa, outlet_pa, fluidity_per_pa_s)
        self.now_ns = to_ns
        if to_ns >= self.event_ns:
            self._pass_event()

    def _stretch(self, span_ns: int) -> None:
        """What follows from the length of a step alone: nearly all are as long as the one before.

        The pump lags behind the body, by the trapezoidal rule.
        """
        self._span_ns, self._span_s = span_ns, span_ns / SECOND_NS
        lag = self._span_s / (2.0 * self.pump.thermal_time_s)
        self._warmed = lag / (1.0 + lag)

    def _prime(self) -> None:
        """Fill the catheter with water at rest and take up all pressures."""
        state, segment = self.state, self._segment
        state.body_temperature_k = state.pump_temperature_k = segment.body_k
        state.pocket_pressure_pa = segment.ambient_pa
        gauge_pa = segment.arterial_pa + segment.posture_pa
        state.catheter_pressure_pa = segment.ambient_pa + gauge_pa
        held_m3 = self._dead_m3 + self.pump.catheter_compliance_m3_per_pa * gauge_pa
        self.primed_fl = round(held_m3 * FL_PER_M3)  # of the injected: no bolus
        self.ledger.inject(self.primed_fl, WATER)
        self.settle()

    def _arrange(self) -> None:
        """Work out anew what holds until the next stimulus."""
        gas_j_per_k = self.ledger.gas_j_per_k
        self._hydraulics = Hydraulics(self.pump, self.conditions, gas_j_per_k)
        self._segment = self.patient.segment(self.now_ns)
        pulse_pa = self.patient.pulse_pa * self._hydraulics.pulse_share
        self.state.catheter_pulse_pa = pulse_pa
        self._find_event()

    def _find_event(self) -> None:
        self.event_ns = self.patient.next_corner_ns(self.now_ns)
        if self.injection is not None:
            self.event_ns = min(self.event_ns, self.injection.end_ns)

    def _flow(
        self, to_ns: int, pocket_pa: float, outlet_pa: float, fluidity_per_pa_s: float
    ) -> None:
        """Pressures at the end of a step, and the liquid that moves in it.

        Inside, pressures stand above the pocket's, as the outlet's is given: that is what fills
        the catheter. Names with `old` are of the start of the step.
        """
        state, ledger = self.state, self.ledger
        hydraulics, span_s = self._hydraulics, self._span_s
        liquid_m3 = ledger.reservoir_fl / FL_PER_M3 - span_s * state.flow_m3_per_s  # predicted
        reservoir_pa = hydraulics.reservoir_pa(liquid_m3, state.pump_temperature_k, to_ns)
        old_pocket_pa = state.pocket_pressure_pa
        old_drive_pa = state.reservoir_pressure_pa - old_pocket_pa
        drive_pa = reservoir_pa - pocket_pa
        # where no liquid is left, a wet filter holds the gas back
        wet = hydraulics.inlet_m3 if ledger.reservoir_fl else 0.0
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
        gas_m3 = self.gas_m3() if hydraulics.gas_j_per_k else 0.0
        state.reservoir_volume_m3 = ledger.reservoir_fl / FL_PER_M3 + gas_m3
        state.fluidity_per_pa_s = fluidity_per_pa_s
        state.flow_m3_per_s = inlet_m3 * fluidity_per_pa_s * (drive_pa - catheter_pa)
        state.outflow_m3_per_s = (
            hydraulics.outlet_m3 * fluidity_per_pa_s * (catheter_pa - outlet_pa)
        )

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
        excess_fl = ledger.catheter_fl - (held_fl if held_fl > 0 else 0)
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


def _flat(one: PlantState | Injection) -> dict[str, Any]:
    """Field by field: a stimulus and every look between two steps need it, and it holds no more."""
    return {field.name: getattr(one, field.name) for field in fields(one)}
