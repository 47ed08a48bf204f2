"""Chaos on the bench's end of a link: in process by seed alone, on real links in wall time."""

import threading
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from hil.client import Client
from hil.emulated.bench import EmulatedPort
from hil.emulated.chaos import ChaoticLink, ChaoticPort, LinkChaos
from hil.errors import LinkError, LocalError
from hil.exchange import Exchange
from hil.port import Item, LinkPort, StreamCodec
from hil.rig import open_rig
from protocol import messages as m
from protocol.control import Outcome, Readings
from protocol.vocabulary import OutcomeState, ResetCause
from pumpsim import stimuli
from pumpsim.chaos.settings import ChaosFile, ChaosSection, Way
from pumpsim.device import SAMPLE_NS, Device
from pumpsim.pumpfile import demo
from tests.hil.conftest import Served

NONE: Final = Way()
LISTENING = {"tcp_device": "tcp", "pty_device": "serial"}


class Spy:
    """A tap that keeps what a device took for sound, and what it sent."""

    def __init__(self) -> None:
        self.requests: list[m.Packet] = []
        self.answers: list[m.Packet] = []

    def received(self, _now_ns: int, _link: str, packet: m.Packet) -> None:
        self.requests.append(packet)

    def sent(self, _now_ns: int, _link: str, packet: m.Packet) -> None:
        self.answers.append(packet)

    def booted(self, now_ns: int, cause: ResetCause, boot_id: int) -> None: ...
    def sampled(self, now_ns: int, ticks: int, readings: Readings) -> None: ...
    def hour(self, now_ns: int) -> None: ...
    def decided(self, now_ns: int, ticks: int, outcome: Outcome) -> None: ...
    def stimulated(self, now_ns: int, stimulus: Any) -> None: ...


class Watched:
    """A port that keeps what its user sent and got."""

    def __init__(self, port: ChaoticPort) -> None:
        self.name = port.name
        self.sent: list[m.Packet] = []
        self.got: list[Item] = []
        self._port = port

    def send(self, packet: m.Packet) -> None:
        self.sent.append(packet)
        self._port.send(packet)

    def receive(self, timeout_s: float) -> Item | None:
        item = self._port.receive(timeout_s)
        if item is not None:
            self.got.append(item)
        return item

    def ready(self) -> bool:
        return self._port.ready()

    def close(self) -> None:
        self._port.close()


class Bedside:
    """A running pump, and a client behind a chaotic line."""

    def __init__(self, to_device: Way = NONE, from_device: Way = NONE, seed: int = 1) -> None:
        self.spy = Spy()
        self.device = Device(demo(), 1, self.spy)
        self.device.implant()
        chaos = ChaosSection(seed=seed, links=("tcp",))
        self.chaos = LinkChaos(
            ChaosFile(chaos=chaos, to_device=to_device, from_device=from_device), "tcp"
        )
        self.emulated = EmulatedPort(self.device)
        self.port = Watched(ChaoticPort(self.emulated, self.chaos))
        self.ids = iter(range(1_000, 2_000))
        self.drawn: list[int] = []
        self.client = Client(Exchange(self.port, draw=self.draw))

    def draw(self) -> int:
        self.drawn.append(next(self.ids))
        return self.drawn[-1]


def test_a_line_without_chaos_is_a_line() -> None:
    bedside = Bedside()
    assert bedside.client.identify().device_id == "demo"
    assert bedside.client.begin_refill() == m.Done()
    assert len(bedside.port.sent) == len(bedside.spy.requests)


def test_delayed_replies_come_in_their_time_and_none_is_asked_for_twice() -> None:
    late = Way.model_validate({"delay": "400 ms", "jitter": "500 ms"})
    bedside = Bedside(late, late)
    assert bedside.client.begin_refill() == m.Done()
    assert len(bedside.port.sent) == len(bedside.spy.requests)


def test_one_seed_is_one_course() -> None:
    """Though every request waits by a count-down of the wall clock."""
    noisy = Way.model_validate(
        {
            "loss": 0.2,
            "bit_errors": 0.001,
            "duplication": 0.2,
            "jitter": "900 ms",
            "reordering": 0.3,
            "overtaken_by": "1 s",
            "silence": 0.05,
            "silence_length": "3 s",
            "split": 0.3,
        }
    )

    def course(seed: int) -> Any:
        bedside = Bedside(noisy, noisy, seed)
        for _ in range(20):
            try:
                bedside.client.status()
            except LinkError:
                continue
        ids = [packet.header.request_id for packet in bedside.port.sent]  # type: ignore[union-attr]  # requests
        return [number - ids[0] for number in ids], bedside.chaos.counts()

    assert course(1) == course(1)
    assert course(1) != course(2)


def test_a_cut_is_the_rigs_failure_and_stays_one() -> None:
    bedside = Bedside(Way(disconnect=1))
    for _ in range(2):
        with pytest.raises(LinkError, match="was cut by chaos"):
            bedside.client.identify()
    assert bedside.spy.requests == []


def test_what_was_said_while_device_time_passed_has_arrived() -> None:
    bedside = Bedside(from_device=Way.model_validate({"delay": "1 s"}))
    bedside.client.subscribe_samples(enabled=True)
    bedside.device.advance(5 * SAMPLE_NS)
    bedside.emulated.deliver()
    assert bedside.client.exchange.ready()


# ---- a client over chaos, whatever chaos


def shares(highest: float) -> st.SearchStrategy[float]:
    return st.just(0.0) | st.floats(0.0, highest)


MS = st.integers(0, 3_000).map("{} ms".format)
WAYS: Final = st.builds(
    dict,
    delay=MS,
    jitter=MS,
    loss=shares(0.9),
    duplication=shares(1.0),
    reordering=shares(1.0),
    overtaken_by=st.integers(1, 5_000).map("{} ms".format),
    bit_errors=shares(0.02),
    burst=shares(0.9),
    burst_bits=st.integers(2, 8_192),
    split=shares(1.0),
    split_pieces=st.integers(2, 64),
    split_pause=MS,
    truncation=shares(0.9),
    silence=shares(0.3),
    silence_length=st.integers(1, 20_000).map("{} ms".format),
    disconnect=shares(0.05),
).map(Way.model_validate)
"""Anything short of total silence."""
DEEDS: Final = st.lists(
    st.sampled_from(["status", "alarms", "log", "begin", "abort", "test", "clock", "wait"]),
    min_size=3,
    max_size=12,
)


def do(bedside: Bedside, deed: str) -> Any:
    client = bedside.client
    match deed:
        case "status":
            return client.status()
        case "alarms":
            return client.alarms()
        case "log":
            return list(client.read_log())
        case "begin":
            return client.begin_refill()
        case "abort":
            return client.abort_refill()
        case "test":
            return client.run_self_test()
        case "clock":
            return client.set_clock(1_800_000_000)
        case _:
            bedside.device.advance(bedside.device.now_ns + 7 * SAMPLE_NS)
            return m.Done()


@pytest.mark.slow
@settings(max_examples=60, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.integers(0, 2**53 - 1), WAYS, WAYS, DEEDS)
def test_a_client_over_any_chaos_gets_its_answer_or_a_clear_error(
    seed: int, out: Way, back: Way, deeds: list[str]
) -> None:
    """COM-01, COM-02, COM-03, COM-04, COM-09: and the pump goes on as if nobody were there."""
    bedside = Bedside(out, back, seed)
    told: dict[int, m.Reply] = {}
    for deed in deeds:
        before = len(bedside.drawn)
        try:
            reply = do(bedside, deed)
        except LinkError:  # which names what stayed without an answer
            continue
        assert reply is not None
        for command_id in bedside.drawn[before:]:
            told[command_id] = reply
    device = bedside.device
    # no frame that chaos has spoilt was taken for one that was sent, at either end
    assert all(packet in bedside.port.sent for packet in bedside.spy.requests)
    assert all(item in bedside.spy.answers for item in bedside.port.got)
    # what the client was told is what happened, once
    clean = Client(Exchange(EmulatedPort(device)))
    acted = [entry.value for entry in clean.read_log() if entry.kind.name == "COMMAND_DONE"]
    assert len(acted) == len(set(acted))
    for command_id, reply in told.items():
        refused = isinstance(reply, m.Refused)
        state = clean.query_outcome(command_id).state
        expected = {OutcomeState.REFUSED, OutcomeState.UNKNOWN} if refused else {OutcomeState.DONE}
        assert state in expected
        assert (command_id in acted) == (not refused)
    # and monitoring went on: every sample, no reset, and an alarm when there is reason to
    device.stimulate(device.now_ns, stimuli.ADAPTER.validate_python({"kind": "withdraw"}))
    device.advance(device.now_ns + 180 * SAMPLE_NS)  # a refill window that was left open is over
    assert device.readings is not None
    assert device.readings.sequence == device.now_ns // SAMPLE_NS
    assert device.resets == 0
    assert device.beliefs is not None
    assert device.beliefs.alarms


# ---- on real links


@pytest.fixture(params=LISTENING)
def served(request: pytest.FixtureRequest) -> tuple[str, Served]:
    found: Served = request.getfixturevalue(request.param)
    return LISTENING[request.param], found


def chaos_file(folder: Path, text: str) -> Path:
    path = folder / "chaos.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.slow
def test_a_real_link_delays_and_loses_and_the_client_repeats(
    served: tuple[str, Served], tmp_path: Path
) -> None:
    transport, device = served
    path = chaos_file(
        tmp_path,
        f'[chaos]\nlinks = ["{transport}"]\nseed = 5\n'
        '[to_device]\nloss = 0.1\ndelay = "1 ms"\n[from_device]\njitter = "2 ms"\nsplit = 0.5\n',
    )
    with open_rig(f"{device.uri}?chaos={path}") as rig:
        for _ in range(20):
            assert isinstance(rig.dut.status(), m.Status)
        assert rig.dut.begin_refill() == m.Done()
        assert rig.dut.abort_refill() == m.Done()


def test_a_real_connection_is_cut(tcp_device: Served, tmp_path: Path) -> None:
    path = chaos_file(tmp_path, '[chaos]\nlinks = ["tcp"]\n[from_device]\ndisconnect = 1\n')
    with pytest.raises(LinkError, match="was cut by chaos"):
        open_rig(f"{tcp_device.uri}?chaos={path}")


def test_a_link_that_breaks_beneath_is_told_as_ever(tcp_device: Served, tmp_path: Path) -> None:
    path = chaos_file(tmp_path, '[chaos]\nlinks = ["tcp"]\n[to_device]\ndelay = "1 ms"\n')
    rig = open_rig(f"{tcp_device.uri}?chaos={path}")
    tcp_device.unplug()
    with pytest.raises(LinkError, match=r"closed the connection|was lost"), rig:
        rig.dut.status()


def test_a_link_is_closed_though_much_is_on_its_way() -> None:
    class Still:
        """A link on which nothing ever comes."""

        name = "still"
        written: list[bytes]

        def __init__(self) -> None:
            self.written = []

        def start(self, deliver: Any, fail: Any) -> None: ...

        def write(self, data: bytes) -> None:
            self.written.append(data)

        def close(self) -> None: ...

    late = ChaosFile(
        chaos=ChaosSection(links=("tcp",)), to_device=Way.model_validate({"delay": "60 s"})
    )
    still = Still()
    link = ChaoticLink(still, LinkChaos(late, "tcp"))
    port = LinkPort(link, StreamCodec(), threading.Event())
    port.send_raw(b"\0a\0")
    port.close()
    assert still.written == []


@pytest.mark.parametrize("uri", ["sim:?chaos={}", "sim:?seed=3&chaos={}"])
def test_a_rig_in_process_takes_a_chaos_file(tmp_path: Path, uri: str) -> None:
    path = chaos_file(tmp_path, '[to_device]\nloss = 0.3\n[from_device]\njitter = "10 ms"\n')
    with open_rig(uri.format(path)) as rig:
        rig.wait("1 h")
        assert isinstance(rig.dut.status(), m.Status)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[chaos]\nlinks = ["serial"]\n', "chaos.links are serial, and this link is tcp"),
        ("[to_device]\nloss = 2\n", "loss: must be at most 1"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_chaos_file_that_is_none_is_refused(
    tmp_path: Path, text: str | None, sentence: str
) -> None:
    path = tmp_path / "none.toml" if text is None else chaos_file(tmp_path, text)
    with pytest.raises(LocalError, match=sentence):
        open_rig(f"sim:?chaos={path}")
    with pytest.raises(LocalError, match="chaos= names no file"):
        open_rig("sim:?chaos=")
