"""The one loop: every device in step with one timeline, every link served in between.

Simulation runs in slices of a few milliseconds, so that keepalives, requests and Ctrl-C live
through a ten-year run. Nothing here decides anything about a pump.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from protocol.codec import Malformed
from protocol.messages import Packet, Telemetry
from protocol.vocabulary import EventKind
from pumpsim import snapshot
from pumpsim.chaos.desk import ChaosDesk
from pumpsim.chaos.settings import ChaosFile
from pumpsim.daemon.flow import MAX_TELEMETRY_PER_S, Budget
from pumpsim.daemon.timeline import GivenUpError, Timeline
from pumpsim.daemon.wall import wall_ns
from pumpsim.device import Device
from pumpsim.instruments.bench import Bench
from pumpsim.instruments.desk import Desk
from pumpsim.instruments.parameters import BenchSection

SLICE_NS: Final = 4_000_000
TURNS: Final = 16
"""Turns of the loop between two slices: a message through a broker takes about ten."""
ROUND_NS: Final = 60_000_000_000
"""Devices are never further apart than that, however fast time runs."""
MAX_SLEEP_S: Final = 1.0
NS_PER_MS: Final = 1_000_000

T = TypeVar("T")


class Far(NamedTuple):
    """The far end of a link: its name, how to send to it, whether it is behind with reading.

    `send` takes the link's name and the packet and must not block; a name such as `mqtt/alice` is
    the client alice of the link `mqtt`.
    """

    name: str
    send: Callable[[str, Packet], None]
    congested: Callable[[], bool]


class Beside(Protocol):
    """Something that stands beside a device and lives in its time, such as an instrument."""

    def next_deadline(self) -> int | None:
        """When it is to `advance`; None while nothing is due, or while it is held back."""

    def advance(self, now_ns: int) -> None:
        """Do what is due by now, as far as it is not held back."""


class Host:
    """Devices, their links and the timeline they share."""

    def __init__(
        self,
        devices: list[Device],
        speed: float,
        *,
        catch_up: bool = False,
        wall: Callable[[], int] = wall_ns,
        bench: BenchSection | None = None,
        chaos: ChaosFile | None = None,
    ) -> None:
        """Time stands at the devices' instant until `run`.

        `catch_up` as in `Timeline`; `wall` gives nanoseconds; `bench` is what the instruments
        around each device are, `chaos` what happens to its links.
        """
        self.devices = {device.id: device for device in devices}
        section = BenchSection() if bench is None else bench
        self.benches = {d.id: Bench(d, section, d.seed) for d in devices}
        """Instruments by device; restoring a snapshot makes new ones, as it makes new devices."""
        self.desks = {name: Desk(partial(self._bench_of, name)) for name in self.devices}
        self.chaos = {name: ChaosDesk(chaos) for name in self.devices}
        start_ns = max(device.now_ns for device in devices)
        self.timeline = Timeline(wall(), start_ns, speed=speed, catch_up=catch_up)
        self.tell: Callable[[str], None] = lambda _: None
        """Gets a line for a person when time runs late."""
        self._wall = wall
        self._fars: dict[tuple[str, str], Far] = {}
        self._budgets: dict[tuple[str, str], Budget] = {}
        self._beside: dict[str, list[Beside]] = {}
        self._held: set[tuple[str, str]] = set()
        self._now_ns = self.timeline.device_ns
        self._reopen: list[Callable[[], None]] = []
        self._wake = asyncio.Event()
        self._rests_until_ns = self._now_ns
        self._reached: asyncio.Future[int] | None = None

    @property
    def now_ns(self) -> int:
        """The instant that all devices have reached."""
        return self._now_ns

    # ---- links

    def attach(
        self,
        device_id: str,
        far: Far,
        period_ns: int = 0,
        *,
        first_ns: int = 0,
        events: bool = False,
    ) -> None:
        """A link appears; telemetry as in `Device.attach`."""
        key = (device_id, far.name)
        device = self.devices[device_id]
        device.attach(far.name, period_ns, first_ns=first_ns, events=events)
        self._fars[key] = far
        self._budgets[key] = Budget(MAX_TELEMETRY_PER_S, self._wall)
        self._flush(device)
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
        if device.next_deadline() < self._rests_until_ns:
            self._wake.set()

    def stimulate(self, device_id: str, stimulus: Any) -> dict[str, int]:
        """The laboratory acts now; ValueError when it cannot be."""
        device = self.devices[device_id]
        return self.act(device_id, lambda now_ns: device.stimulate(now_ns, stimulus))

    # ---- what stands beside

    def place(self, device_id: str, beside: Beside) -> None:
        """Let it take part in a device's time."""
        self._beside.setdefault(device_id, []).append(beside)

    def remove(self, device_id: str, beside: Beside) -> None:
        """It is gone."""
        self._beside[device_id].remove(beside)

    def act(self, device_id: str, deed: Callable[[int], T]) -> T:
        """Do something beside a device at the present instant, which the device has reached."""
        device = self.devices[device_id]
        now_ns = max(device.now_ns, self._present_ns())
        device.advance(now_ns)
        result = deed(now_ns)
        self._flush(device)
        self._wake.set()
        return result

    # ---- time

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._wake.clear()
            caught_up = self._slice()
            if self._reached is not None and caught_up:
                self._finish_grant()
            self._tell_lateness()
            if caught_up:
                await self._rest()
            else:
                for _ in range(TURNS):
                    await asyncio.sleep(0)

    def set_time(self, *, speed: float | None = None, paused: bool | None = None) -> None:
        """Change the pace from now on; a pause gives up a run. TimelineError for a bad speed."""
        self._slice()
        self.timeline.set(self._wall(), self.now_ns, speed=speed, paused=paused)
        if paused:
            self.give_up()
        self._wake.set()

    async def run_until(self, until_ns: int) -> int:
        """Let device time run to an instant as fast as it goes; the instant it reached.

        TimelineError when it cannot begin, GivenUpError when it was given up.
        """
        self.timeline.grant(self.now_ns, until_ns)
        reached: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._reached = reached
        self._wake.set()
        try:
            return await reached
        finally:
            if self._reached is reached:  # another run may have begun meanwhile
                self._end_grant()

    def give_up(self) -> None:
        """End a run where it is, if there is one."""
        if self._reached is not None and not self._reached.done():
            message = f"the run was given up at {self.now_ns} ns"
            self._reached.set_exception(GivenUpError(message))
        self._end_grant()

    def next_deadline(self) -> int:
        """The next instant at which any device, or what stands beside it, does something."""
        due_ns = min(map(self._due_ns, self.devices.values()))
        return max(due_ns, self.now_ns)

    # ---- snapshots

    def take_snapshot(self) -> dict[str, Any]:
        """All devices as plain data, and its hash; ValueError when one cannot be saved."""
        now_ns = max(device.now_ns for device in self.devices.values())
        for device in self.devices.values():
            device.advance(now_ns)
            self._flush(device)
        saved = {
            name: {**snapshot.take(device), "instruments": self.benches[name].save()}
            for name, device in self.devices.items()
        }
        return {"devices": saved, "sha256": _digest(saved)}

    def restore(self, data: dict[str, Any]) -> None:
        """Put all devices back; ValueError, and nothing changed, when it does not fit.

        What a snapshot says is believed, so its hash must show that nobody touched it.
        """
        saved = data.get("devices")
        if not isinstance(saved, dict) or data.get("sha256") != _digest(saved):
            raise ValueError("this is no snapshot, or it was changed since it was taken")
        if set(saved) != set(self.devices):
            message = f"the snapshot holds {sorted(saved)}, this daemon {sorted(self.devices)}"
            raise ValueError(message)
        if self._reached is not None:
            raise ValueError("a run is under way: wait for it, or pause to end it")
        devices = {
            name: snapshot.restore(device.pump, saved[name], known_timeline=device.timeline_id)
            for name, device in self.devices.items()
        }
        benches = {}
        for name, device in devices.items():
            benches[name] = Bench(device, self.benches[name].section, device.seed)
            benches[name].load(saved[name]["instruments"])
        self._exchange(devices, benches)

    def _exchange(self, devices: dict[str, Device], benches: dict[str, Bench]) -> None:
        self.devices, self.benches = devices, benches
        self._now_ns = max(device.now_ns for device in devices.values())
        for keyed in (self._fars, self._budgets, self._held):
            keyed.clear()
        self.timeline.set(self._wall(), self.now_ns)
        for reopen in self._reopen:
            reopen()
        for device in devices.values():
            device.announce()
            self._flush(device)
        self._wake.set()

    # ---- inside

    def _bench_of(self, device_id: str) -> Bench:
        return self.benches[device_id]

    def _present_ns(self) -> int:
        """The instant it is now; one that lags behind, or runs, is not far from what it reached."""
        target_ns = self._target(self._wall())
        if self.timeline.grant_ns is not None:
            return self.now_ns
        return max(min(target_ns, self.now_ns + ROUND_NS), self.now_ns)

    def _target(self, wall_ns: int) -> int:
        """Where time may run to. A gap it leaves out stands in each device's log."""
        gap_ns = self.timeline.observe(wall_ns)
        if gap_ns:
            for device in self.devices.values():
                device.record(EventKind.TIME_GAP, value=gap_ns // NS_PER_MS)
                self._flush(device)
        return self.timeline.target(wall_ns)

    def _slice(self) -> bool:
        """Run for at most a slice; True when nothing is left to do for now."""
        start_ns = self._wall()
        target_ns = self._target(start_ns)
        self._release()
        while True:
            round_ns = min(target_ns, self.now_ns + ROUND_NS)
            for device in self.devices.values():
                if not self._advance(device, round_ns, start_ns + SLICE_NS):
                    return False
            self._now_ns = max(self.now_ns, round_ns)
            if round_ns >= target_ns:
                return True

    def _advance(self, device: Device, until_ns: int, end_wall_ns: int) -> bool:
        """Let one device do what is due; False when the slice is over before."""
        timeline = self.timeline
        while (due_ns := self._due_ns(device)) <= until_ns:
            device.advance(due_ns)
            self._advance_beside(device.id, due_ns)
            self._flush(device)
            wall_ns = self._wall()
            timeline.note(wall_ns, due_ns)
            if wall_ns > end_wall_ns:
                return False
        return True

    def _due_ns(self, device: Device) -> int:
        """When a device, or what stands beside it, is to do something next."""
        due_ns = device.next_deadline()
        for beside in self._beside.get(device.id, ()):
            beside_ns = beside.next_deadline()
            if beside_ns is not None:
                due_ns = min(due_ns, max(beside_ns, device.now_ns))
        return due_ns

    def _advance_beside(self, device_id: str, now_ns: int) -> None:
        for beside in self._beside.get(device_id, ()):
            beside_ns = beside.next_deadline()
            if beside_ns is not None and beside_ns <= now_ns:
                beside.advance(now_ns)

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
                device.hold(far.name)

    def _release(self) -> None:
        """Let telemetry flow again where it can."""
        for key in list(self._held):
            if self._budgets[key].ready() and not self._fars[key].congested():
                self._held.discard(key)
                self.devices[key[0]].release(self._present_ns(), key[1])

    def _finish_grant(self) -> None:
        for device in self.devices.values():
            device.advance(self.now_ns)
        if self._reached is not None and not self._reached.done():
            self._reached.set_result(self.now_ns)
        self._end_grant()

    def _end_grant(self) -> None:
        if self._reached is not None:
            self.timeline.end_grant(self._wall(), self.now_ns)
            self._reached = None

    def _tell_lateness(self) -> None:
        lateness, speed = self.timeline.lateness, self.timeline.speed
        if lateness.news():
            self.tell(
                f"time runs {lateness.last_ns / 1e9:.2g} s late: this machine does not keep up "
                f"with {len(self.devices)} pump(s) at speed {speed:g}; lower the speed"
            )

    async def _rest(self) -> None:
        """Sleep until the next instant is due, or something happens."""
        self._rests_until_ns = self.next_deadline()
        due_ns = self.timeline.wall_of(self._rests_until_ns)
        wait_s = MAX_SLEEP_S
        if due_ns is not None:
            wait_s = min(max((due_ns - self._wall()) / 1e9, 0.0), MAX_SLEEP_S)
        try:
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
        except TimeoutError:
            return


def _digest(saved: dict[str, Any]) -> str:
    text = json.dumps(saved, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
