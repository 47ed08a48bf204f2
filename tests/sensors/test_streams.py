"""Chance is a function of seed, name and index, and bounded."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpsim.streams import BLOCK, Stream

GOLDEN = "2769e0cd40241d34192a1a2879d175320e837178cf9d9dab2722c383d35d5515"
INDICES = st.integers(min_value=0, max_value=10**9)


@given(st.integers(), st.text(), st.lists(INDICES, min_size=1, max_size=20))
def test_order_of_drawing_has_no_part(seed: int, name: str, indices: list[int]) -> None:
    stream = Stream(seed, name)
    drawn = {index: stream.noise(index) for index in indices}
    assert drawn == {index: Stream(seed, name).noise(index) for index in reversed(indices)}


def test_the_sequence_is_the_same_on_every_platform() -> None:
    # Golden: an independent reading of the definition, and its digest fixed once and for all.
    raw = hashlib.shake_128(b"7/weather/1").digest(6 * BLOCK)
    uniforms = [int.from_bytes(raw[2 * i : 2 * i + 2], "little") for i in range(3 * BLOCK)]
    place = 44
    total = sum(uniforms[place + BLOCK * part] for part in range(3))
    assert Stream(7, "weather").noise(BLOCK + place) == pytest.approx(
        total / 32_767.5 - 3, abs=1e-12
    )
    values = ",".join(value.hex() for value in Stream(7, "weather").block(0))
    assert hashlib.sha256(values.encode()).hexdigest() == GOLDEN


def test_rms_is_1_and_the_bound_is_3() -> None:
    stream = Stream(1, "noise")
    values = [value for number in range(100) for value in stream.block(number)]
    mean = sum(values) / len(values)
    rms = (sum(value * value for value in values) / len(values)) ** 0.5
    assert abs(mean) < 0.02
    assert rms == pytest.approx(1.0, abs=0.02)
    assert max(abs(value) for value in values) <= 3.0
    assert max(abs(value) for value in values) > 2.5


def test_streams_of_other_names_and_seeds_are_others() -> None:
    blocks = [Stream(1, "a").block(0), Stream(1, "b").block(0), Stream(2, "a").block(0)]
    for first in range(3):
        for second in range(first):
            product = sum(x * y for x, y in zip(blocks[first], blocks[second], strict=True))
            assert abs(product / BLOCK) < 0.3  # five standard deviations


def test_a_block_is_scaled_to_its_rms() -> None:
    stream = Stream(3, "x")
    for plain, scaled in zip(stream.block(2), stream.block(2, 50.0), strict=True):
        assert scaled == pytest.approx(50.0 * plain)
