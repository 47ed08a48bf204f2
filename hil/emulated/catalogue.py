"""The fault catalogue as plain data, for benches whose laboratory can act faults out."""

from typing import Any

from pumpsim.catalogue import CATALOGUE
from pumpsim.catalogue.entry import Fault


def faults() -> list[dict[str, Any]]:
    """Every fault at the severity at which it must be detected, in the catalogue's order."""
    return [_plain(fault) for fault in CATALOGUE.values()]


def _plain(fault: Fault) -> dict[str, Any]:
    severity = fault.stated()
    return {
        "name": fault.name,
        "sentence": fault.sentence,
        "expects": [word.name.lower() for word in fault.expects],
        "bound_s": fault.bound_s,
        "steps": [[step.after_s, dict(step.stimulus)] for step in fault.steps_at(severity)],
        "visit": fault.visit_at(severity),
        "start_day": fault.start_day,
        "effect": fault.effect_name(),
        "patience_s": fault.patience_s,
        "not_promised": fault.not_promised,
    }
