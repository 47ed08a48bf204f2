"""What an instrument did wrong, by its name."""

from hil.errors import RigError


class InstrumentError(RigError):
    """One sentence: which instrument, what it did, and the way out."""

    def __init__(self, instrument: str, what: str) -> None:
        """`instrument` as the rig calls it, such as "balance at /dev/ttyUSB1"."""
        super().__init__(f"{instrument}: {what}")
        self.instrument = instrument
