"""When a fault took effect, by the truth: a fault that never did proves nothing."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from hil.bench.run import Run

NS_PER_S: Final = 1_000_000_000
LOOK_NS: Final = 60 * NS_PER_S
LOOKS: Final = 1_440
"""How often the truth is looked at while a fault may still take effect."""
HOT_K: Final = 313.15
THIN_PA: Final = 75_000.0
PRESSED_PA: Final = 140_000.0
REVERSED_PA: Final = 1_500.0
"""Reversed by more than two pressure sensors may be off together."""
NEARLY_LOW_FL: Final = 3_600_000 * 10**6
"""V_low and twice the error of the level: sooner, no pump that knows its error may say low."""
OVERDUE_NS: Final = (16 * 86_400 - 600) * NS_PER_S
"""Interval and grace, less what an oscillator within its error runs ahead in that time."""
MOVED: Final = ("withdrawn_fl", "filled_fl", "injected_fl", "gas_filled_fl")

Truth = Mapping[str, Any]

STATES: Final[dict[str, Callable[[Truth], bool]]] = {
    "hot": lambda truth: truth["state"]["pump_temperature_k"] > HOT_K,
    "thin_air": lambda truth: truth["state"]["pocket_pressure_pa"] < THIN_PA,
    "pressed": lambda truth: truth["state"]["pocket_pressure_pa"] > PRESSED_PA,
    "reflux": lambda truth: (
        truth["state"]["catheter_pressure_pa"]
        > truth["state"]["reservoir_pressure_pa"] + REVERSED_PA
    ),
    "nearly_low": lambda truth: truth["ledger"]["reservoir_fl"] <= NEARLY_LOW_FL,
}
"""Effects that are a state of the plant."""


def onset_of(
    run: Run, fault: Mapping[str, Any], before: Truth, result: Mapping[str, int], filled_ns: int
) -> int | None:
    """The instant on the run's axis; None when its patience ends without one. Time passes."""
    patience_ns = fault["patience_s"] * NS_PER_S
    end_ns, step_ns = run.clock_ns() + patience_ns, max(patience_ns // LOOKS, LOOK_NS)
    while True:
        now_ns = run.clock_ns()
        if fault["effect"] == "overdue":
            onset_ns = filled_ns + OVERDUE_NS if now_ns >= filled_ns + OVERDUE_NS else None
        else:
            onset_ns = _onset(run.rig.laboratory.truth(), fault["effect"], before, result, now_ns)
        if onset_ns is not None or now_ns >= end_ns:
            return onset_ns
        run.wait_until("waiting for the effect", min(now_ns + step_ns, end_ns))


def _onset(
    truth: Truth, effect: str, before: Truth, result: Mapping[str, int], now_ns: int
) -> int | None:
    if effect in STATES:
        return now_ns if STATES[effect](truth) else None
    if "fault" in result:
        told_ns: int | None = truth["faults"].get(str(result["fault"]))
        return told_ns
    moved = any(truth["ledger"][name] != before["ledger"][name] for name in MOVED)
    return now_ns if moved or effect == "power_cycle" else None
