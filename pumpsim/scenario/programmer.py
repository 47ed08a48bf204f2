"""A clinic's programmer on an in-process link: it asks, commands, and is told no."""

from typing import Final

from protocol import messages as m
from protocol.plain import type_name
from protocol.session import ClientSession
from protocol.vocabulary import Refusal, Role
from pumpsim.device import Device

LINK: Final = "clinic"
VALIDITY_MS: Final = 3_600_000
"""Nothing delays a command in process; the device's uptime is as old as the last reply."""


class RefusedError(Exception):
    """The pump refused a request; nothing was changed by it."""

    def __init__(self, request: m.Body, reason: Refusal) -> None:
        """Keep the reason apart from the sentence."""
        self.request = type_name(type(request))
        self.reason = reason
        super().__init__(f"the pump refused {self.request}: {reason.name.lower()}")


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

    def status(self) -> m.StatusPart:
        """The state as the pump believes it."""
        reply = self.ask(m.GetStatus())
        assert isinstance(reply, m.Status)
        return reply.status

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
