"""What a line does to frames: by seed and number alone, as often as it says, and counted."""

from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.framing import MAX_FRAME_BYTES, FrameDecoder, encode_frame
from pumpsim.chaos import line as lines
from pumpsim.chaos.line import MAX_UNIT_BYTES, Counts, Cutter, Held, Line, Timed
from pumpsim.chaos.settings import Way

MS = 1_000_000
FRAMES = [encode_frame(n % 200, bytes([n % 251]) * (n % 90)) for n in range(400)]


def passed(seed: int = 1, frames: list[bytes] = FRAMES, apart_ns: int = MS, **way: Any) -> Any:
    """What comes of frames put on a new line one after the other, and the counts."""
    counts = Counts()
    line: Line[bytes] = Line(seed, "pump/tcp-1/to_device", counts)
    settings = Way.model_validate(way)
    timed = [line.put(n * apart_ns, frame, settings) for n, frame in enumerate(frames)]
    return timed, counts


def one_by_one(timed: list[list[Timed[bytes]]]) -> list[bytes]:
    return [b"".join(piece.piece or b"" for piece in pieces) for pieces in timed]


def test_without_chaos_everything_passes_at_once() -> None:
    timed, counts = passed()
    assert timed == [[Timed(n * MS, frame)] for n, frame in enumerate(FRAMES)]
    assert counts == Counts(frames=len(FRAMES))


EFFECTS = {
    "loss": ("lost", 0.3),
    "duplication": ("duplicated", 0.3),
    "reordering": ("overtaken", 0.3),
    "burst": ("bursts", 0.3),
    "split": ("split", 0.3),
    "truncation": ("truncated", 0.3),
    "disconnect": ("disconnected", 0.3),
    "silence": ("silenced", 0.3),
}


@pytest.mark.parametrize("effect", EFFECTS)
def test_each_effect_comes_as_often_as_asked_is_counted_and_is_alone(effect: str) -> None:
    count, share = EFFECTS[effect]
    way: dict[str, Any] = {effect: share, "silence_length": "1 ms", "split_pause": "1 ms"}
    timed, counts = passed(**way, apart_ns=2 * MS)
    assert 0.22 * len(FRAMES) < getattr(counts, count) < 0.38 * len(FRAMES)
    assert asdict(counts) == {**asdict(Counts(frames=len(FRAMES))), count: getattr(counts, count)}
    changed = sum(
        pieces != [Timed(2 * n * MS, frame)]
        for n, (pieces, frame) in enumerate(zip(timed, FRAMES, strict=True))
    )
    assert changed == getattr(counts, count)


def test_bits_flip_one_by_one_as_often_as_asked() -> None:
    timed, counts = passed(bit_errors=0.01)
    bits = 8 * sum(map(len, FRAMES))
    differing = sum(
        (int.from_bytes(old, "little") ^ int.from_bytes(new, "little")).bit_count()
        for old, new in zip(FRAMES, one_by_one(timed), strict=True)
    )
    assert differing == counts.flipped_bits
    assert 0.008 * bits < differing < 0.012 * bits


def test_a_burst_hits_a_run_of_bits_and_no_other() -> None:
    timed, _ = passed(burst=1, burst_bits=20)
    lengths = []
    for old, new in zip(FRAMES, one_by_one(timed), strict=True):
        noise = int.from_bytes(old, "little") ^ int.from_bytes(new, "little")
        lengths.append(noise.bit_length() - (noise & -noise).bit_length() + 1)
    assert max(lengths) <= 20
    assert min(lengths) >= 1
    assert len(set(lengths)) > 5


def test_a_burst_may_be_longer_than_a_frame() -> None:
    timed, counts = passed(frames=[b"\0a\0"] * 20, burst=1, burst_bits=8_192)
    assert counts.bursts == 20
    assert all(len(frame) == 3 for frame in one_by_one(timed))


def test_pieces_make_the_frame_and_come_with_a_pause() -> None:
    timed, _ = passed(split=1, split_pieces=4, split_pause="3 ms", apart_ns=100 * MS)
    assert one_by_one(timed) == FRAMES
    for n, pieces in enumerate(timed):
        assert 2 <= len(pieces) <= 4
        assert [piece.due_ns for piece in pieces] == [
            100 * n * MS + 3 * k * MS for k in range(len(pieces))
        ]


def test_a_truncated_frame_is_a_beginning() -> None:
    timed, _ = passed(truncation=1)
    for old, new in zip(FRAMES, one_by_one(timed), strict=True):
        assert old.startswith(new)
        assert 0 < len(new) < len(old)


def test_delay_and_jitter_lie_within_their_bounds_and_keep_the_order() -> None:
    timed, _ = passed(delay="20 ms", jitter="10 ms")
    dues = [pieces[0].due_ns for pieces in timed]
    late = [due_ns - n * MS for n, due_ns in enumerate(dues)]
    assert min(late) >= 20 * MS
    assert max(late) <= 30 * MS
    assert len(set(late)) > 50
    assert dues == sorted(dues)


def test_an_overtaken_frame_holds_no_other_one_up() -> None:
    timed, counts = passed(reordering=0.2, overtaken_by="5 ms")
    dues = [pieces[0].due_ns for pieces in timed]
    assert dues != sorted(dues)
    assert counts.overtaken == sum(due_ns == (n + 5) * MS for n, due_ns in enumerate(dues))
    assert {due_ns - n * MS for n, due_ns in enumerate(dues)} == {0, 5 * MS}


def test_a_silence_swallows_what_comes_while_it_lasts() -> None:
    timed, counts = passed(silence=0.02, silence_length="10 ms")
    arrived = [bool(pieces) for pieces in timed]
    runs = "".join("x" if there else "." for there in arrived).split("x")
    assert {len(run) % 10 for run in runs[:-1]} == {0}
    assert counts.silenced == arrived.count(False) > 20


def test_a_cut_comes_in_its_turn_and_takes_the_frame_with_it() -> None:
    timed, counts = passed(frames=FRAMES[:3], disconnect=1, delay="7 ms")
    assert timed == [[Timed((n + 7) * MS, None)] for n in range(3)]
    assert counts.disconnected == 3


@pytest.mark.slow
@given(st.integers(0, 2**53 - 1), st.sampled_from([*EFFECTS]))
def test_the_same_seed_does_the_same_and_what_happens_depends_on_no_other_effect(
    seed: int, effect: str
) -> None:
    """Whether loss strikes a frame is the same with and without everything else."""
    frames = FRAMES[:60]
    _, alone = passed(seed, frames, **{effect: 0.3}, silence_length="1 ms", apart_ns=2 * MS)
    again, counts = passed(seed, frames, **{effect: 0.3}, silence_length="1 ms", apart_ns=2 * MS)
    assert alone == counts
    more = {"jitter": "1 ms", "bit_errors": 0.01, effect: 0.3, "silence_length": "1 ms"}
    _, with_more = passed(seed, frames, **more, apart_ns=2 * MS)
    assert getattr(with_more, EFFECTS[effect][0]) == getattr(alone, EFFECTS[effect][0])
    other, _ = passed(seed + 1, frames, bit_errors=0.05)
    same, _ = passed(seed, frames, bit_errors=0.05)
    assert other != same
    assert again == passed(seed, frames, **{effect: 0.3}, silence_length="1 ms", apart_ns=2 * MS)[0]


def test_what_is_no_bytes_stays_whole() -> None:
    line: Line[tuple[str, int]] = Line(1, "pump/mqtt/to_device", Counts())
    way = Way(bit_errors=0.5, burst=1, split=1, truncation=1, duplication=1)
    assert line.put(5, ("topic", 1), way) == [Timed(5, ("topic", 1))] * 2


def test_what_is_on_its_way_arrives_by_instant_then_in_order() -> None:
    held: Held[str] = Held(Counts())
    assert held.next_ns() is None
    held.add([Timed(30, "c"), Timed(10, "a"), Timed(10, "b"), Timed(20, None)])
    assert held.next_ns() == 10
    assert [held.pop(20) for _ in range(4)] == [
        Timed(10, "a"),
        Timed(10, "b"),
        Timed(20, None),
        None,
    ]
    held.clear()
    assert held.pop(99) is None


def test_more_than_is_held_is_lost_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_HELD", 2)
    held: Held[str] = Held(Counts())
    held.add([Timed(1, "a")])
    held.add([Timed(1, "b")])
    held.add([Timed(1, "c")])
    assert held.counts.overflowed == 1
    assert [held.pop(1), held.pop(1), held.pop(1)] == [Timed(1, "a"), Timed(1, "b"), None]


# ---- where frames begin and end


@given(st.lists(st.integers(1, 40), max_size=60))
def test_frames_are_found_however_the_bytes_were_read(sizes: list[int]) -> None:
    stream = b"".join(FRAMES[:30])
    cutter, found = Cutter(), []
    for size in [*sizes, len(stream)]:
        found += cutter.feed(stream[:size])
        stream = stream[size:]
    assert found == FRAMES[:30]
    assert cutter.rest() == b""


@given(st.binary(max_size=4_000) | st.integers(0, 4_000).map(bytes))
def test_whatever_comes_passes_whole_in_bounded_pieces(data: bytes) -> None:
    cutter = Cutter()
    found = cutter.feed(data)
    rest = cutter.rest()
    assert b"".join(found) + rest == data
    assert all(len(piece) <= MAX_UNIT_BYTES for piece in [*found, rest])
    assert cutter.rest() == b""


def test_the_largest_frame_is_one_piece() -> None:
    frame = b"\0" + b"x" * MAX_FRAME_BYTES + b"\0"
    assert Cutter().feed(frame + b"\0a\0") == [frame, b"\0a\0"]
    assert FrameDecoder().feed(frame) == []
