"""Control logic by name: MODULE:CLASS, as pump files and command lines give it."""

import importlib
from collections.abc import Callable

from protocol.control import ControlLogic
from pumpsim.configfile import ConfigError

BARE = "bare"
METHODS = ("boot", "sample", "advance", "handle", "next_deadline")


def resolve(name: str) -> Callable[[], ControlLogic] | None:
    """What makes the logic, or None for a bare device; ConfigError when there is none."""
    if name == BARE:
        return None
    module_name, colon, class_name = name.partition(":")
    if not colon:
        message = f"{name!r} is no control logic: write MODULE:CLASS, or {BARE}"
        raise ConfigError(message)
    try:
        made = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        message = f"control logic {name!r} cannot be loaded: {error}"
        raise ConfigError(message) from None
    missing = [method for method in METHODS if not callable(getattr(made, method, None))]
    if missing:
        message = f"{name!r} is no control logic: it has no {', '.join(missing)}"
        raise ConfigError(message)
    factory: Callable[[], ControlLogic] = made
    return factory
