"""The fault catalogue: everything that is known to go wrong, as data.

Each entry says what happens, how badly at least, which alarm it must lead to and by when. Scenarios
and the control API set a fault by its name, `pumpsim alarms` tries all of them.
"""

from difflib import get_close_matches
from typing import Final

from pumpsim.catalogue.electronics import ELECTRONICS
from pumpsim.catalogue.entry import Fault
from pumpsim.catalogue.handling import HANDLING
from pumpsim.catalogue.hydraulics import CATHETER, FLOW, SURROUNDINGS
from pumpsim.catalogue.inside import INSIDE
from pumpsim.catalogue.sensors import SENSORS

CATALOGUE: Final[dict[str, Fault]] = {
    fault.name: fault
    for fault in (*FLOW, *CATHETER, *HANDLING, *SURROUNDINGS, *SENSORS, *ELECTRONICS, *INSIDE)
}
"""Every fault by its name, in the order of the domain facts."""


def no_fault(name: str) -> str:
    """What to say of a name that the catalogue has not: all that it has would be a page."""
    close = get_close_matches(name.lower(), CATALOGUE, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{name!r} is no fault; {hint}`pumpsim alarms --list` names them all"
