"""What Hypothesis draws: whole packets and their largest, derived from the declarations."""

from collections.abc import Callable
from enum import IntEnum
from functools import cache
from typing import Any

from hypothesis import strategies as st

from protocol.messages import MESSAGES, Body, Header, Packet, Part, header_type
from protocol.schema import Shape, fields

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
