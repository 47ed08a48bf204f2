"""Corrupted frames: thousands with every run of the suite, ten million by `make fuzz-frames`."""

from random import Random

import pytest

from protocol import framing
from tools import fuzz_frames
from tools.fuzz_frames import WAYS, corpus, fuzz, fuzz_all, main, sent, told

COUNT = 5_000


def test_no_corrupted_frame_is_accepted_and_no_sound_one_is_lost() -> None:
    """COM-01, COM-02: every one is followed by a sound frame, which comes through."""
    tally = fuzz(1, 0, COUNT)
    assert tally.tried == COUNT
    assert (tally.accepted, tally.lost) == ([], [])
    assert tally.reached_crc > COUNT // 5  # the CRC is tried, not the stuffing alone


def test_every_kind_of_message_is_spoilt_in_every_way() -> None:
    frames = corpus()
    assert len(sent(frames)) == len(set(frames))
    chance = Random(3)
    for way in WAYS:
        assert any(way(chance, frame, frames[0]) != frame for frame in frames)


def test_a_decoder_without_its_crc_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing, "crc_of", lambda _inside: bytes(4))
    monkeypatch.setattr(fuzz_frames, "corpus", lambda: [framing.encode_frame(1, b"abcdef")])
    tally = fuzz(1, 0, 100)
    assert tally.accepted
    assert next(told(tally)).startswith("accepted though never sent: ")


def test_cores_share_what_one_seed_tries() -> None:
    done: list[int] = []
    total = fuzz_all(COUNT, 5, 2, done.append)
    assert done == [COUNT]
    assert total == fuzz(5, 0, COUNT)


def test_the_command_tells_what_chance_would_let_through(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["1000", "--jobs", "1"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("1,000 corrupted frames, ")
    assert "0 accepted that nobody sent (by chance a CRC-32 lets" in out


def test_a_count_that_cannot_be_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["0"], ["10", "--jobs", "0"]):
        with pytest.raises(SystemExit):
            main(arguments)
    assert "count must lie in 1 to" in capsys.readouterr().err
