"""Control logic by name: MODULE:CLASS, as pump files and command lines give it."""

import importlib
from collections.abc import Callable
from typing import Final

from protocol.control import ControlLogic

METHODS: Final = ("boot", "sample", "advance", "handle", "next_deadline")
EXAMPLE: Final = "mylogic:MyLogic"


def load_logic(name: str) -> Callable[[], ControlLogic]:
    """What makes the logic; ValueError when it cannot be found, imported, or is none."""
    module_name, _, class_name = name.partition(":")
    if not (module_name and class_name):
        message = f"{name!r} is no control logic: write MODULE:CLASS, such as {EXAMPLE}"
        raise ValueError(message)
    try:
        made = getattr(importlib.import_module(module_name), class_name)
    except ModuleNotFoundError as error:
        message = (
            f"control logic {name!r} cannot be loaded: {error}; "
            "run in the folder that holds it, or set PYTHONPATH"
        )
        raise ValueError(message) from None
    except Exception as error:  # noqa: BLE001  # somebody else's module may raise anything
        message = f"control logic {name!r} cannot be loaded: {type(error).__name__}: {error}"
        raise ValueError(message) from None
    missing = [method for method in METHODS if not callable(getattr(made, method, None))]
    if missing:
        message = f"{name!r} is no control logic: it has no {', '.join(missing)}"
        raise ValueError(message)
    factory: Callable[[], ControlLogic] = made
    return factory
