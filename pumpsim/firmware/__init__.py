"""The pump's mind: readings in, estimates, alarms and replies out; integers and ticks only."""

from pumpsim.firmware.reference import ReferenceLogic

__all__ = ["ReferenceLogic"]
