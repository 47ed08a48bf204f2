"""The one loop: every device in step with one timeline, every link served in between.

Simulation runs in slices of a few milliseconds, so that keepalives, requests and Ctrl-C live
through a ten-year run. Nothing here decides anything about a pump.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from protocol.codec import Malformed
from protocol.messages import Packet
from pumpsim import snapshot
from pumpsim.daemon.timeline import Timeline
from pumpsim.device import Device

SLICE_NS: Final = 4_000_000
MAX_SLEEP_S: Final = 1.0

Send = Callable[[str, Packet], None]
"""Takes the name of the link and the packet; a link `mqtt/alice` is the client alice of `mqtt`."""
Closed = Callable[[], None]


class Host:
    """Devices, their links and the timeline they share."""

    def __init__(self, devices: list[Device], speed: float) -> None:
        """Time stands at the devices' instant until `run`."""
        self.devices = {device.id: device for device in devices}
        self.timeline = Timeline(time.monotonic_ns(), max(d.now_ns for d in devices))
        self.timeline.set(time.monotonic_ns(), self.timeline.device_ns, speed=speed, paused=None)
        self._sends: dict[tuple[str, str], Send] = {}
        self._reopen: list[Callable[[], None]] = []
        self._wake = asyncio.Event()
        self._reached: asyncio.Future[int] | None = None

    @property
    def now_ns(self) -> int:
        """The instant that all devices have reached."""
        return min(device.now_ns for device in self.devices.values())

    # ---- links

    def attach(
        self, device: str, link: str, send: Send, period_ns: int = 0, *, events: bool = False
    ) -> None:
        """A link appears; `send` must not block."""
        self.devices[device].attach(link, period_ns, events=events)
        self._sends[device, link] = send
        self._flush(self.devices[device])
        self._wake.set()

    def detach(self, device: str, link: str) -> None:
        """A link is gone."""
        self._sends.pop((device, link), None)
        self.devices[device].detach(link)

    def on_restore(self, reopen: Callable[[], None]) -> None:
        """Call this when a snapshot was restored: every link starts anew."""
        self._reopen.append(reopen)

    def receive(self, device_id: str, link: str, packet: Packet | Malformed) -> None:
        """A packet came in over a link; what it leads to leaves at once."""
        device = self.devices[device_id]
        now_ns = max(device.now_ns, self._present_ns())
        if isinstance(packet, Packet):
            device.receive(now_ns, link, packet)
        else:
            device.refuse(now_ns, link, packet)
        self._flush(device)
        self._wake.set()

    def stimulate(self, device_id: str, stimulus: Any) -> dict[str, int]:
        """The laboratory acts now; ValueError when it cannot be."""
        device = self.devices[device_id]
        result = device.stimulate(max(device.now_ns, self._present_ns()), stimulus)
        self._flush(device)
        return result

    # ---- time

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._wake.clear()
            caught_up = self._slice()
            if self._reached is not None and caught_up:
                self._finish_grant()
            if caught_up:
                await self._rest()
            else:
                await asyncio.sleep(0)

    def set_time(self, *, speed: float | None = None, paused: bool | None = None) -> None:
        """Change the pace from now on."""
        self._slice()
        self.timeline.set(time.monotonic_ns(), self.now_ns, speed=speed, paused=paused)
        self._wake.set()

    async def run_until(self, until_ns: int) -> int:
        """Let device time run to an instant as fast as it goes; the instant it reached."""
        self.timeline.grant(self.now_ns, until_ns)
        self._reached = asyncio.get_running_loop().create_future()
        self._wake.set()
        try:
            return await self._reached
        finally:
            if self.timeline.grant_ns is not None:
                self.timeline.end_grant(time.monotonic_ns(), self.now_ns)
            self._reached = None

    def next_deadline(self) -> int:
        """The next instant at which any device does something."""
        return min(device.next_deadline() for device in self.devices.values())

    # ---- snapshots

    def take_snapshot(self) -> dict[str, Any]:
        """All devices as plain data; ValueError when one cannot be saved."""
        return {"devices": {name: snapshot.take(d) for name, d in self.devices.items()}}

    def restore(self, data: dict[str, Any]) -> None:
        """Put all devices back; ValueError, and nothing changed, when it does not fit."""
        saved = data.get("devices", {})
        if set(saved) != set(self.devices):
            message = f"the snapshot holds {sorted(saved)}, this daemon {sorted(self.devices)}"
            raise ValueError(message)
        if self._reached is not None:
            raise ValueError("a run is under way")
        try:
            restored = {
                name: snapshot.restore(self.devices[name].pump, saved[name]) for name in saved
            }
        except (KeyError, TypeError) as error:
            message = f"the snapshot is damaged: {error!r}"
            raise ValueError(message) from None
        self.devices = restored
        self._sends.clear()
        self.timeline.set(time.monotonic_ns(), self.now_ns, speed=None, paused=None)
        for reopen in self._reopen:
            reopen()
        self._wake.set()

    # ---- inside

    def _present_ns(self) -> int:
        """The instant it is now; inside a granted run, the one that was reached."""
        if self.timeline.grant_ns is not None:
            return self.now_ns
        return max(self.timeline.target(time.monotonic_ns()), self.now_ns)

    def _slice(self) -> bool:
        """Run for at most a slice; True when nothing is left to do for now."""
        end_wall_ns = time.monotonic_ns() + SLICE_NS
        target_ns = self.timeline.target(time.monotonic_ns())
        for device in self.devices.values():
            while device.now_ns < target_ns:
                due_ns = min(device.next_deadline(), target_ns)
                device.advance(due_ns)
                self._flush(device)
                wall_ns = time.monotonic_ns()
                if due_ns < target_ns:
                    self.timeline.note(wall_ns, due_ns)
                if wall_ns > end_wall_ns and due_ns < target_ns:
                    return False
        return True

    def _flush(self, device: Device) -> None:
        for link, packet in device.messages_to_send():
            send = self._sends.get((device.id, link.partition("/")[0]))
            if send is not None:
                send(link, packet)

    def _finish_grant(self) -> None:
        reached = self._reached
        self.timeline.end_grant(time.monotonic_ns(), self.now_ns)
        if reached is not None and not reached.done():
            reached.set_result(self.now_ns)
        self._reached = None

    async def _rest(self) -> None:
        """Sleep until the next instant is due, or something happens."""
        due_ns = self.timeline.wall_of(self.next_deadline())
        wait_s = MAX_SLEEP_S
        if due_ns is not None:
            wait_s = min(max((due_ns - time.monotonic_ns()) / 1e9, 0.0), MAX_SLEEP_S)
        try:
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
        except TimeoutError:
            return
