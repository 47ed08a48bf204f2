"""An instrument's serial port and socket: its interpreter on a pty, and on TCP.

Each connection has an interpreter of its own, as each far end of a real line would; what they say
stands on one model. Wall time has a part in one thing only: how much an instrument that repeats
itself may say, or look, in a second.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from pumpsim.daemon.flow import Budget
from pumpsim.daemon.host import Host
from pumpsim.daemon.pty_port import Pty
from pumpsim.daemon.tcp_port import TcpPort
from pumpsim.instruments.line import Interpreter

MAX_TURNS_PER_S: Final = 200.0
"""Of one line, by the wall clock: SIR in fast time would drown it, and the pump with it."""

Make = Callable[[], Interpreter]


class InstrumentLine:
    """One connection to an instrument that stands beside a device."""

    def __init__(
        self,
        host: Host,
        device: str,
        make: Make,
        write: Callable[[bytes], None],
        congested: Callable[[], bool],
    ) -> None:
        """`write` must not block; while `congested`, nothing is repeated."""
        self._host = host
        self._device = device
        self._make = make
        self._write = write
        self._congested = congested
        self._budget = Budget(MAX_TURNS_PER_S)
        self._interpreter = make()
        host.place(device, self)

    def feed(self, data: bytes) -> None:
        """Bytes came in."""
        interpreter = self._interpreter
        self._say(self._host.act(self._device, lambda now_ns: interpreter.receive(now_ns, data)))

    def next_deadline(self) -> int | None:
        """When the interpreter has something to do, unless the line has no room for it."""
        due_ns = self._interpreter.next_deadline()
        held = due_ns is not None and (self._congested() or not self._budget.ready())
        return None if held else due_ns

    def advance(self, now_ns: int) -> None:
        """What is due."""
        if self._budget.take():
            self._say(self._interpreter.advance(now_ns))

    def renew(self) -> None:
        """The far end is another one: half a command and repeats of the last one are over."""
        self._interpreter = self._make()

    def close(self) -> None:
        """The connection is gone."""
        self._host.remove(self._device, self)

    def _say(self, data: bytes) -> None:
        if data:
            self._write(data)


class InstrumentPty:
    """The serial port of one instrument."""

    def __init__(self, host: Host, device: str, make: Make, link: Path | None) -> None:
        """Open it; PortError as `Pty`."""
        self._pty = Pty(link, self._feed, self._left)
        self._line = InstrumentLine(host, device, make, self._pty.write, self._pty.full)
        host.on_restore(self._line.renew)

    @property
    def name(self) -> str:
        """What to open: the link where there is one."""
        return self._pty.name

    def close(self) -> None:
        """Give the pty and its link back."""
        self._pty.close()

    def _feed(self, data: bytes) -> None:
        self._line.feed(data)

    def _left(self) -> None:
        self._line.renew()


def socket_of(host: Host, device: str, make: Make) -> TcpPort:
    """The socket of one instrument, not listening yet."""
    return TcpPort(
        host,
        lambda _name, write, congested, _cut: InstrumentLine(host, device, make, write, congested),
    )
