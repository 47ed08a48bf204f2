"""CoolProp's reference equations of state. To import them takes seconds: who asks them is slow."""

from typing import Any


def props_si(output: str, *inputs: str | float) -> float:
    """A property by two others and the fluid, in SI units, as CoolProp's PropsSI has it."""
    from CoolProp import CoolProp

    reference: Any = CoolProp.PropsSI  # with two inputs; its stub has them one by one
    return float(reference(output, *inputs))
