"""The device's own time: a crystal that runs fast or slow with its error and its temperature.

Counts are exact: a rate in micro-ticks per second holds between two anchors and everything is
integer arithmetic, so that ticks and instants convert into one another without a rounding that
could depend on who asks, or how often.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal
from zlib import crc32

from protocol.control import TICKS_PER_S
from protocol.messages import MAX_UNIX_S

NS_PER_S: Final = 1_000_000_000
MICRO: Final = 1_000_000
NOMINAL_UTICKS_PER_S: Final = TICKS_PER_S * MICRO
TURNOVER_K: Final = 298.15
PPM_PER_K2: Final = -0.034
MAX_PPM: Final = 1_000.0
ClockHow = Literal["running", "frozen", "garbage"]


@dataclass(slots=True)
class Oscillator:
    """Ticks since boot, counted without end, and a real-time clock that boots do not touch."""

    error_ppm: float = 0.0
    rtc_start_s: int = 0
    rtc_valid: bool = True
    rtc_how: ClockHow = "running"
    rtc_stood_s: int = 0  # what `life_s` was when it froze
    stopped: bool = False
    anchor_ns: int = 0
    anchor_uticks: int = 0
    boot_uticks: int = 0
    rate_uticks_per_s: int = NOMINAL_UTICKS_PER_S

    def update(self, now_ns: int, temperature_k: float) -> None:
        """From now on run at the rate of this temperature."""
        elapsed_ns = now_ns - self.anchor_ns
        self.anchor_uticks += elapsed_ns * self.rate_uticks_per_s // NS_PER_S
        self.anchor_ns = now_ns
        off_k = temperature_k - TURNOVER_K
        ppm = self.error_ppm + PPM_PER_K2 * off_k * off_k
        rate = 0 if self.stopped else NOMINAL_UTICKS_PER_S + round(TICKS_PER_S * ppm)
        self.rate_uticks_per_s = rate

    def ticks(self, now_ns: int) -> int:
        """Whole ticks since boot."""
        return (self._uticks(now_ns) - self.boot_uticks) // MICRO

    def instant_of(self, ticks: int) -> int | None:
        """The earliest instant with that count at the present rate; None while it stands still."""
        if not self.rate_uticks_per_s:
            return None
        missing = ticks * MICRO + self.boot_uticks - self.anchor_uticks
        return self.anchor_ns - (-missing * NS_PER_S // self.rate_uticks_per_s)

    def boot(self, now_ns: int) -> None:
        """Count from 0 again."""
        self.boot_uticks = self._uticks(now_ns)

    def rtc_s(self, now_ns: int) -> int:
        """The real-time clock, unix seconds; its register stops at 0 and at MAX_UNIX_S."""
        if self.rtc_how == "garbage":  # a fixed sequence: nothing that one could count on
            return crc32(self.life_s(now_ns).to_bytes(8, "big"))
        rtc_s = self.rtc_start_s + self._rtc_count_s(now_ns)
        return rtc_s if 0 <= rtc_s <= MAX_UNIX_S else min(max(rtc_s, 0), MAX_UNIX_S)

    def life_s(self, now_ns: int) -> int:
        """Device time since the device was made: no boot, and nobody who sets a clock, moves it."""
        return self._uticks(now_ns) // NOMINAL_UTICKS_PER_S

    def life_ms(self, now_ns: int) -> int:
        """The same, finer."""
        return self._uticks(now_ns) * 1_000 // NOMINAL_UTICKS_PER_S

    def set_rtc(self, now_ns: int, rtc_s: int) -> None:
        """Set the clock; it can be trusted from then on, if it is sound."""
        self.rtc_start_s = rtc_s - self._rtc_count_s(now_ns)
        self.rtc_valid = True

    def break_rtc(self, now_ns: int, how: ClockHow, jump_s: int) -> None:
        """Break the clock, or mend it: it goes on from what it told, and as far ahead or back."""
        rtc_s = self.rtc_s(now_ns) + jump_s
        self.rtc_how, self.rtc_stood_s = how, self.life_s(now_ns)
        self.set_rtc(now_ns, rtc_s)

    def snapshot(self) -> dict[str, Any]:
        """The state as plain data; `Oscillator(**data)` restores it."""
        return asdict(self)

    def _rtc_count_s(self, now_ns: int) -> int:
        """What the clock has counted since the device was made."""
        return self.rtc_stood_s if self.rtc_how == "frozen" else self.life_s(now_ns)

    def _uticks(self, now_ns: int) -> int:
        elapsed_ns = now_ns - self.anchor_ns
        if not elapsed_ns:  # at a sample, which is where most questions are asked
            return self.anchor_uticks
        return self.anchor_uticks + elapsed_ns * self.rate_uticks_per_s // NS_PER_S
