"""Status over MQTT by an aiomqtt client.

Through a stock mosquitto, against a bare aiomqtt pair on the same broker; and through the embedded
broker.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

import aiomqtt

from benchmarks.bare import NODELAY
from benchmarks.figures import Round, contest_async, figure, goal, judge, percentile_ms, report
from benchmarks.processes import bare, mosquitto, pumpsim
from protocol.codec import to_json
from protocol.messages import AskHeader, GetStatus, Packet

REQUEST: Final = to_json(Packet(AskHeader(request_id=70_000), GetStatus()))
CLIENT: Final = "bench"
ROUNDS = 25
EXCHANGES = 200
EMBEDDED_ROUNDS = 7
TIMEOUT_S = 5.0


class Requester:
    """One aiomqtt client and the topics that it uses."""

    def __init__(self, client: aiomqtt.Client, tree: str) -> None:
        """`tree` holds the branches `request` and `reply`."""
        self._client = client
        self._topic = f"{tree}/request/{CLIENT}"

    async def exchange(self) -> bytes:
        """A status request, and its reply."""
        await self._client.publish(self._topic, REQUEST)
        message = await anext(self._client.messages)
        assert isinstance(message.payload, bytes)
        return message.payload

    async def take_round(self, count: int) -> Round:
        """Time so many exchanges, each by itself."""
        durations_ns = []
        clock = time.perf_counter_ns
        async with asyncio.timeout(TIMEOUT_S + count * 0.1):
            for _ in range(count):
                start_ns = clock()
                await self.exchange()
                durations_ns.append(clock() - start_ns)
        return Round(durations_ns)


@asynccontextmanager
async def requester(port: int, tree: str) -> AsyncIterator[Requester]:
    """Connect, and listen for replies."""
    async with aiomqtt.Client("127.0.0.1", port, socket_options=NODELAY) as client:
        await client.subscribe(f"{tree}/reply/{CLIENT}")
        yield Requester(client, tree)


async def through_mosquitto(port: int) -> None:
    """Measure and print."""
    async with requester(port, "pumpsim/demo") as ours:
        reply = await ours.exchange()
        with bare("mqtt", str(port), reply.hex()):
            async with requester(port, "bare") as limit:
                result = await contest_async(ours.take_round, limit.take_round, ROUNDS, EXCHANGES)
    print(f"MQTT through mosquitto: {len(REQUEST)} bytes out, {len(reply)} in")
    report("status", result)
    judge(result, 0.6)
    goal("p50", percentile_ms(result.ours, 50), 1.0, " ms")


async def through_embedded(port: int) -> None:
    """Measure and print."""
    async with requester(port, "pumpsim/demo") as ours:
        await ours.take_round(EXCHANGES)
        rounds = [await ours.take_round(EXCHANGES) for _ in range(EMBEDDED_ROUNDS)]
    print("MQTT through the embedded broker")
    goal("p50", percentile_ms(rounds, 50), 2.0, " ms")
    figure("p99", percentile_ms(rounds, 99), " ms")


def main() -> None:
    """Both brokers."""
    with mosquitto() as port, pumpsim("--mqtt", f"mqtt://127.0.0.1:{port}"):
        asyncio.run(through_mosquitto(port))
    with pumpsim("--mqtt", "embedded") as served:
        embedded = urlsplit(served.uri("mqtt")).port
        assert embedded is not None
        asyncio.run(through_embedded(embedded))


if __name__ == "__main__":
    main()
