"""The embedded MQTT broker, for benches that have none: amqtt on a loopback socket of ours.

The socket is ours so that its port can be any free one, and so that nothing waits for Nagle.
"""

import asyncio
import logging
import socket
from contextlib import suppress

from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter
from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig, ListenerType
from amqtt.session import Session

LISTENER = "default"


class _Broker(Broker):  # type: ignore[misc]  # amqtt ships no types
    """amqtt 0.12 tells each new client what is retained for anybody's subscriptions.

    Whoever asked for nothing is told; and while that goes on, what a client says that leaves at
    once, as `mosquitto_pub` does, is lost.
    """

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        """What is retained, for its own subscriptions alone."""
        topic_filter, _ = subscription
        if any(own is session for own, _ in self._subscriptions.get(topic_filter, [])):
            await super()._publish_retained_messages_for_subscription(subscription, session)


class EmbeddedBroker:
    """A broker for anyone on this machine."""

    def __init__(self) -> None:
        """Not listening yet."""
        for name in ("amqtt", "transitions"):  # they tell of each packet
            logging.getLogger(name).setLevel(logging.CRITICAL)
        listener = ListenerConfig(type=ListenerType.EXTERNAL)
        plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
        self._broker = _Broker(BrokerConfig(listeners={LISTENER: listener}, plugins=plugins))
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self, port: int = 0) -> None:
        """Listen on loopback; OSError when the port is taken."""
        await self._broker.start()
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """End every connection."""
        if self._server is not None:
            self._server.close()
        await self._broker.shutdown()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = writer.get_extra_info("socket")
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(OSError):  # whoever is refused, as MQTT 5 is, may be gone before it is closed
            await self._broker.external_connected(
                StreamReaderAdapter(reader), StreamWriterAdapter(writer), LISTENER
            )
