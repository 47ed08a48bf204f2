"""CoolProp's reference equations of state. To import them takes seconds: who asks them is slow."""


def props_si(output: str, *inputs: str | float) -> float:
    """A property by two others and the fluid, in SI units, as CoolProp's PropsSI has it."""
    from CoolProp.CoolProp import PropsSI

    return float(PropsSI(output, *inputs))
