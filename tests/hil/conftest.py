"""Devices at the far end of real links, served from a thread of the test."""

import os
import select
import socket
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from protocol.codec import Malformed
from protocol.messages import Packet
from protocol.wire import StreamDecoder, encode
from pumpsim.device import Device
from pumpsim.pumpfile import demo

LINK = "wire"


class Served(NamedTuple):
    """A rig URI, and what ends the far end."""

    uri: str
    unplug: Callable[[], None]


def implanted(*, bare: bool = False, seed: int = 0) -> Device:
    pump = demo()
    if bare:
        pump = pump.model_copy(update={"pump": pump.pump.model_copy(update={"logic": "bare"})})
    device = Device(pump, seed)
    device.implant()
    return device


def serve(device: Device, read: Callable[[], bytes], write: Callable[[bytes], object]) -> None:
    """Answer until the link ends; the device's time stands still."""
    decoder = StreamDecoder()
    device.attach(LINK)
    while data := read():
        for item in decoder.feed(data):
            if isinstance(item, Malformed):
                device.refuse(device.now_ns, LINK, item)
            elif isinstance(item, Packet):
                device.receive(device.now_ns, LINK, item)
        for _, packet in device.messages_to_send():
            write(encode(packet))


@pytest.fixture
def tcp_device() -> Iterator[Served]:
    """A device behind a TCP port; one client."""
    listener = socket.create_server(("127.0.0.1", 0))
    host, port = listener.getsockname()
    accepted: list[socket.socket] = []

    def run() -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        accepted.append(connection)
        try:
            serve(implanted(), lambda: connection.recv(4096), connection.sendall)
        except OSError:
            return

    def unplug() -> None:
        for connection in accepted:
            connection.shutdown(socket.SHUT_RDWR)

    thread = threading.Thread(target=run)
    thread.start()
    yield Served(f"tcp://{host}:{port}", unplug)
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for connection in accepted:
        connection.close()
    thread.join(5)


@pytest.fixture
def pty_device() -> Iterator[Served]:
    """A device behind a pseudo terminal."""
    near, far = os.openpty()
    name = os.ttyname(far)
    wake, waker = os.pipe()

    def read() -> bytes:
        ready, _, _ = select.select([near, wake], [], [])
        return b"" if wake in ready else os.read(near, 4096)

    def run() -> None:
        serve(implanted(), read, lambda data: os.write(near, data))
        os.close(near)
        os.close(far)

    thread = threading.Thread(target=run)
    thread.start()

    def unplug() -> None:
        os.write(waker, b"!")
        thread.join(5)

    yield Served(f"serial://{name}", unplug)
    unplug()
    os.close(wake)
    os.close(waker)
