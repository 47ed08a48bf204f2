"""Instruments beside a pump, on real ptys and sockets, in the pump's time."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import pytest
import serial

from pumpsim.daemon.host import Host
from pumpsim.daemon.instrument_port import MAX_TURNS_PER_S, InstrumentPty, Make, socket_of
from pumpsim.daemon.timeline import AS_FAST_AS_IT_GOES
from pumpsim.instruments.julabo import Julabo
from pumpsim.instruments.line import Ailment
from pumpsim.instruments.mt_sics import LOOK_NS, REPEAT_NS, STABLE_LIMIT_NS, MtSics, Nameplate
from pumpsim.instruments.mt_sics import Pan as Shared
from tests.daemon.test_host import DAY, S, pump, turn, turns_until
from tests.instruments.stand_ins import Pan, Tub

TIMEOUT_S = 20.0

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals are POSIX"),
]


class Opened(Protocol):
    def close(self) -> None: ...


class Bench:
    """A host with one pump, and whatever is opened beside it."""

    def __init__(self, speed: float) -> None:
        self.host = Host([pump()], speed)
        self._opened: list[Opened] = []

    def pty(self, make: Make, link: Path | None = None) -> InstrumentPty:
        port = InstrumentPty(self.host, "demo", make, link)
        self._opened.append(port)
        return port

    async def tcp(self, make: Make) -> "Line":
        port = socket_of(self.host, "demo", make)
        await port.listen(("127.0.0.1", 0))
        line = Line(*await asyncio.open_connection(*port.address))
        self._opened += [port, line]
        return line

    def close(self) -> None:
        while self._opened:
            self._opened.pop().close()


Script = Callable[[Bench], Awaitable[None]]


def play(script: Script, speed: float = AS_FAST_AS_IT_GOES) -> None:
    """Play a script while a host with one pump runs; by default time runs only when granted."""

    async def main() -> None:
        bench = Bench(speed)
        running = asyncio.create_task(bench.host.run())
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await script(bench)
        finally:
            bench.close()
            await turn()
            running.cancel()

    asyncio.run(main())


def balance(pan: Pan) -> Callable[[], MtSics]:
    shared, ailment = Shared(), Ailment()
    return lambda: MtSics(pan, Nameplate(), shared, ailment)


def circulator() -> Julabo:
    return Julabo(Tub(), Ailment())


class Line:
    """A connection over TCP, line by line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, command: str) -> None:
        self.writer.write(command.encode() + b"\r\n")

    async def told(self) -> str:
        return (await self.reader.readuntil(b"\r\n")).decode().removesuffix("\r\n")

    async def ask(self, command: str) -> str:
        self.send(command)
        return await self.told()

    def close(self) -> None:
        self.writer.close()


def test_a_serial_library_talks_to_a_circulator(tmp_path: Path) -> None:
    def talk(name: str) -> bytes:
        with serial.Serial(name, 9600, timeout=TIMEOUT_S) as port:
            port.write(b"out_sp_00 37.50\rout_mode_05 1\rin_pv_00\r")
            return bytes(port.read_until(b"\r\n"))

    async def script(bench: Bench) -> None:
        port = bench.pty(circulator, tmp_path / "bath")
        assert port.name == str(tmp_path / "bath")
        assert [await asyncio.to_thread(talk, port.name) for _ in range(3)] == [b"37.50\r\n"] * 3

    play(script)
    assert list(tmp_path.iterdir()) == []


def test_who_opens_next_finds_no_half_command_and_no_repeats() -> None:
    def first(name: str) -> None:
        with serial.Serial(name, timeout=TIMEOUT_S) as port:
            port.write(b"SIR\r\n")
            port.read_until(b"\r\n")
            port.write(b"TA 5")

    def second(name: str) -> bytes:
        with serial.Serial(name, timeout=TIMEOUT_S) as port:
            port.write(b"TA\r\n")
            return bytes(port.read_until(b"\r\n"))

    async def script(bench: Bench) -> None:
        port = bench.pty(balance(Pan(5_000.0)))
        await asyncio.to_thread(first, port.name)
        await turns_until(lambda: bench.host.next_deadline() > REPEAT_NS)  # it was noticed
        assert await asyncio.to_thread(second, port.name) == b"TA A     0.0000 g\r\n"

    play(script)


def test_a_stable_weight_comes_at_its_instant() -> None:
    async def script(bench: Bench) -> None:
        line = await bench.tcp(balance(Pan(5_000.0, settles_ns=S)))
        assert await line.ask("SI") == "S D     5.0000 g"
        line.send("S")
        assert await line.ask("TA") == "TA I"  # it is waiting
        assert bench.host.next_deadline() == LOOK_NS
        await bench.host.run_until(S)
        assert await line.told() == "S S     5.0000 g"

    play(script)


def test_a_weight_that_never_settles_is_given_up_in_real_time_too() -> None:
    async def script(bench: Bench) -> None:
        line = await bench.tcp(balance(Pan(5_000.0, settles_ns=DAY)))
        assert await line.ask("S") == "S I"
        assert bench.host.now_ns >= STABLE_LIMIT_NS

    play(script, speed=10.0)


def test_each_connection_has_its_own_wait_and_all_share_the_pan() -> None:
    async def script(bench: Bench) -> None:
        make = balance(Pan(5_000.0, settles_ns=S))
        one, two = [await bench.tcp(make) for _ in range(2)]
        one.send("S")
        assert await two.ask("TA 1 g") == "TA A     1.0000 g"
        await bench.host.run_until(S)
        assert await one.told() == "S S     4.0000 g"

    play(script)


def test_weights_that_repeat_do_not_drown_a_fast_run() -> None:
    async def script(bench: Bench) -> None:
        line = await bench.tcp(balance(Pan(5_000.0)))
        assert await line.ask("SIR") == "S S     5.0000 g"
        await bench.host.run_until(2 * DAY)
        line.send("@")
        told = 0
        while (await line.told()).startswith("S"):
            told += 1
        assert 0 < told < MAX_TURNS_PER_S * (TIMEOUT_S + 1)
        readings = bench.host.devices["demo"].readings
        assert readings is not None
        assert readings.sequence == 2 * 24 * 60  # none was left out

    play(script)


def test_a_restored_pump_finds_its_instruments_waiting() -> None:
    def wait_for_it(name: str) -> serial.Serial:
        port = serial.Serial(name, timeout=TIMEOUT_S)
        port.write(b"S\r\nTA\r\n")
        assert port.read_until(b"\r\n") == b"TA I\r\n"
        return port

    async def script(bench: Bench) -> None:
        make = balance(Pan(5_000.0, settles_ns=DAY))
        with await asyncio.to_thread(wait_for_it, bench.pty(make).name):
            await restored(bench, await bench.tcp(make))

    async def restored(bench: Bench, line: Line) -> None:
        line.send("S")
        assert await line.ask("TA") == "TA I"
        bench.host.restore(bench.host.take_snapshot())
        assert await line.reader.read() == b""  # hung up
        assert bench.host.next_deadline() > LOOK_NS

    play(script)
