"""Control logic from the bench's own working folder."""

import sys
from collections.abc import Callable
from pathlib import Path

from hil.errors import LocalError
from protocol.control import ControlLogic
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
