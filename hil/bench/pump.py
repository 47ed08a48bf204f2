"""What scripts ask of the pump itself, as plain data for the journal."""

from typing import Any, Final, TypeVar

from hil.bench.run import Run
from hil.errors import PeerError, RigError
from hil.exchange import told
from protocol import messages as m
from protocol.vocabulary import Capability, RefillReason, Refusal

NL_PER_ML: Final = 1e6
NL_PER_H_PER_ML_PER_DAY: Final = 1e6 / 24
A = TypeVar("A")


def nominal_ml_per_day(run: Run) -> float:
    """The flow that is prescribed, by the pump's own configuration."""
    value: float = run.step("nominal flow", lambda: configuration(run)["nominal_ml_per_day"])
    return value


def configuration(run: Run) -> dict[str, Any]:
    """What scripts need of it; PeerError when there is none."""
    report = given(run.rig.dut.read_configuration())
    if report.configuration is None:
        raise PeerError("the device has no configuration: write one first")
    found = report.configuration
    return {
        "nominal_ml_per_day": found.nominal_flow_nl_per_h / NL_PER_H_PER_ML_PER_DAY,
        "catheter_ml": found.catheter_volume_nl / NL_PER_ML,
        "capacity_ml": found.capacity_nl / NL_PER_ML,
        "last_refill_id": report.last_refill_id,
    }


def status(run: Run) -> m.StatusPart | None:
    """What the pump believes; None from a bare one."""
    if Capability.CONTROL_LOGIC not in run.rig.capabilities:
        return None
    return given(run.rig.dut.status()).status


def belief(run: Run) -> dict[str, float | None]:
    """What the pump believes it delivered in its life, and what is left in it, in mL.

    A bare one believes nothing, and may still have a sensor that tells its level.
    """
    found = status(run)
    if found is None:
        return {"delivered_ml": None, "level_ml": _sensed_level_ml(run)}
    left = found.residual_volume_nl
    return {
        "delivered_ml": found.delivered_total_nl / NL_PER_ML,
        "level_ml": None if left is None else left.estimate / NL_PER_ML,
    }


def viscosity_permille(run: Run) -> int | None:
    """Of what flows, against water, as it was declared; None when nobody declared anything."""
    report = run.rig.dut.read_configuration()
    if isinstance(report, m.Refused) or report.last_refill is None:
        return None
    return report.last_refill.viscosity_permille


def refill(
    run: Run, name: str, volume_ml: float, drug: str, concentration_mg_per_ml: float
) -> dict[str, Any]:
    """Announce, withdraw, fill, declare what the syringe did: five minutes.

    What the pump had predicted, what came out, what went in.
    """
    dut, syringe = run.rig.dut, run.rig.instruments.syringe
    minute_ns = 60 * 10**9
    predicted = run.step(f"{name}: predicted", lambda: belief(run)["level_ml"])
    run.step(f"{name}: announce", lambda: done(dut.begin_refill()))
    run.wait(f"{name}: needle", 2 * minute_ns)
    out_ml = run.step(f"{name}: withdraw", lambda: syringe.withdraw().value)
    run.wait(f"{name}: syringes change", 2 * minute_ns)
    in_ml = run.step(
        f"{name}: fill", lambda: syringe.fill(volume_ml, drug, concentration_mg_per_ml).value
    )
    run.wait(f"{name}: needle out", minute_ns)
    declared = m.Refill(
        withdrawn_nl=round(out_ml * NL_PER_ML),
        filled_nl=round(in_ml * NL_PER_ML),
        drug=drug,
        concentration_ng_per_ml=round(concentration_mg_per_ml * 1e6),
        viscosity_permille=1_014,
        batch="bench",
    )
    run.step(f"{name}: declare", lambda: declare(run, declared))
    return {"predicted_ml": predicted, "withdrawn_ml": out_ml, "filled_ml": in_ml}


def acknowledge_all(run: Run) -> list[str]:
    """Acknowledge every alarm; the names of those whose condition still holds."""
    dut = run.rig.dut
    for alarm in given_tuple(dut.alarms()):
        if not alarm.acknowledged:
            dut.acknowledge_alarm(alarm.alarm, alarm.occurrence)
    return [alarm.alarm.name.lower() for alarm in given_tuple(dut.alarms()) if alarm.present]


def _sensed_level_ml(run: Run) -> float | None:
    latest = run.rig.dut.read_readings()
    if isinstance(latest, m.Refused) or latest.readings is None:
        return None
    level_nl = latest.readings.fill_level_nl
    return None if level_nl is None else level_nl / NL_PER_ML


def given(answer: A | m.Refused) -> A:
    """The answer; PeerError when the device denies what it offers."""
    if isinstance(answer, m.Refused):
        raise PeerError(f"the device refused what it says it offers: {told(answer)}")
    return answer


def given_tuple(answer: tuple[A, ...] | m.Refused) -> tuple[A, ...]:
    """Likewise, of a list."""
    if isinstance(answer, m.Refused):
        raise PeerError(f"the device refused what it says it offers: {told(answer)}")
    return answer


def done(answer: m.Done | m.Refused) -> None:
    """RigError when a command that a script depends on was refused."""
    if isinstance(answer, m.Refused):
        raise RigError(f"the device refused a command of this script: {told(answer)}")


def declare(run: Run, declared: m.Refill) -> str:
    """Sooner than usual a refill needs a reason (RES-10); the word that was needed, if any."""
    dut = run.rig.dut
    answer = dut.commit_refill(declared)
    if isinstance(answer, m.Refused) and answer.reason is Refusal.REFILL_TOO_EARLY:
        previous = configuration(run)["last_refill_id"]
        done(dut.commit_refill(declared, RefillReason.VERIFY_PUMP, previous))
        return RefillReason.VERIFY_PUMP.name.lower()
    done(answer)
    return ""
