"""The control logic a pump file names, or none."""

from collections.abc import Callable

from protocol.configfile import ConfigError
from protocol.control import ControlLogic
from protocol.logic import load_logic

BARE = "bare"


def resolve(name: str) -> Callable[[], ControlLogic] | None:
    """What makes the logic, or None for a bare device; ConfigError when there is none."""
    if name == BARE:
        return None
    try:
        return load_logic(name)
    except ValueError as error:
        message = f"{error} (or {BARE}: a pump without any)"
        raise ConfigError(message) from None
