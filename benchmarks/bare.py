"""The limits: servers that do nothing but take the bytes of a request and send those of a reply.

    python -m benchmarks.bare pty REQUEST REPLY       both in hexadecimal
    python -m benchmarks.bare tcp REQUEST REPLY
    python -m benchmarks.bare mqtt PORT REPLY
    python -m benchmarks.bare fleet PORT COUNT PERIOD_S PAYLOAD

Each prints where it is, then serves until it is ended.
"""

import asyncio
import os
import socket
import sys
import time
from typing import cast

import aiomqtt

from pumpsim.daemon.flow import first_telemetry_ns

NODELAY = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]


async def pty(request: bytes, reply: bytes) -> None:
    """A pty that an asyncio reader serves."""
    import tty

    near, far = os.openpty()
    tty.setraw(near)
    waiting = 0

    def read() -> None:
        nonlocal waiting
        waiting += len(os.read(near, 4_096))
        while waiting >= len(request):
            waiting -= len(request)
            os.write(near, reply)

    asyncio.get_running_loop().add_reader(near, read)
    print(os.ttyname(far), flush=True)
    await asyncio.Event().wait()


class Echo(asyncio.Protocol):
    """One TCP client."""

    def __init__(self, request: bytes, reply: bytes) -> None:
        """Nothing came in yet."""
        self._length = len(request)
        self._reply = reply
        self._waiting = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came."""
        self._transport = cast("asyncio.Transport", transport)
        line = transport.get_extra_info("socket")
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._waiting += len(data)
        while self._waiting >= self._length:
            self._waiting -= self._length
            self._transport.write(self._reply)


async def tcp(request: bytes, reply: bytes) -> None:
    """A socket that an asyncio protocol serves."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Echo(request, reply), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    print(f"tcp://{host}:{port}", flush=True)
    await asyncio.Event().wait()


async def mqtt(port: int, reply: bytes) -> None:
    """An aiomqtt client that publishes a reply for each message it is sent."""
    client = aiomqtt.Client("127.0.0.1", port, socket_options=NODELAY)
    async with client:
        await client.subscribe("bare/request/+")
        print("bare", flush=True)
        async for message in client.messages:
            name = str(message.topic).rpartition("/")[2]
            await client.publish(f"bare/reply/{name}", reply)


async def fleet(port: int, count: int, period_s: float, payload: str) -> None:
    """As many aiomqtt clients, each publishing once a period, due when the payload says.

    Each in the turn of the pump whose place it takes: at the same instants of a period.
    """
    async with asyncio.TaskGroup() as tasks:
        start_s = time.perf_counter() + 2.0
        for number in range(count):
            tasks.create_task(_publisher(port, number, start_s, period_s, payload))
        print("bare", flush=True)


async def _publisher(port: int, number: int, start_s: float, period_s: float, text: str) -> None:
    topic = f"pumpsim/bare-{number}/telemetry"
    async with aiomqtt.Client("127.0.0.1", port, socket_options=NODELAY) as client:
        due_s = start_s + first_telemetry_ns(f"pump-{number}", 0, round(period_s * 1e9)) / 1e9
        while True:
            wait_s = max(due_s - time.perf_counter(), 0.0)
            await asyncio.sleep(wait_s)  # noqa: TID251  a bare publisher just sleeps
            uptime_ms = round((due_s - start_s) * 1e3)
            await client.publish(topic, text.replace('"uptime_ms":0', f'"uptime_ms":{uptime_ms}'))
            due_s += period_s


def main() -> None:
    """Serve until ended."""
    kind, *arguments = sys.argv[1:]
    if kind in ("pty", "tcp"):
        serve = {"pty": pty, "tcp": tcp}[kind]
        asyncio.run(serve(bytes.fromhex(arguments[0]), bytes.fromhex(arguments[1])))
    elif kind == "mqtt":
        asyncio.run(mqtt(int(arguments[0]), bytes.fromhex(arguments[1])))
    else:
        port, count, period_s, payload = arguments
        asyncio.run(fleet(int(port), int(count), float(period_s), payload))


if __name__ == "__main__":
    main()
