"""All seeded defects, area by area (docs/testing-defects.md tells how to add one)."""

from typing import Final

from tests.defects import alarms, channels, dose, instants, link, liquid, memory, unseen
from tests.defects.defect import Defect

CATALOGUE: Final[tuple[Defect, ...]] = (
    *instants.DEFECTS,
    *memory.DEFECTS,
    *alarms.DEFECTS,
    *channels.DEFECTS,
    *liquid.DEFECTS,
    *dose.DEFECTS,
    *link.DEFECTS,
    *unseen.DEFECTS,
)
BY_NAME: Final = {defect.name: defect for defect in CATALOGUE}
