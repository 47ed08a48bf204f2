"""The journal: what is written counts, what is torn never happened, nothing is overwritten."""

from pathlib import Path

import pytest

from hil.bench.journal import NAME, Journal, begun, taken_up
from hil.errors import LocalError


def test_what_was_added_is_there_again(tmp_path: Path) -> None:
    first = begun(tmp_path / "run")
    first.add("begin", script="x")
    first.add("step", name="a", result=[1, 2.5, None])
    again = taken_up(tmp_path / "run")
    assert again.entries == first.entries
    assert again.last == 1
    assert again.sha256() == first.sha256()


def test_a_line_torn_by_a_power_cut_never_happened(tmp_path: Path) -> None:
    journal = begun(tmp_path)
    journal.add("begin")
    journal.add("step", name="a")
    path = tmp_path / NAME
    whole = path.read_bytes()
    for cut in range(1, len(whole.splitlines()[1]) + 1):
        path.write_bytes(whole[:-cut])
        again = taken_up(tmp_path)
        assert [one["kind"] for one in again.entries] == ["begin"]
        again.add("step", name="b")
        assert [one.get("name") for one in taken_up(tmp_path).entries] == [None, "b"]


@pytest.mark.parametrize("length", [1, 17, None])
def test_an_entry_that_an_interruption_cut_short_never_happened(
    tmp_path: Path, length: int | None
) -> None:
    """Nor one that stands there whole, where the interruption came before it was counted."""
    journal = begun(tmp_path)
    journal.add("begin")
    with (tmp_path / NAME).open("ab") as file:
        file.write(b'{"entry": 1, "kind": "step"}\n'[:length])
    journal.add("end")
    assert [one["kind"] for one in Journal(tmp_path).entries] == ["begin", "end"]


@pytest.mark.parametrize(
    "damage", [b"{}\n", b"nonsense\n", b'{"entry": 7, "kind": "step"}\n', b"\n"]
)
def test_a_line_damaged_in_the_middle_is_named(tmp_path: Path, damage: bytes) -> None:
    journal = begun(tmp_path)
    journal.add("begin")
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes() + damage + b'{"entry": 2, "kind": "step"}\n')
    with pytest.raises(LocalError, match="damaged in line 2"):
        taken_up(tmp_path)


def test_entries_behind_the_one_gone_back_to_stay_and_do_not_count(tmp_path: Path) -> None:
    journal = begun(tmp_path)
    for kind in ("begin", "step", "step", "step"):
        journal.add(kind)
    journal.go_back_to(1)
    journal.add("step", name="again")
    for one in (journal, taken_up(tmp_path)):
        assert [entry["entry"] for entry in one.entries] == [0, 1, 4, 5]
    assert len((tmp_path / NAME).read_text().splitlines()) == 6
    twice = taken_up(tmp_path)
    twice.go_back_to(0)
    assert [entry["entry"] for entry in taken_up(tmp_path).entries] == [0, 6]


def test_a_folder_with_a_run_is_not_begun_in_again(tmp_path: Path) -> None:
    begun(tmp_path).add("begin")
    before = (tmp_path / NAME).read_bytes()
    with pytest.raises(LocalError, match="holds a run already: go on with it by --resume"):
        begun(tmp_path)
    assert (tmp_path / NAME).read_bytes() == before


def test_there_must_be_something_to_go_on_with(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="holds no run to go on with"):
        taken_up(tmp_path)
    Journal(tmp_path).add("step")
    with pytest.raises(LocalError, match="never began"):
        taken_up(tmp_path)


def test_a_run_that_has_ended_does_not_go_on(tmp_path: Path) -> None:
    journal = begun(tmp_path)
    journal.add("begin")
    journal.add("end")
    with pytest.raises(LocalError, match=r"has ended: its record is .*record\.json"):
        taken_up(tmp_path)


def test_the_saved_state_belongs_to_an_entry(tmp_path: Path) -> None:
    journal = begun(tmp_path)
    assert journal.state() is None
    journal.add("begin")
    journal.add("step")
    journal.save_state({"a": 1})
    assert journal.state() == (1, {"a": 1})
    (tmp_path / "state.json").write_text("{")
    with pytest.raises(LocalError, match="is damaged"):
        journal.state()


def test_what_is_no_plain_data_is_not_written_down(tmp_path: Path) -> None:
    journal = begun(tmp_path)
    for odd in ({1, 2}, float("nan")):
        with pytest.raises(LocalError, match="cannot be written down"):
            journal.add("step", result=odd)
    assert journal.last == -1
