"""To wait means the same on every clock: until the instant, or until something has arrived."""

import threading

from hil.clock import NS_PER_S, Clock, RemoteClock, WallClock
from hil.emulated.bench import EmulatedClock, EmulatedPort
from hil.exchange import Exchange
from protocol import messages as m
from pumpsim.device import Device
from pumpsim.pumpfile import demo

HOUR_NS = 3_600 * NS_PER_S
MINUTE_NS = 60 * NS_PER_S


class Runs:
    """The time of a real device, as a control API offers it: what it sends is still on its way."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.runs_ns: list[int] = []
        self.looks = 0

    def now_ns(self) -> int:
        self.looks += 1
        return self.device.now_ns

    def run_until(self, until_ns: int) -> int:
        self.runs_ns.append(until_ns - self.device.now_ns)
        self.device.advance(until_ns)
        return self.device.now_ns


def make() -> tuple[Device, EmulatedPort, Exchange]:
    device = Device(demo(), 1)
    device.implant()
    port = EmulatedPort(device)
    return device, port, Exchange(port)


def check_waiting(clock: Clock, exchange: Exchange, device: Device) -> None:
    assert clock.wait(clock.now_ns() + HOUR_NS, exchange) == HOUR_NS == device.now_ns
    exchange.collect()
    exchange.ask(m.SubscribeSamples(enabled=True))
    reached_ns = clock.wait(HOUR_NS + MINUTE_NS, exchange)
    assert reached_ns == HOUR_NS + MINUTE_NS
    sampled = exchange.next_notice()
    assert sampled is not None
    assert isinstance(sampled.body, m.Sampled)
    assert sampled.body.readings.sequence == 61


def test_in_process_to_wait_is_to_run_the_emulator() -> None:
    device, port, exchange = make()
    check_waiting(EmulatedClock(device, port), exchange, device)


def test_in_process_an_arrival_ends_the_wait_at_its_instant() -> None:
    device, port, exchange = make()
    exchange.ask(m.SubscribeSamples(enabled=True))
    assert EmulatedClock(device, port).wait(HOUR_NS, exchange) == MINUTE_NS


def test_in_remote_virtual_time_to_wait_is_to_ask_for_a_run() -> None:
    device, _, exchange = make()
    check_waiting(RemoteClock(Runs(device)), exchange, device)


def test_a_remote_wait_is_cut_into_days() -> None:
    device, _, exchange = make()
    runs = Runs(device)
    assert RemoteClock(runs).wait(60 * HOUR_NS, exchange) == 60 * HOUR_NS
    assert runs.runs_ns == [24 * HOUR_NS, 24 * HOUR_NS, 12 * HOUR_NS]


def test_a_remote_wait_asks_for_nothing_but_its_runs() -> None:
    device, _, exchange = make()
    runs = Runs(device)
    clock = RemoteClock(runs)
    for hours in (1, 2, 3):
        clock.wait(hours * HOUR_NS, exchange)
    assert (runs.looks, len(runs.runs_ns)) == (1, 3)


def test_a_remote_clock_is_right_whoever_lets_time_pass_or_puts_it_back() -> None:
    (device, _, exchange), (newborn, _, _) = make(), make()
    runs = Runs(device)
    clock = RemoteClock(runs)
    device.advance(60 * HOUR_NS)
    assert clock.wait(HOUR_NS, exchange) == clock.now_ns() == 60 * HOUR_NS
    device.advance(90 * HOUR_NS)
    assert clock.wait(91 * HOUR_NS, exchange) == 91 * HOUR_NS
    runs.device = newborn
    assert clock.wait(2 * HOUR_NS, exchange) == clock.now_ns() == newborn.now_ns == 2 * HOUR_NS


def test_a_wait_until_the_past_lets_no_time_pass() -> None:
    device, port, exchange = make()
    for clock in (EmulatedClock(device, port), RemoteClock(Runs(device))):
        assert clock.wait(-1, exchange) == 0
        assert device.now_ns == 0


class Gate:
    """Where something arrives when a thread says so."""

    def __init__(self, arrived: threading.Event) -> None:
        self._arrived = arrived
        self._open = False

    def ready(self) -> bool:
        return self._open

    def settle(self) -> None:
        raise AssertionError("bytes of the present need no barrier")

    def open(self) -> None:
        self._open = True
        self._arrived.set()


def test_on_the_wall_an_arrival_ends_the_wait() -> None:
    arrived = threading.Event()
    clock = WallClock(arrived)
    quiet, gate = Gate(arrived), Gate(arrived)
    threading.Timer(0.01, gate.open).start()
    assert clock.wait(600 * NS_PER_S, quiet, gate) < 600 * NS_PER_S
    assert gate.ready()


def test_on_the_wall_time_passes_by_itself() -> None:
    arrived = threading.Event()
    clock = WallClock(arrived)
    until_ns = clock.now_ns() + 5_000_000
    assert clock.wait(until_ns, Gate(arrived)) >= until_ns
    assert clock.now_ns() >= until_ns
