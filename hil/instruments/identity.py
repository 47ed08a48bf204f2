"""Who an instrument says it is."""

from typing import NamedTuple


class Identity(NamedTuple):
    """In its own words; a serial number that it does not tell is empty."""

    model: str = ""
    serial_number: str = ""

    def __str__(self) -> str:
        number = f"serial number {self.serial_number}" if self.serial_number else ""
        return ", ".join(part for part in (self.model, number) if part)
