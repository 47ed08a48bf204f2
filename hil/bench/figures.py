"""Figures that more than one script draws."""

from collections.abc import Sequence

from hil.bench.curves import Estimate
from hil.record import Figure, Series


def flow_against(title: str, x_label: str, found: Sequence[tuple[float, Estimate]]) -> Figure:
    """Flows with their uncertainty as a band."""
    values = [flow.value for _, flow in found]
    doubts = [flow.uncertainty for _, flow in found]
    points = Series(
        "flow",
        tuple(x for x, _ in found),
        tuple(values),
        "points",
        low=tuple(v - u for v, u in zip(values, doubts, strict=True)),
        high=tuple(v + u for v, u in zip(values, doubts, strict=True)),
    )
    return Figure(title, x_label, "flow, mL/day", (points,))
