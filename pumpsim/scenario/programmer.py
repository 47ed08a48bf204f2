"""A bedside in process: a device, and a clinic's programmer that asks, commands, and is told no."""

from typing import Any, Final

from protocol import messages as m
from protocol.plain import type_name
from protocol.session import ClientSession
from protocol.vocabulary import Role
from pumpsim.device import Device
from pumpsim.scenario.bedside import RefusedError

LINK: Final = "clinic"
VALIDITY_MS: Final = 3_600_000
"""Nothing delays a command in process; the device's uptime is as old as the last reply."""
FL_PER_NL: Final = 10**6


class DeviceBedside:
    """A device that is implanted already."""

    def __init__(self, device: Device) -> None:
        """Its instants are the scenario's."""
        self.programmer = Programmer(device)
        self._device = device

    def now_ns(self) -> int:
        """The device's instant."""
        return self._device.now_ns

    def wait_until(self, until_ns: int) -> None:
        """Run the device."""
        self._device.advance(until_ns)

    def act(self, stimulus: Any) -> dict[str, int]:
        """At the present instant."""
        return self._device.stimulate(self._device.now_ns, stimulus)

    def residual_nl(self) -> int:
        """By the ledger."""
        return self._device.plant.ledger.reservoir_fl // FL_PER_NL


class Programmer:
    """One programmer for a pump's whole life: its command ids never repeat."""

    def __init__(self, device: Device) -> None:
        """Out of reach of the pump until `open`."""
        self._device = device
        self._session = ClientSession()
        self._commands = 0

    def open(self) -> None:
        """Come into reach, and open a session as a clinician."""
        self._device.attach(LINK)
        self.ask(m.Open(role=Role.CLINICIAN, client=LINK))

    def close(self) -> None:
        """End the session and leave."""
        if self._session.session_id is not None:
            self.command(m.Close())
            self._session.session_id = None
        self._device.detach(LINK)

    def ask(self, body: m.Ask) -> m.Reply:
        """The reply to a request that changes nothing; RefusedError when it is refused."""
        return self._exchange(self._session.ask(body))

    def command(self, body: m.Command) -> m.Reply:
        """The reply to a request that changes something; RefusedError when it is refused."""
        self._commands += 1
        return self._exchange(self._session.command(body, self._commands, VALIDITY_MS))

    def _exchange(self, packet: m.Packet) -> m.Reply:
        device, asked = self._device, packet.header
        assert not isinstance(asked, m.NoticeHeader)
        device.receive(device.now_ns, LINK, packet)
        for link, answer in device.messages_to_send():
            header, body = answer
            if link != LINK or not isinstance(header, m.ReplyHeader):
                continue
            self._session.learn(answer)
            if header.request_id == asked.request_id and isinstance(body, m.Reply):
                if isinstance(body, m.Refused):
                    raise RefusedError(packet.body, body.reason)
                return body
        message = f"no reply to {type_name(type(packet.body))}"
        raise AssertionError(message)  # a device answers every request at once
