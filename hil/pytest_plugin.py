"""pytest with a rig: `pytest --rig URI` gives tests the fixtures `rig`, `dut` and `rig_uri`.

One rig for the whole session, made safe after each test. When it breaks, the test at hand fails,
and every later one that wants it is told why at once: nothing waits for a dead rig twice. Without
`--rig` such tests are skipped.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from hil.client import Client
    from hil.rig import Rig

pytest_plugins = ["hil.logic_plugin"]  # by name: it may import all that imports this one
SPELL: Final = "state machine"
"""The property of a test that says how much the state machine did on the rig."""
WAY_OUT: Final = "needs a rig: pytest --rig sim: (or serial:///…, tcp://…, mqtt://…)"


class HeldRig:
    """The session's rig, opened when the first test wants it."""

    def __init__(self, uri: str) -> None:
        """Nothing is opened yet."""
        self.uri = uri
        self.broken: str | None = None
        self._rig: Rig | None = None

    def sound(self) -> "Rig":
        """The rig, which answers; the test ends with the reason when it does not."""
        from hil.errors import BenchError
        from hil.rig import open_rig

        if self.broken is not None:
            pytest.fail(f"the rig broke before this test: {self.broken}", pytrace=False)
        if self._rig is None:
            try:
                self._rig = open_rig(self.uri)
            except BenchError as error:  # no test that was asked for has what it needs
                pytest.exit(f"--rig {self.uri}: {error}", pytest.ExitCode.USAGE_ERROR)
        try:
            self._rig.dut.exchange.settle()
        except BenchError as error:
            self.give_up(str(error))
        return self._rig

    def make_safe(self) -> None:
        """After a test: what it began on the device ends."""
        from hil.errors import BenchError

        try:
            if self._rig is not None and self.broken is None:
                self._rig.make_safe()
        except BenchError as error:
            self.give_up(str(error))

    def give_up(self, reason: str) -> None:
        """It is broken, from now on and for every test."""
        self.broken = reason
        pytest.fail(f"the rig is broken: {reason}", pytrace=False)

    def close(self) -> None:
        """Leave the device quiet, and give every port back."""
        from hil.errors import BenchError

        if self._rig is not None:
            failed = None if self.broken is None else BenchError(self.broken)
            self._rig.__exit__(type(failed) if failed else None, failed, None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which rig, and how patient."""
    group = parser.getgroup("hil", "a pump on a rig")
    group.addoption(
        "--rig",
        metavar="URI",
        help="the rig that tests with the fixtures rig and dut run on, such as sim: or "
        "serial:///dev/ttyUSB0; without paths, all that a device alone can be asked",
    )
    group.addoption(
        "--patience",
        metavar="DURATION",
        default="10 s",
        help="how long a conformance case may wait where time is not virtual (10 s)",
    )
    group.addoption(
        "--budget",
        metavar="DURATION",
        help="how long the state machine may begin new examples on the rig "
        "(2 min; in virtual time a few examples)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """A time that is none is told before anything is opened."""
    from hil.errors import LocalError
    from hil.rig import duration_ns

    budget = config.getoption("--budget")
    try:
        if budget is not None:
            duration_ns(budget)
    except LocalError as error:
        raise pytest.UsageError(f"--budget: {error}") from None


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """How much the state machine did on the rig: nobody has asked for a number."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, told in report.user_properties:
            if name == SPELL:
                terminalreporter.write_line(f"{name}: {told} on {config.getoption('--rig')}")


@pytest.fixture(scope="session")
def rig_uri(request: pytest.FixtureRequest) -> str:
    """What `--rig` says."""
    uri: str | None = request.config.getoption("--rig")
    if uri is None:
        pytest.skip(WAY_OUT)
    return uri


@pytest.fixture(scope="session")
def held_rig(rig_uri: str) -> Iterator[HeldRig]:
    """The session's rig, whatever state it is in."""
    held = HeldRig(rig_uri)
    yield held
    held.close()


@pytest.fixture
def rig(held_rig: HeldRig) -> Iterator["Rig"]:
    """The rig, made safe after the test."""
    yield held_rig.sound()
    held_rig.make_safe()


@pytest.fixture
def dut(rig: "Rig") -> "Client":
    """The device under test."""
    return rig.dut
