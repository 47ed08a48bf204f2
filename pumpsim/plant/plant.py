"""The pump and the patient as physics: pressures drive liquid through resistances.

The state moves on a grid of instants and at stimuli, nowhere else: asking in between moves nothing
(decision 0001). Volumes live in the ledger; everything else is recomputed from them. A step is the
trapezoidal rule with a predicted end; the catheter's compliance, whose time constant runs from a
tenth of a second to hours, is stepped implicitly, so that it is stable at any of them.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any, Final, NamedTuple

from pumpsim.plant import property_data
from pumpsim.plant.ledger import FL_PER_M3, FL_PER_NL, WATER, Fluid, Ledger
from pumpsim.plant.parameters import ML, PatientParameters, PumpParameters
from pumpsim.plant.patient import SECOND_NS, Patient
from pumpsim.plant.properties import horner, vapour_density_kg_per_m3

YEAR_S: Final = 365.25 * 86_400
STEP_NS: Final = 60 * SECOND_NS
LIQUID_J_PER_M3_K: Final = 4.17e6
MAX_BOLUS_NL: Final = 60_000_000
MAX_BOLUS_PRESSURE_PA: Final = 700_000.0
"""What a hand can press through the bolus path."""


class ConditionLimit(NamedTuple):
    """What a plant condition is without a fault, and how far it can be set."""

    default: float
    lowest: float
    highest: float


CONDITIONS: Final = {
    "restrictor_conductance_factor": ConditionLimit(1.0, 0.0, 100.0),
    "catheter_extra_resistance_ratio": ConditionLimit(0.0, 0.0, 1e6),
    "catheter_disconnected": ConditionLimit(0.0, 0.0, 1.0),
    "septum_leak_ml_per_day": ConditionLimit(0.0, 0.0, 1_000.0),
    "propellant_pressure_factor": ConditionLimit(1.0, 0.0, 2.0),
    "propellant_charge_factor": ConditionLimit(1.0, 0.0, 1.0),
}
"""Faults and wear of the hydraulics that a laboratory can set. `…_ratio` is of the restrictor."""


@dataclass(slots=True)
class PlantState:
    """What sensors could see at `Plant.now_ns`, and what only the laboratory knows."""

    reservoir_pressure_pa: float = 0.0
    catheter_pressure_pa: float = 0.0
    catheter_pulse_pa: float = 0.0
    pocket_pressure_pa: float = 0.0
    arterial_pressure_pa: float = 0.0
    pump_temperature_k: float = 0.0
    body_temperature_k: float = 0.0
    reservoir_volume_m3: float = 0.0
    flow_m3_per_s: float = 0.0
    outflow_m3_per_s: float = 0.0


@dataclass(slots=True)
class Injection:
    """A bolus under way."""

    fluid: Fluid
    rate_m3_per_s: float
    left_fl: int
    end_ns: int


class Plant:
    """One pump in one patient."""

    def __init__(
        self, pump: PumpParameters, patient: PatientParameters, seed: int, step_ns: int = STEP_NS
    ) -> None:
        """An empty pump at instant 0, warm, its catheter filled with water."""
        self.pump = pump
        self.patient = Patient(patient, seed)
        self.step_ns = step_ns
        self.now_ns = 0
        self.ledger = Ledger()
        self.state = PlantState()
        self.conditions = {name: limit.default for name, limit in CONDITIONS.items()}
        self.injection: Injection | None = None
        self._restrictor = pump.restrictor_per_viscosity_per_m3
        self._catheter = pump.catheter_per_viscosity_per_m3
        self._pressure = property_data.VAPOUR_PRESSURE_PA[pump.propellant]
        self.state.pump_temperature_k = self.patient.body_temperature_k(0)
        self._prime()

    # ---- time

    def next_step_ns(self) -> int:
        """The next instant at which the state moves by itself."""
        grid_ns = (self.now_ns // self.step_ns + 1) * self.step_ns
        if self.injection is not None and self.injection.end_ns < grid_ns:
            return self.injection.end_ns
        return grid_ns

    def advance(self, until_ns: int) -> None:
        """Every step up to an instant; what lies behind the last one moves nothing yet."""
        while (step_ns := self.next_step_ns()) <= until_ns:
            self._step_to(step_ns)

    # ---- stimuli: each brings the plant to its instant first, and refuses what cannot be

    def withdraw(self, now_ns: int, volume_nl: int | None = None) -> int:
        """Draw from the reservoir by needle, all that comes for None; returns what came, in nl."""
        self._bring_to(now_ns)
        there_fl = self.ledger.reservoir_fl - round(self.pump.unreachable_m3 * FL_PER_M3)
        there_nl = max(there_fl, 0) // FL_PER_NL
        if volume_nl is not None and not 0 <= volume_nl <= there_nl:
            message = f"cannot withdraw {volume_nl} nl: a needle reaches {there_nl} nl"
            raise ValueError(message)
        taken_nl = there_nl if volume_nl is None else volume_nl
        self.ledger.withdraw(taken_nl * FL_PER_NL)
        self._settle()
        return taken_nl

    def fill(
        self, now_ns: int, volume_nl: int, fluid: Fluid, temperature_k: float = 293.15
    ) -> None:
        """Fill the reservoir by needle; the liquid cools the pump."""
        self._bring_to(now_ns)
        room_fl = round(self.pump.capacity_m3 * FL_PER_M3) - self.ledger.reservoir_fl
        if not 0 < volume_nl <= room_fl // FL_PER_NL:
            message = (
                f"cannot fill {volume_nl} nl: the reservoir has room for {room_fl // FL_PER_NL} nl"
            )
            raise ValueError(message)
        held_j_per_k = self.pump.heat_capacity_j_per_k
        held_j_per_k += LIQUID_J_PER_M3_K * self.state.reservoir_volume_m3
        new_j_per_k = LIQUID_J_PER_M3_K * volume_nl * 1e-12
        warmth = held_j_per_k * self.state.pump_temperature_k + new_j_per_k * temperature_k
        self.state.pump_temperature_k = warmth / (held_j_per_k + new_j_per_k)
        self.ledger.fill(volume_nl * FL_PER_NL, fluid)
        self._settle()

    def fill_pocket(self, now_ns: int, volume_nl: int) -> None:
        """A misplaced needle: the liquid goes into the tissue."""
        self._bring_to(now_ns)
        if volume_nl <= 0:
            message = f"cannot fill {volume_nl} nl into the pocket"
            raise ValueError(message)
        self.ledger.fill_pocket(volume_nl * FL_PER_NL)

    def inject_bolus(self, now_ns: int, volume_nl: int, fluid: Fluid, duration_ns: int) -> None:
        """Inject through the bolus path at an even rate; it pushes the catheter's content first."""
        self._bring_to(now_ns)
        if self.injection is not None:
            message = "a bolus injection is under way"
            raise ValueError(message)
        if not 0 < volume_nl <= MAX_BOLUS_NL or duration_ns <= 0:
            message = f"a bolus takes 0 to {MAX_BOLUS_NL} nl over some time, not {volume_nl} nl"
            raise ValueError(message)
        rate = volume_nl * 1e-12 / (duration_ns / SECOND_NS)
        pressure_pa = rate * self._outlet_resistance(self._viscosity(self.state.pump_temperature_k))
        if pressure_pa > MAX_BOLUS_PRESSURE_PA:
            message = f"the catheter would need {pressure_pa / 1e3:.0f} kPa: inject more slowly"
            raise ValueError(message)
        self.injection = Injection(fluid, rate, volume_nl * FL_PER_NL, now_ns + duration_ns)
        self._settle()

    def set_condition(self, now_ns: int, name: str, value: float) -> None:
        """Set a fault or wear of `CONDITIONS` from now on."""
        limit = CONDITIONS.get(name)
        if limit is None:
            message = f"{name!r} is none of {', '.join(CONDITIONS)}"
            raise ValueError(message)
        if not limit.lowest <= value <= limit.highest:
            message = f"{name} must lie in {limit.lowest:g} to {limit.highest:g}, not {value}"
            raise ValueError(message)
        self._bring_to(now_ns)
        self.conditions[name] = value
        self._settle()

    def warm(self, now_ns: int, points: list[tuple[int, float]]) -> None:
        """Add a course of temperature, (instant in ns, K above the usual)."""
        self._bring_to(now_ns)
        self.patient.forget_before(now_ns)
        self.patient.warm(points)

    def climb(self, now_ns: int, points: list[tuple[int, float]]) -> None:
        """Add a course of altitude, (instant in ns, m above home)."""
        self._bring_to(now_ns)
        self.patient.forget_before(now_ns)
        self.patient.climb(points)

    # ---- snapshot

    def snapshot(self) -> dict[str, Any]:
        """The whole state as plain data."""
        names = [f.name for f in fields(Ledger) if f.name.endswith("_fl")]
        ledger: dict[str, Any] = {name: getattr(self.ledger, name) for name in names}
        ledger["plugs"] = [[_plain(fluid), volume_fl] for fluid, volume_fl in self.ledger.plugs]
        ledger["delivered"] = [[_plain(f), v] for f, v in self.ledger.delivered.items()]
        ledger["fluid"] = _plain(self.ledger.fluid)
        injection = self.injection
        return {
            "now_ns": self.now_ns,
            "step_ns": self.step_ns,
            "ledger": ledger,
            "state": asdict(self.state),
            "conditions": dict(self.conditions),
            "injection": None
            if injection is None
            else {**asdict(injection), "fluid": _plain(injection.fluid)},
            "patient": self.patient.snapshot(),
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take up what `snapshot` gave: going on from it equals going on."""
        self.now_ns = data["now_ns"]
        self.step_ns = data["step_ns"]
        plain = data["ledger"]
        numbers = {f.name: plain[f.name] for f in fields(Ledger) if f.name.endswith("_fl")}
        self.ledger = Ledger(**numbers, fluid=_fluid(plain["fluid"]))
        self.ledger.plugs.extend([_fluid(fluid), volume_fl] for fluid, volume_fl in plain["plugs"])
        self.ledger.delivered.update((_fluid(f), v) for f, v in plain["delivered"])
        self.state = PlantState(**data["state"])
        self.conditions = dict(data["conditions"])
        injection = data["injection"]
        self.injection = (
            None
            if injection is None
            else Injection(**{**injection, "fluid": _fluid(injection["fluid"])})
        )
        self.patient.restore(data["patient"])

    # ---- physics

    def _bring_to(self, now_ns: int) -> None:
        if now_ns < self.now_ns:
            message = f"instant {now_ns} ns has passed: the plant stands at {self.now_ns} ns"
            raise ValueError(message)
        self.advance(now_ns)
        if now_ns > self.now_ns:
            self._step_to(now_ns)

    def _prime(self) -> None:
        """Fill the catheter with water at rest and take up all pressures."""
        state = self.state
        state.body_temperature_k = self.patient.body_temperature_k(0)
        state.pocket_pressure_pa = self.patient.ambient_pa(0)
        state.arterial_pressure_pa = state.pocket_pressure_pa + self.patient.arterial_pa(0)
        state.catheter_pressure_pa = state.arterial_pressure_pa
        self.ledger.inject(round(self.pump.catheter_volume_m3 * FL_PER_M3), WATER)
        self._settle()

    def _settle(self) -> None:
        """Recompute what depends on the volumes and conditions alone, without moving time."""
        self._step(self.now_ns, 0.0)

    def _step_to(self, to_ns: int) -> None:
        self._step(to_ns, (to_ns - self.now_ns) / SECOND_NS)
        if self.injection is not None and self.injection.end_ns <= to_ns:
            self.injection = None

    def _step(self, to_ns: int, span_s: float) -> None:
        """One step of `span_s` seconds that ends at `to_ns`: the hot path."""
        state, pump, patient, conditions = self.state, self.pump, self.patient, self.conditions
        pump_k = self._warm_to(to_ns, span_s)
        pocket_pa = patient.ambient_pa(to_ns)
        arterial_pa = pocket_pa + patient.arterial_pa(to_ns)
        disconnected = conditions["catheter_disconnected"] >= 0.5
        outlet_pa = pocket_pa if disconnected else arterial_pa
        # the reservoir at the end of the step, its volume predicted by the flow so far
        volume_m3 = state.reservoir_volume_m3 - span_s * state.flow_m3_per_s
        reservoir_pa = self._reservoir_pa(volume_m3, pump_k)
        # the catheter: inflow through the restrictor, outflow at the tip, compliance implicit
        viscosity = self._viscosity(pump_k)
        inlet = self._inlet_conductance(viscosity)
        outlet = 1.0 / self._outlet_resistance(viscosity)
        injection = self.injection
        injected = 0.0 if injection is None else injection.rate_m3_per_s
        catheter_pa = state.catheter_pressure_pa
        ratio = span_s / pump.catheter_compliance_m3_per_pa
        gained = inlet * reservoir_pa + outlet * outlet_pa + injected
        new_pa = (catheter_pa + ratio * gained) / (1.0 + ratio * (inlet + outlet))
        flow = inlet * (reservoir_pa - new_pa)
        if span_s > 0.0:
            self._move(span_s, 0.5 * (state.flow_m3_per_s + flow), new_pa - catheter_pa)
        state.pocket_pressure_pa = pocket_pa
        state.arterial_pressure_pa = arterial_pa
        state.reservoir_pressure_pa = reservoir_pa
        state.catheter_pressure_pa = new_pa
        state.catheter_pulse_pa = 0.0 if disconnected else patient.pulse_pa * self._damping()
        state.flow_m3_per_s = flow
        state.outflow_m3_per_s = outlet * (new_pa - outlet_pa)
        state.reservoir_volume_m3 = self.ledger.reservoir_fl / FL_PER_M3
        self.now_ns = to_ns

    def _warm_to(self, to_ns: int, span_s: float) -> float:
        """Body and pump temperature at the end of a step, the pump lagging (trapezoidal rule)."""
        state = self.state
        body_k = self.patient.body_temperature_k(to_ns)
        lag = span_s / (2.0 * self.pump.thermal_time_s)
        pump_k = state.pump_temperature_k
        pump_k = (pump_k + lag * (state.body_temperature_k + body_k - pump_k)) / (1.0 + lag)
        state.body_temperature_k = body_k
        state.pump_temperature_k = pump_k
        return pump_k

    def _move(self, span_s: float, flow_m3_per_s: float, risen_pa: float) -> None:
        """Book the liquid that moved in a step; what the catheter does not store leaves it."""
        ledger = self.ledger
        came_fl = round(flow_m3_per_s * span_s * FL_PER_M3)
        if came_fl >= 0:
            came_fl = min(came_fl, ledger.reservoir_fl)
            ledger.infuse(came_fl)
        else:
            came_fl = -min(-came_fl, ledger.catheter_fl)
            ledger.suck(-came_fl)
        leak = self.conditions["septum_leak_ml_per_day"]
        if leak:
            lost_fl = round(leak * ML / 86_400 * span_s * FL_PER_M3)
            ledger.leak(min(lost_fl, ledger.reservoir_fl))
        injection = self.injection
        if injection is not None:
            bolus_fl = min(round(injection.rate_m3_per_s * span_s * FL_PER_M3), injection.left_fl)
            injection.left_fl -= bolus_fl
            ledger.inject(bolus_fl, injection.fluid)
            came_fl += bolus_fl
        stored_fl = round(self.pump.catheter_compliance_m3_per_pa * risen_pa * FL_PER_M3)
        left_fl = came_fl - stored_fl
        if left_fl >= 0:
            artery = self.conditions["catheter_disconnected"] < 0.5
            ledger.deliver(min(left_fl, ledger.catheter_fl), into_artery=artery)
        else:
            ledger.aspirate(-left_fl)

    def _reservoir_pa(self, volume_m3: float, pump_k: float) -> float:
        """Propellant, bellows and the bellows' end stop."""
        pump = self.pump
        vapour_pa = horner(self._pressure, (pump_k - 303.15) / 30.0)
        charge = self.conditions["propellant_charge_factor"]
        if charge < 1.0 or pump.charge_loss_kg_per_year:
            vapour_pa *= self._saturation(volume_m3, pump_k, charge)
        pressure_pa = vapour_pa * self.conditions["propellant_pressure_factor"]
        pressure_pa += pump.bellows_rate_pa_per_m3 * (volume_m3 - 0.5 * pump.capacity_m3)
        if volume_m3 < pump.stop_begins_m3:
            pressure_pa -= pump.stop_stiffness_pa_per_m3 * (pump.stop_begins_m3 - volume_m3)
        return pressure_pa if pressure_pa > 0.0 else 0.0

    def _saturation(self, volume_m3: float, pump_k: float, charge: float) -> float:
        """1 while there is liquid propellant; below it, the share of the vapour that is left."""
        pump = self.pump
        lost_kg = pump.charge_loss_kg_per_year * (self.now_ns / SECOND_NS / YEAR_S)
        left_kg = max(pump.charge_kg * charge - lost_kg, 0.0)
        gas_m3 = pump.shell_gas_m3 + pump.capacity_m3 - volume_m3
        needed_kg = vapour_density_kg_per_m3(pump.propellant, pump_k) * gas_m3
        return min(left_kg / needed_kg, 1.0)

    def _viscosity(self, pump_k: float) -> float:
        x = (pump_k - 303.15) / 30.0
        return horner(property_data.WATER_VISCOSITY_PA_S, x) * self.ledger.fluid.viscosity_ratio

    def _inlet_conductance(self, viscosity: float) -> float:
        """Of restrictor and filter, in m3/(s Pa)."""
        pump = self.pump
        resistance = self._restrictor * viscosity
        if pump.restrictor_ageing_per_year:
            age_years = self.now_ns / SECOND_NS / YEAR_S
            resistance *= 1.0 + pump.restrictor_ageing_per_year * age_years
        return self.conditions["restrictor_conductance_factor"] / resistance

    def _outlet_resistance(self, viscosity: float) -> float:
        """Of the catheter and what clogs its tip, in Pa s/m3."""
        extra = self.conditions["catheter_extra_resistance_ratio"] * self._restrictor
        return (self._catheter + extra) * viscosity

    def _damping(self) -> float:
        """A clot keeps the pulse from the sensor."""
        return 1.0 / (1.0 + 10.0 * self.conditions["catheter_extra_resistance_ratio"])


def _plain(fluid: Fluid) -> list[Any]:
    return [[list(drug) for drug in fluid.drugs], fluid.viscosity_ratio]


def _fluid(plain: list[Any]) -> Fluid:
    return Fluid(tuple((name, concentration) for name, concentration in plain[0]), plain[1])
