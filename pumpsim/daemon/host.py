"""The one loop: every device in step with one timeline, every link served in between.

Simulation runs in slices of a few milliseconds, so that keepalives, requests and Ctrl-C live
through a ten-year run. Nothing here decides anything about a pump.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from protocol.codec import Malformed
from protocol.messages import Packet, Telemetry
from pumpsim import snapshot
from pumpsim.daemon.flow import MAX_TELEMETRY_PER_S, Budget
from pumpsim.daemon.timeline import Timeline
from pumpsim.daemon.wall import wall_ns
from pumpsim.device import Device

SLICE_NS: Final = 4_000_000
MAX_SLEEP_S: Final = 1.0


class Far(NamedTuple):
    """The far end of a link: its name, how to send to it, whether it is behind with reading.

    `send` takes the link's name and the packet and must not block; a name such as `mqtt/alice` is
    the client alice of the link `mqtt`.
    """

    name: str
    send: Callable[[str, Packet], None]
    congested: Callable[[], bool]


class Host:
    """Devices, their links and the timeline they share."""

    def __init__(self, devices: list[Device], speed: float) -> None:
        """Time stands at the devices' instant until `run`."""
        self.devices = {device.id: device for device in devices}
        self.timeline = Timeline(wall_ns(), max(d.now_ns for d in devices))
        self.timeline.set(wall_ns(), self.timeline.device_ns, speed=speed, paused=None)
        self._fars: dict[tuple[str, str], Far] = {}
        self._budgets: dict[tuple[str, str], Budget] = {}
        self._held: set[tuple[str, str]] = set()
        self._now_ns = self.timeline.device_ns
        self._reopen: list[Callable[[], None]] = []
        self._wake = asyncio.Event()
        self._reached: asyncio.Future[int] | None = None

    @property
    def now_ns(self) -> int:
        """The instant that all devices have reached."""
        return self._now_ns

    # ---- links

    def attach(self, device: str, far: Far, period_ns: int = 0, *, events: bool = False) -> None:
        """A link appears."""
        key = (device, far.name)
        self.devices[device].attach(far.name, period_ns, events=events)
        self._fars[key] = far
        self._budgets[key] = Budget(MAX_TELEMETRY_PER_S)
        self._flush(self.devices[device])
        self._wake.set()

    def detach(self, device: str, link: str) -> None:
        """A link is gone."""
        key = (device, link)
        self._fars.pop(key, None)
        self._budgets.pop(key, None)
        self._held.discard(key)
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
        self.timeline.set(wall_ns(), self.now_ns, speed=speed, paused=paused)
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
                self.timeline.end_grant(wall_ns(), self.now_ns)
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
        self._now_ns = max(device.now_ns for device in restored.values())
        for keyed in (self._fars, self._budgets, self._held):
            keyed.clear()
        self.timeline.set(wall_ns(), self.now_ns, speed=None, paused=None)
        for reopen in self._reopen:
            reopen()
        for device in restored.values():
            device.announce()
            self._flush(device)
        self._wake.set()

    # ---- inside

    def _present_ns(self) -> int:
        """The instant it is now; inside a granted run, the one that was reached."""
        if self.timeline.grant_ns is not None:
            return self.now_ns
        return max(self.timeline.target(wall_ns()), self.now_ns)

    def _slice(self) -> bool:
        """Run for at most a slice; True when nothing is left to do for now."""
        start_ns = wall_ns()
        target_ns = self.timeline.target(start_ns)
        self._release()
        for device in self.devices.values():
            while (due_ns := device.next_deadline()) <= target_ns:
                device.advance(due_ns)
                self._flush(device)
                present_ns = wall_ns()
                self.timeline.note(present_ns, due_ns)
                if present_ns - start_ns > SLICE_NS:
                    self._now_ns = min(d.now_ns for d in self.devices.values())
                    return False
        self._now_ns = max(self._now_ns, target_ns)
        return True

    def _flush(self, device: Device) -> None:
        """Send what a device has to say; a link that takes no more telemetry is held."""
        for link, packet in device.messages_to_send():
            key = (device.id, link.partition("/")[0])
            far = self._fars.get(key)
            if far is None:
                continue
            far.send(link, packet)
            if isinstance(packet.body, Telemetry) and (
                far.congested() or not self._budgets[key].take()
            ):
                self._held.add(key)
                device.hold(far.name, held=True)

    def _release(self) -> None:
        """Let telemetry flow again where it can."""
        for key in list(self._held):
            if self._budgets[key].ready() and not self._fars[key].congested():
                self._held.discard(key)
                self.devices[key[0]].hold(key[1], held=False)

    def _finish_grant(self) -> None:
        reached = self._reached
        for device in self.devices.values():
            device.advance(self.now_ns)
        self.timeline.end_grant(wall_ns(), self.now_ns)
        if reached is not None and not reached.done():
            reached.set_result(self.now_ns)
        self._reached = None

    async def _rest(self) -> None:
        """Sleep until the next instant is due, or something happens."""
        due_ns = self.timeline.wall_of(self.next_deadline())
        wait_s = MAX_SLEEP_S
        if due_ns is not None:
            wait_s = min(max((due_ns - wall_ns()) / 1e9, 0.0), MAX_SLEEP_S)
        try:
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
        except TimeoutError:
            return
