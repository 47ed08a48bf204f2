"""The host on a real loop, with a wall clock in the test's hand."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from protocol import messages as m
from protocol.session import ClientSession
from protocol.vocabulary import EventKind
from pumpsim import pumpfile, stimuli
from pumpsim.daemon.host import ROUND_NS, Far, Host
from pumpsim.daemon.lateness import LATE_LIMIT_NS
from pumpsim.daemon.timeline import AS_FAST_AS_IT_GOES, GAP_NS, GivenUpError
from pumpsim.device import Device

S = 1_000_000_000
DAY = 86_400 * S


class Wall:
    """Goes on by a microsecond with each look, and by what it is told."""

    def __init__(self) -> None:
        self.now_ns = 1_000 * S

    def __call__(self) -> int:
        self.now_ns += 1_000
        return self.now_ns


class Link:
    """A far end that notes what it gets."""

    def __init__(
        self, host: Host, name: str = "line", device: str = "demo", **options: Any
    ) -> None:
        self.packets: list[m.Packet] = []
        self.full = False
        self.session = ClientSession()
        self._host, self._device, self._name = host, device, name
        host.attach(device, Far(name, self._take, lambda: self.full), **options)

    def _take(self, _name: str, packet: m.Packet) -> None:
        self.session.learn(packet)
        self.packets.append(packet)

    def send(self, body: m.Ask) -> m.Body:
        self._host.receive(self._device, self._name, self.session.ask(body))
        return self.packets[-1].body

    def bodies(self, kind: type[m.Body]) -> list[Any]:
        return [packet.body for packet in self.packets if isinstance(packet.body, kind)]


def pump(name: str = "demo") -> Device:
    demo = pumpfile.demo()
    section = demo.pump.model_copy(update={"id": name})
    device = Device(demo.model_copy(update={"pump": section}), seed=1)
    device.implant()
    return device


def run(host: Host, script: Coroutine[Any, Any, None]) -> None:
    """Play a script while the host runs."""

    async def play() -> None:
        running = asyncio.create_task(host.run())
        try:
            async with asyncio.timeout(30):
                await script
        finally:
            running.cancel()

    asyncio.run(play())


def standing(*names: str) -> Host:
    """Time runs only when granted."""
    return Host([pump(name) for name in names or ("demo",)], AS_FAST_AS_IT_GOES, wall=Wall())


async def turn() -> None:
    """One turn of the loop."""
    loop = asyncio.get_running_loop()
    fired = loop.create_future()
    loop.call_soon(fired.set_result, None)
    await fired


async def turns_until(reached: Callable[[], bool]) -> None:
    while not reached():
        await turn()


@pytest.mark.slow
def test_a_granted_run_ends_where_it_was_asked_to() -> None:
    host = standing("a", "b")

    async def script() -> None:
        assert await host.run_until(3 * DAY + 7) == 3 * DAY + 7
        assert {device.now_ns for device in host.devices.values()} == {3 * DAY + 7}

    run(host, script())


@pytest.mark.slow
def test_devices_keep_step_in_a_run() -> None:
    host = standing("a", "b", "c")

    async def script() -> None:
        ending = asyncio.create_task(host.run_until(3_660 * DAY))
        await turns_until(lambda: host.now_ns > 2 * DAY)
        instants = [device.now_ns for device in host.devices.values()]
        assert max(instants) - min(instants) <= ROUND_NS
        host.give_up()
        with pytest.raises(GivenUpError, match="given up"):
            await ending

    run(host, script())


@pytest.mark.slow
def test_a_run_that_is_cancelled_leaves_room_for_another() -> None:
    host = standing()

    async def script() -> None:
        ending = asyncio.create_task(host.run_until(3_660 * DAY))
        await turns_until(lambda: host.now_ns > DAY)
        ending.cancel()
        await asyncio.wait([ending])
        assert await host.run_until(host.now_ns + DAY) == host.now_ns

    run(host, script())


@pytest.mark.slow
def test_what_was_run_in_slices_equals_what_was_run_at_once() -> None:
    host, alone = standing("a", "b"), pump("a")

    async def script() -> None:
        for day in range(1, 4):
            await host.run_until(day * DAY)

    run(host, script())
    alone.advance(3 * DAY)
    assert host.devices["a"].truth() == alone.truth()


def test_device_time_follows_the_wall() -> None:
    wall = Wall()
    host = Host([pump()], 60.0, wall=wall)

    async def script() -> None:
        wall.now_ns += 2 * S
        await turns_until(lambda: host.now_ns >= 120 * S)
        assert host.devices["demo"].readings is not None
        assert host.devices["demo"].readings.sequence >= 2

    run(host, script())


def test_a_request_to_one_that_lags_is_answered_near_where_it_is() -> None:
    wall = Wall()
    host = Host([pump()], 1e6, wall=wall)
    link = Link(host)
    wall.now_ns += 4 * S  # 46 days behind
    assert isinstance(link.send(m.GetStatus()), m.Status)
    assert host.devices["demo"].now_ns <= ROUND_NS


def test_a_suspend_is_in_every_log_and_no_time_has_passed() -> None:
    wall = Wall()
    host = Host([pump("a"), pump("b")], 1.0, wall=wall)
    links = [Link(host, device=name, events=True) for name in ("a", "b")]
    links[0].send(m.Identify())
    wall.now_ns += 2 * GAP_NS
    links[0].send(m.Identify())
    for link in links:
        entries = [body.entry for body in link.bodies(m.EventLogged)]
        gaps = [entry for entry in entries if entry.kind is EventKind.TIME_GAP]
        assert [gap.value for gap in gaps] == [2 * GAP_NS // 1_000_000]
    assert max(device.now_ns for device in host.devices.values()) < S


def test_a_suspend_is_caught_up_when_asked() -> None:
    wall = Wall()
    host = Host([pump()], 1.0, catch_up=True, wall=wall)
    link = Link(host, events=True)
    link.send(m.Identify())
    wall.now_ns += 2 * GAP_NS
    link.send(m.Identify())
    assert host.devices["demo"].now_ns >= 2 * GAP_NS
    assert not link.bodies(m.EventLogged)


def test_a_person_is_told_when_time_runs_late() -> None:
    wall = Wall()
    host = Host([pump()], 60.0, wall=wall)
    told: list[str] = []
    host.tell = told.append

    async def script() -> None:
        wall.now_ns += S + 2 * LATE_LIMIT_NS  # a sample was due after a second
        await turns_until(lambda: host.now_ns >= 60 * S)
        await turn()

    run(host, script())
    assert len(told) == 1
    assert "0.4 s late" in told[0]
    assert host.timeline.lateness.max_ns >= 2 * LATE_LIMIT_NS


def test_a_link_that_is_full_gets_no_telemetry_and_learns_how_much_it_missed() -> None:
    host = standing()
    link = Link(host, period_ns=120 * S)  # few enough for its budget

    async def script() -> None:
        await host.run_until(3_600 * S)
        link.full = True
        await host.run_until(7_200 * S)
        held = len(link.bodies(m.Telemetry))
        link.full = False
        await host.run_until(10_800 * S)
        assert len(link.bodies(m.Telemetry)) > held
        sent = link.bodies(m.Telemetry)
        dropped = sum(telemetry.dropped for telemetry in sent)
        assert dropped > 20
        assert len(sent) + dropped == 10_800 // 120 + 1  # none is lost without a count

    run(host, script())


def test_a_snapshot_taken_in_a_run_is_of_one_instant() -> None:
    host = standing("a", "b")

    async def script() -> None:
        ending = asyncio.create_task(host.run_until(3_660 * DAY))
        await turns_until(lambda: host.now_ns > DAY)
        saved = host.take_snapshot()
        assert len({one["now_ns"] for one in saved["devices"].values()}) == 1
        with pytest.raises(ValueError, match="under way"):
            host.restore(saved)
        host.give_up()
        await asyncio.wait([ending])
        host.restore(saved)
        assert host.now_ns == saved["devices"]["a"]["now_ns"]

    run(host, script())


def test_a_snapshot_of_other_devices_is_refused() -> None:
    saved = standing("a").take_snapshot()
    host = standing("b")
    with pytest.raises(ValueError, match=r"\['a'\].*\['b'\]"):
        host.restore(saved)


def test_a_restored_daemon_opens_its_links_anew() -> None:
    host = standing()
    link = Link(host)
    reopened: list[str] = []
    host.on_restore(lambda: reopened.append("line"))
    host.restore(host.take_snapshot())
    assert reopened == ["line"]
    assert link.bodies(m.Booted) == []  # it was closed


def test_a_stimulus_acts_now() -> None:
    host = standing()
    result = host.stimulate("demo", stimuli.Withdraw(kind="withdraw"))
    assert result["withdrawn_nl"] > 20_000_000
    with pytest.raises(ValueError, match="room"):
        host.stimulate(
            "demo",
            stimuli.ADAPTER.validate_python(
                {"kind": "fill", "volume": "90 mL", "drug": "X", "concentration": "1 mg/mL"}
            ),
        )
