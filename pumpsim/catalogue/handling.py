"""Faults of hands: needles, syringes and what is typed into the programmer."""

from typing import Any, Final

from protocol.vocabulary import AlarmId
from pumpsim.catalogue.entry import BEFORE_REFILL, SEVERITY, Fault, Severity, at_once, samples

AT_COMMIT_S: Final = samples(1)
"""The first level after a commit tells (RES-07); what was declared is judged at once (RES-06)."""


def _refill(**fields: Any) -> dict[str, Any]:
    return {"kind": "refill", "fill": "usual", **fields}


HANDLING: Final = (
    Fault(
        "pocket_fill",
        "The needle misses the septum, and the fill goes into the tissue.",
        (AlarmId.POCKET_FILL,),
        AT_COMMIT_S,
        visit=_refill(into="pocket"),
        start_day=BEFORE_REFILL,
    ),
    Fault(
        "refill_without_syringe",
        "A refill is declared, and nothing is moved.",
        (AlarmId.POCKET_FILL,),
        AT_COMMIT_S,
        visit=_refill(into="nowhere", declared_withdrawn="10 mL"),
        start_day=BEFORE_REFILL,
    ),
    Fault(
        "refill_bolus_path",
        "The refill is pushed through the bolus path, past the reservoir, into the artery.",
        (AlarmId.BOLUS_PATH_INJECTION,),
        samples(2),
        visit=_refill(into="bolus_path", push=SEVERITY),
        severity=Severity(5.0, 1.0, "min"),
        start_day=BEFORE_REFILL,
        effect="injection",
    ),
    Fault(
        "wrong_refill_volume",
        "The usual fill is declared, and a smaller volume goes in.",
        (AlarmId.REFILL_DISCREPANCY,),
        AT_COMMIT_S,
        visit=_refill(volume=SEVERITY),
        severity=Severity(22.4, 15.0, "mL"),
        start_day=BEFORE_REFILL,
    ),
    Fault(
        "wrong_refill_volume_low",
        "The usual fill goes in, and a smaller volume is declared.",
        (AlarmId.REFILL_DISCREPANCY,),
        AT_COMMIT_S,
        visit=_refill(declared_volume=SEVERITY),
        severity=Severity(22.4, 10.0, "mL"),
        start_day=BEFORE_REFILL,
    ),
    Fault(
        "wrong_withdrawn_volume",
        "Much less is declared as withdrawn than the pump predicts.",
        (AlarmId.REFILL_DISCREPANCY,),
        AT_COMMIT_S,
        visit=_refill(declared_withdrawn=SEVERITY, volume="20 mL", declared_volume="20 mL"),
        severity=Severity(6.0, 2.0, "mL"),
        start_day=BEFORE_REFILL,
    ),
    Fault(
        "undeclared_needle",
        "A syringe withdraws, and no refill was declared.",
        (AlarmId.TAMPERING,),
        samples(2),
        at_once("withdraw", volume=SEVERITY),
        severity=Severity(1.0, 17.0, "mL"),
    ),
    Fault(
        "undeclared_fill",
        "A syringe fills, and no refill was declared.",
        (AlarmId.TAMPERING,),
        samples(2),
        at_once("fill", volume=SEVERITY, drug="FUDR", concentration="6.46 mg/mL"),
        severity=Severity(1.0, 8.0, "mL"),
    ),
)
