"""Control logic from the bench's own working folder."""

import sys
from collections.abc import Callable
from pathlib import Path

from hil.errors import LocalError
from protocol.control import ControlLogic
from protocol.guard import FirmwareFaultError, made
from protocol.logic import load_logic


def load_here(name: str) -> Callable[[], ControlLogic]:
    """What makes the logic; LocalError when it cannot be found, imported, or is none."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return load_logic(name)
    except ValueError as error:
        raise LocalError(str(error)) from None


def first_made(name: str, factory: Callable[[], ControlLogic]) -> ControlLogic:
    """One of it, before anything is begun with it; LocalError when none can be made."""
    try:
        return made(factory)
    except FirmwareFaultError as error:
        raise LocalError(f"control logic {name!r} cannot be made: {error}") from None
