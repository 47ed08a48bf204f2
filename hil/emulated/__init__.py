"""The emulator as a rig in this process: the one place where the bench looks inside the pump."""

from hil.emulated.bench import open_emulated, read_pump

__all__ = ["open_emulated", "read_pump"]
