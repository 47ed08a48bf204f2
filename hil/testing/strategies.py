"""What Hypothesis draws: packets, frames, noise, readings, pumps, lives and what people ask for.

Messages are derived from their declarations, so that whatever may stand on the wire is drawn.
"""

from collections.abc import Callable, Sequence
from enum import IntEnum
from functools import cache
from typing import Any, Final

from hypothesis import strategies as st

from hil.testing.steady import CONFIGURATION, REFILL, USUAL
from protocol import messages as m
from protocol.control import Readings
from protocol.messages import MESSAGES, Body, Header, Packet, Part, header_type
from protocol.schema import Shape, fields
from protocol.vocabulary import Role
from protocol.wire import encode

CHOSEN = (0, 1, 23, 24, 255, 256, 65_535, 65_536, 2**32 - 1, 2**53 - 1)
"""Where the length of an integer in CBOR changes."""


@cache
def values(shape: Shape) -> st.SearchStrategy[Any]:
    """Every value a shape allows, the edges of integers more often."""
    present = _present(shape)
    return st.none() | present if shape.optional else present


def _present(shape: Shape) -> st.SearchStrategy[Any]:
    if shape.kind is int:
        low, high = shape.low, shape.high
        assert low is not None
        assert high is not None
        edges = [v for n in CHOSEN for v in (n, -n) if low <= v <= high]
        return st.sampled_from([low, high, *edges]) | st.integers(low, high)
    if shape.kind is bool:
        return st.booleans()
    if shape.kind is str:
        alphabet = st.characters(min_codepoint=32, max_codepoint=126)
        if shape.pattern is None:
            alphabet = st.characters(exclude_categories=["Cs"])
        return st.text(alphabet, min_size=shape.low or 0, max_size=shape.high)
    if shape.kind is tuple:
        assert shape.item is not None
        return st.lists(values(shape.item), max_size=shape.high).map(tuple)
    if issubclass(shape.kind, IntEnum):
        return st.sampled_from(shape.kind)
    assert issubclass(shape.kind, Part)
    return parts(shape.kind)


@cache
def parts(part: type[Part]) -> st.SearchStrategy[Any]:
    """Instances of a part, a header or a body."""
    return st.builds(part, **{field.name: values(field.shape) for field in fields(part)})


@cache
def packets_of(body: type[Body]) -> st.SearchStrategy[Packet]:
    """Packets with a body of one kind."""
    return st.builds(Packet, parts(header_type(body)), parts(body))


packets = st.sampled_from(MESSAGES).flatmap(packets_of)
"""Any packet."""


def made(part: type[Part], pick: Callable[[Shape], Any], *, whole: bool = True) -> Any:
    """A part whose integers and texts are picked; lists full and nothing unknown, or neither."""
    wanted = (field for field in fields(part) if whole or not field.shape.optional)
    return part(**{field.name: _made(field.shape, pick, whole=whole) for field in wanted})


def _made(shape: Shape, pick: Callable[[Shape], Any], *, whole: bool) -> Any:
    if shape.kind in (int, str):
        return pick(shape)
    if shape.kind is bool:
        return whole
    if shape.kind is tuple:
        assert shape.item is not None
        count = (shape.high or 0) if whole else 0
        return tuple(_made(shape.item, pick, whole=whole) for _ in range(count))
    if issubclass(shape.kind, IntEnum):
        return max(shape.kind) if whole else min(shape.kind)
    assert issubclass(shape.kind, Part)
    return made(shape.kind, pick, whole=whole)


def smallest(body: type[Body]) -> Packet:
    """The packet of that kind that takes the fewest bytes."""
    header: Header = made(header_type(body), _shortest, whole=False)
    return Packet(header, made(body, _shortest, whole=False))


def largest(body: type[Body]) -> Packet:
    """The packet of that kind that takes the most bytes."""
    header: Header = made(header_type(body), _longest)
    return Packet(header, made(body, _longest))


def _shortest(shape: Shape) -> Any:
    low, high = shape.low or 0, shape.high or 0
    return "a" * low if shape.kind is str else max(low, min(0, high))


def _longest(shape: Shape) -> Any:
    low, high = shape.low or 0, shape.high or 0
    if shape.kind is str:
        return ("~" if shape.pattern else "\U0001f600") * high
    return low if -low > high else high


# ---- bytes

frames: st.SearchStrategy[bytes] = packets.map(encode)
"""Any packet as a frame, delimiters included."""


SPECIMENS: Final = tuple(encode(make(body)) for body in MESSAGES for make in (smallest, largest))
"""Of each message, the shortest frame and the longest: for what is no test of the codec."""


@st.composite
def damaged_frames(draw: st.DrawFn, sound: st.SearchStrategy[bytes] = frames) -> bytes:
    """A sound frame with a byte changed, left out, doubled or cut off."""
    frame = bytearray(draw(sound))
    place = draw(st.integers(0, len(frame) - 1))
    match draw(st.sampled_from(["changed", "lost", "doubled", "cut"])):
        case "changed":
            frame[place] ^= draw(st.integers(1, 255))
        case "lost":
            del frame[place]
        case "doubled":
            frame.insert(place, frame[place])
        case _:
            del frame[place:]
    return bytes(frame)


noise = st.one_of(
    st.binary(max_size=64),
    st.integers(1, 2_048).map(lambda count: b"\x00" * count),
    st.integers(1, 2_048).map(lambda count: b"\xff" * count),
    damaged_frames(st.sampled_from(SPECIMENS)),
)
"""What a line carries that is no message, or is one no more."""

# ---- pumps and the people who carry them

REFILL_AGAIN: Final = REFILL.model_copy(update={"withdrawn_nl": 27_000_000, "batch": "A2"})
SENSORS: Final = tuple(name for name in Readings._fields[1:-2] if name != "catheter_pulse_pa")
RAILS: Final = (0, 1, 25, 699_975, 700_000, 310_150, 323_150, 33_000_000, 2**31, -1, 2**53 - 1)


@st.composite
def configurations(draw: st.DrawFn) -> m.Configuration:
    """A configuration that a pump may be given: limits in order, flows that suit it."""
    capacity_nl = draw(st.integers(10_000_000, 60_000_000))
    low_nl = draw(st.integers(capacity_nl // 20, capacity_nl // 4))
    return CONFIGURATION.model_copy(
        update={
            "capacity_nl": capacity_nl,
            "low_volume_nl": low_nl,
            "empty_volume_nl": draw(st.integers(0, low_nl - 1)),
            "nominal_flow_nl_per_h": draw(st.integers(47_000, 62_000)),
            "tolerance_permille": draw(st.integers(50, 300)),
            "catheter_volume_nl": draw(st.integers(1_000, 500_000)),
            "refill_interval_s": draw(st.integers(1, 90)) * 86_400,
            "refill_grace_s": draw(st.integers(0, 7)) * 86_400,
            "drug_stability_s": draw(st.integers(1, 90)) * 86_400,
            "dose_limit_permille": draw(st.integers(1_000, 2_000)),
        }
    )


@st.composite
def refills(draw: st.DrawFn) -> m.Refill:
    """A declared refill, honest or not."""
    return m.Refill(
        withdrawn_nl=draw(st.integers(0, 30_000_000)),
        filled_nl=draw(st.integers(1, 40_000_000)),
        drug=draw(st.sampled_from(["FUDR", "saline", "heparin"])),
        concentration_ng_per_ml=draw(st.sampled_from([0, 1, 6_460_000, 10**9, 10**12])),
        viscosity_permille=draw(st.integers(500, 8_000)),
        batch="B7",
        stability_s=draw(st.sampled_from([None, 0, 5 * 86_400, 90 * 86_400])),
    )


def patients() -> st.SearchStrategy[dict[str, str]]:
    """The [patient] table of a pump file."""
    return st.fixed_dictionaries(
        {
            "body_temperature": st.integers(360, 380).map(lambda t: f"{t / 10} degC"),
            "circadian_amplitude": st.integers(0, 6).map(lambda a: f"{a / 10} K"),
            "arterial_pressure": st.integers(80, 110).map(lambda p: f"{p} mmHg"),
            "altitude": st.integers(0, 1_500).map(lambda h: f"{h} m"),
        }
    )


FEVERS: Final = [{"kind": "fever", "rise": f"{tenths / 10} K"} for tenths in range(5, 36)]
BATHS: Final = [{"kind": "warm_bath", "rise": f"{rise} K"} for rise in range(1, 6)]
JOURNEYS: Final = [
    {"kind": "altitude", "height": f"{height} m", "duration": f"{hours} h"}
    for height in range(200, 3_501, 100)
    for hours in range(1, 13)
]
DIVES: Final = [{"kind": "dive", "pressure": f"{pressure} kPa"} for pressure in range(10, 301, 10)]

RESTRICTORS: Final = [
    {"kind": "plant_condition", "name": "restrictor_conductance_factor", "value": value}
    for value in (0.0, 0.5, 0.7, 1.3, 2.0, 3.0)
]
HARMFUL: Final = ("9 h", "1 d")
"""So long a pump stands still, or gives too much, before it has to be told at the latest."""
SILENT: Final = [{"kind": "sensor_fault", "channel": name, "missing": True} for name in SENSORS]
BATTERIES: Final = [{"kind": "battery_fault", "drop_mv": drop_mv} for drop_mv in range(1_001)]
THEFTS: Final = [{"kind": "withdraw", "volume": f"{volume} mL"} for volume in range(1, 6)]
RESTARTS: Final = [{"kind": "power_cycle"}]
CLOCKS: Final = [{"kind": "clock_fault", "back": "2 h"}]


def environments() -> st.SearchStrategy[dict[str, Any]]:
    """What life does to the body: a stimulus of the laboratory."""
    return _any_of(FEVERS, BATHS, JOURNEYS, DIVES)


def faults() -> st.SearchStrategy[dict[str, Any]]:
    """What breaks: a stimulus of the laboratory."""
    return _any_of(RESTRICTORS, SILENT, BATTERIES, THEFTS, RESTARTS, CLOCKS)


def _any_of(*kinds: Sequence[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """A kind, and one of it: two draws, where each part of it drawn for itself takes many."""
    return st.one_of(*map(st.sampled_from, kinds))


def schedules(
    stimuli: st.SearchStrategy[dict[str, Any]] | None = None, longest_h: int = 24, most: int = 5
) -> st.SearchStrategy[list[tuple[int, dict[str, Any]]]]:
    """Stimuli with the hours that pass before each."""
    drawn = faults() | environments() if stimuli is None else stimuli
    return st.lists(st.tuples(st.integers(0, longest_h), drawn), max_size=most)


# ---- what logic is given


@st.composite
def readings(draw: st.DrawFn) -> Readings:
    """A sample: which fields are not as usual, and what they are; anything that is declared."""
    new = {name: draw(value) for name, value in DEVIATIONS.items() if draw(st.booleans())}
    return USUAL._replace(**new)


def _deviation(shape: Shape, usual: int) -> st.SearchStrategy[Any]:
    if shape.kind is bool:
        return st.just(not usual)
    return st.none() | st.sampled_from(RAILS) | st.integers(0, 2 * usual) | values(shape)


DEVIATIONS: Final = {
    field.name: _deviation(field.shape, getattr(USUAL, field.name))
    for field in fields(m.ReadingsPart)
    if field.name != "sequence"
}
"""Of each field: what it may be instead."""


LOGIC_REQUESTS: Final = (
    m.GetStatus,
    m.ListAlarms,
    m.ReadConfiguration,
    m.Close,
    m.AcknowledgeAlarm,
    m.PauseAudio,
    m.BeginRefill,
    m.CommitRefill,
    m.AbortRefill,
    m.BeginBolusAccess,
    m.EndBolusAccess,
    m.WriteConfiguration,
    m.SetClock,
    m.RunSelfTest,
    m.Explant,
)


def logic_requests() -> st.SearchStrategy[Body]:
    """Any request that reaches control logic, often one that makes sense."""
    anything = st.sampled_from(LOGIC_REQUESTS).flatmap(parts)
    return anything | commands()


def commands() -> st.SearchStrategy[m.Command]:
    """What a programmer sends, in no order."""
    return st.one_of(
        st.builds(m.BeginRefill),
        st.builds(m.AbortRefill),
        st.builds(m.CommitRefill, refill=refills()),
        st.builds(m.EndBolusAccess, injected_nl=st.integers(0, 5_000_000)),
        st.builds(m.SetClock, rtc_s=st.integers(1_577_836_800, 2**40)),
        st.builds(m.RunSelfTest),
        st.builds(m.Explant),
        st.builds(
            m.WriteConfiguration,
            base_config_id=st.integers(0, 3),
            configuration=configurations(),
        ),
    )


def command_sequences(most: int = 10) -> st.SearchStrategy[list[tuple[m.Command, Role, int]]]:
    """Commands with who sends them, and the minutes that pass before each."""
    one = st.tuples(commands(), st.sampled_from(Role), st.integers(0, 60))
    return st.lists(one, max_size=most)
