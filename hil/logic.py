"""Control logic by name, MODULE:CLASS, from the bench's own working folder."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hil.errors import LocalError
from protocol.control import ControlLogic

METHODS: Final = ("boot", "sample", "advance", "handle", "next_deadline")
EXAMPLE: Final = "mylogic:MyLogic"


def load_logic(name: str) -> Callable[[], ControlLogic]:
    """What makes the logic; LocalError when it cannot be found, imported, or is none."""
    module_name, colon, class_name = name.partition(":")
    if not (module_name and colon and class_name):
        raise LocalError(f"{name!r} is no control logic: write MODULE:CLASS, such as {EXAMPLE}")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        made = getattr(importlib.import_module(module_name), class_name)
    except Exception as error:  # noqa: BLE001  # somebody else's module may raise anything
        kind = type(error).__name__
        raise LocalError(f"control logic {name!r} cannot be loaded: {kind}: {error}") from None
    missing = [method for method in METHODS if not callable(getattr(made, method, None))]
    if missing:
        raise LocalError(f"{name!r} is no control logic: it has no {', '.join(missing)}")
    factory: Callable[[], ControlLogic] = made
    return factory
