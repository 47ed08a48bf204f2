"""One life without faults: every alarm in it is judged on the truth."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from protocol.control import Outcome, Readings
from protocol.messages import Packet
from protocol.vocabulary import AlarmId, ResetCause
from pumpsim.comparison import compare
from pumpsim.device import Device
from pumpsim.performance.ordinary import DAY_NS, HOUR_NS, Happening, life
from pumpsim.performance.truth import PREDICATES, Dose, Minute, Truth
from pumpsim.pumpfile import FillSection, PumpFile
from pumpsim.scenario.programmer import DeviceBedside
from pumpsim.scenario.visits import Clinic, PerfusionCheck, Refill
from pumpsim.tap import Tap
from pumpsim.trace import Trace

YEAR_DAYS: Final = 365
NL_PER_H: Final = 3_600e12
"""Of a cubic metre per second."""
LOOK_NS: Final = 307 * HOUR_NS
"""Over the years a look comes at every hour of the day, and at every day between two refills."""
FL_PER_NL: Final = 1_000_000
NL_PER_ML: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Life:
    """What came of one life."""

    seed: int
    days: float
    digest: str
    false: dict[str, int] = field(default_factory=dict)
    true: dict[str, int] = field(default_factory=dict)
    looks: int = 0
    excusable: dict[str, int] = field(default_factory=dict)
    """At how many looks each alarm would have been true, had it sounded."""
    outside: dict[str, int] = field(default_factory=dict)
    """At how many hours what was believed of a quantity did not hold its truth."""
    refused: tuple[str, ...] = ()


class Witness:
    """A `Tap` that keeps the truth of the last hours and judges every alarm by it."""

    def __init__(self, trace: Trace) -> None:
        """Call `meet` before the pump is implanted."""
        self.trace = trace
        self.false: Counter[AlarmId] = Counter()
        self.true: Counter[AlarmId] = Counter()
        self.excusable: Counter[AlarmId] = Counter()
        self.outside: Counter[str] = Counter()
        self.looks = 0
        self._device: Device | None = None
        self.truth: Truth | None = None
        self._seen: set[int] = set()

    def meet(self, device: Device) -> None:
        """The pump it looks at."""
        self._device = device
        configuration = device.report.configuration
        assert configuration is not None  # every pump file has one
        self.truth = Truth(configuration)
        self.prescribe()

    def prescribe(self) -> None:
        """Another fill: from now on what is in the reservoir is meant, at the nominal flow.

        What a syringe leaves behind mixes in: 28 mL over 0.6 mL are 2 % thinner than declared, and
        saline is no more without drug. No sensor sees either.
        """
        if self.truth is not None and self._device is not None:
            nominal = self.truth.configuration.nominal_flow_nl_per_h
            drugs = self._device.plant.ledger.fluid.drugs
            concentration_ng_per_ml = sum(concentration for _, concentration in drugs)
            self.truth.prescribed_ng_per_h = nominal * concentration_ng_per_ml / NL_PER_ML
            self.truth.filled_ns = self._device.now_ns

    def sampled(self, now_ns: int, ticks: int, readings: Readings) -> None:
        """The plant stands at this instant: the hot path."""
        self.trace.sampled(now_ns, ticks, readings)
        device, truth = self._device, self.truth
        if device is None or truth is None:
            return
        state = device.plant.state
        minute = Minute(
            now_ns,
            state.flow_m3_per_s * NL_PER_H,
            state.pump_temperature_k * 1e3,
            state.pocket_pressure_pa,
            device.plant.ledger.reservoir_fl / FL_PER_NL,
        )
        truth.minutes.append(minute)
        self._note_dose(device, truth, now_ns)
        if now_ns >= (self.looks + 1) * LOOK_NS:
            self.looks += 1
            self.excusable.update(alarm for alarm in PREDICATES if truth.held(alarm))

    def hour(self, now_ns: int) -> None:
        """Time to lay truth beside belief: the interval holds it (FLW-01, RES-01, DOS-01)."""
        self.trace.hour(now_ns)
        if self._device is None:
            return
        rows = compare(self._device)
        judged = {name: rows[name] for name in ("flow_nl_per_h", "residual_nl", "delivered_nl")}
        judged |= {f"dose of {drug}, ng": row for drug, row in rows["doses_ng"].items()}
        for quantity, row in judged.items():
            if row["low"] is not None and not row["low"] <= row["truth"] <= row["high"]:
                self.outside[quantity] += 1

    def decided(self, now_ns: int, ticks: int, outcome: Outcome) -> None:
        """The logic said something; an occurrence is judged when it is first heard of."""
        self.trace.decided(now_ns, ticks, outcome)
        for news in outcome.alarms:
            if news.occurrence not in self._seen:
                self._seen.add(news.occurrence)
                self._judge(news.alarm, now_ns)

    def _judge(self, alarm: AlarmId, now_ns: int) -> None:
        device, truth = self._device, self.truth
        if device is None or truth is None:
            return
        self._note_dose(device, truth, now_ns)
        (self.true if truth.held(alarm) else self.false)[alarm] += 1

    def _note_dose(self, device: Device, truth: Truth, now_ns: int) -> None:
        ledger = device.plant.ledger
        dose_ng = sum(ledger.doses_ng().values())
        stretch_fl = ledger.catheter_fl - truth.configuration.catheter_volume_nl * FL_PER_NL
        unstretched_ng = dose_ng + sum(ledger.at_tip_ng(stretch_fl).values())
        truth.battery_mv = device.sensors.battery.voltage_mv(now_ns)
        truth.doses.append(Dose(now_ns, dose_ng, unstretched_ng, truth.prescribed_ng_per_h))

    def booted(self, now_ns: int, cause: ResetCause, boot_id: int) -> None:
        """A life of the device began."""
        self.trace.booted(now_ns, cause, boot_id)

    def received(self, now_ns: int, link: str, packet: Packet) -> None:
        """A packet came in."""
        self.trace.received(now_ns, link, packet)

    def sent(self, now_ns: int, link: str, packet: Packet) -> None:
        """A packet went out."""
        self.trace.sent(now_ns, link, packet)

    def stimulated(self, now_ns: int, stimulus: Any) -> None:
        """The laboratory or the patient's life acted."""
        self.trace.stimulated(now_ns, stimulus)


def live(
    pump: PumpFile,
    seed: int,
    days: float,
    stop: Callable[[], bool] = lambda: False,
    *,
    make: Callable[[PumpFile, int, Tap], Device] = Device,
) -> Life | None:
    """A life of so many days in the pump that `make` makes; None when it was to stop before."""
    witness = Witness(Trace())
    device = make(pump, seed, witness)
    witness.meet(device)
    witness.trace.begin(device, "ordinary life")
    device.implant()
    fills = {
        "FUDR": pump.fill,
        "saline": FillSection.model_validate({"drug": "saline", "concentration": "0 mg/mL"}),
    }
    clinic = Clinic(DeviceBedside(device), pump, fills)
    unreachable_nl = round(device.plant.pump.unreachable_m3 * 1e12)
    length_ns = round(days * DAY_NS)
    for happening in life(seed, length_ns):
        if stop():
            return None
        device.advance(happening.at_ns)
        _happen(clinic, witness, happening, unreachable_nl)
    device.advance(length_ns)
    return Life(
        seed,
        days,
        witness.trace.end(),
        _named(witness.false),
        _named(witness.true),
        witness.looks,
        _named(witness.excusable),
        dict(sorted(witness.outside.items())),
        tuple(reason for _, reason in clinic.journal.refusals),
    )


def _happen(clinic: Clinic, witness: Witness, happening: Happening, unreachable_nl: int) -> None:
    match happening.kind:
        case "refill":
            clinic.receive(_refill(clinic, happening.fields, unreachable_nl))
            witness.prescribe()
        case "perfusion_check":
            clinic.receive(PerfusionCheck(kind="perfusion_check", **happening.fields))
        case _:
            clinic.act(happening.kind, **happening.fields)


def _refill(clinic: Clinic, fields: dict[str, Any], unreachable_nl: int) -> Refill:
    """An honest one: what is declared is what was read off the syringe."""
    comes_nl = clinic.bedside.residual_nl() - unreachable_nl
    drawn_error, filled_error = fields["errors"]
    filled_nl = round(fields["volume_ml"] * NL_PER_ML)
    declared = {
        "volume": filled_nl,
        "declared_volume": round(filled_nl * (1 + filled_error)),
        "declared_withdrawn": round(comes_nl * (1 + drawn_error)),
    }
    volumes = {name: f"{volume_nl} nL" for name, volume_nl in declared.items()}
    return Refill.model_validate({"kind": "refill", "fill": fields["fill"], **volumes})


def _named(counts: Counter[AlarmId]) -> dict[str, int]:
    return {alarm.name.lower(): count for alarm, count in sorted(counts.items())}
