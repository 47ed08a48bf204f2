"""The self-test on request: what can be checked without disturbing the measurement."""

from pumpsim.firmware.state import State


def failed_items(state: State) -> tuple[str, ...]:
    """Names of the items that failed, in a fixed order; none when all is well."""
    readings = state.readings
    channels = (
        {}
        if readings is None
        else {
            "reservoir pressure": readings.reservoir_pressure_pa,
            "catheter pressure": readings.catheter_pressure_pa,
            "pocket pressure": readings.pocket_pressure_pa,
            "temperature": readings.temperature_mk,
            "fill level": readings.fill_level_nl,
            "battery": readings.battery_mv,
        }
    )
    checks = {
        "memory": not state.memory_failed,
        "configuration": state.configuration is not None,
        "sample": readings is not None,
        **{name: value is not None for name, value in channels.items()},
        "real-time clock": readings is not None and readings.rtc_valid,
    }
    return tuple(name for name, passed in checks.items() if not passed)
