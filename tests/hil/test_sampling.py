"""Every instant of the grid at every instrument: taken, late, or told as missed."""

import threading
from contextlib import closing
from pathlib import Path

import pytest

from hil.clock import WallClock
from hil.errors import LocalError
from hil.instruments.errors import InstrumentError
from hil.instruments.kinds import READS, Reading
from hil.rig import open_rig
from hil.sampling import LATE_NS, MAX_COUNT, SHORTEST_NS, Taken, Tally, sampled
from tests.hil.test_drivers import Table, table  # noqa: F401 - a fixture
from tests.hil.test_hil_cli import hil

COUNT = 6
UNHURRIED_NS = 20 * SHORTEST_NS
"""A thread has begun by then, whatever else the machine does."""


def wall() -> WallClock:
    return WallClock(threading.Event())


def shown() -> Reading:
    return Reading(1.0, "mg", 0, 0.1)


def samplers() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("sample ")]


def grid_of(
    taken: list[Taken[Reading]], name: str, period_ns: int = SHORTEST_NS
) -> tuple[list[int], set[int]]:
    """The numbers in order, and the instants less what their numbers make of them."""
    mine = [one for one in taken if one.name == name]
    return [one.number for one in mine], {one.due_ns - one.number * period_ns for one in mine}


def test_by_the_wall_every_instant_is_there_at_every_instrument(
    table: Table,  # noqa: F811
) -> None:
    lines = {"balance": table.balance(), "bath": table.bath(), "supply": table.supply()}
    reads = {kind: lambda kind=kind, one=one: READS[kind](one) for kind, one in lines.items()}
    taken = list(sampled(wall(), reads, SHORTEST_NS, COUNT))
    begins: set[int] = set()
    for kind in lines:
        numbers, begin = grid_of(taken, kind)
        assert numbers == list(range(COUNT))
        begins |= begin
    assert len(begins) == 1  # one grid for all, whatever became of a reading
    assert all(one.late_ns >= 0 for one in taken)
    assert samplers() == []


def test_a_slow_instrument_holds_up_no_other_and_what_it_missed_is_told() -> None:
    go = threading.Event()

    def slow() -> Reading:
        assert go.wait(10.0)
        return shown()

    seen: list[Taken[Reading]] = []
    for one in sampled(wall(), {"slow": slow, "quick": shown}, UNHURRIED_NS, COUNT):
        seen.append(one)
        if one.name == "quick" and one.number == COUNT - 1:
            go.set()
    assert [one.name for one in seen[:COUNT]] == ["quick"] * COUNT
    numbers, begin = grid_of(seen, "slow", UNHURRIED_NS)
    assert numbers == list(range(COUNT))
    assert begin == grid_of(seen, "quick", UNHURRIED_NS)[1]
    late = [one for one in seen if one.name == "slow"]
    assert late[0].reading is not None
    assert late[0].late_ns > (COUNT - 1) * UNHURRIED_NS
    assert [one.reading for one in late[1 : COUNT - 1]] == [None] * (COUNT - 2)


def test_an_instrument_that_fails_ends_all_of_it() -> None:
    def fail() -> Reading:
        raise InstrumentError("bath", "was unplugged")

    with pytest.raises(InstrumentError, match="unplugged"):
        list(sampled(wall(), {"bath": fail, "balance": shown}, SHORTEST_NS, MAX_COUNT))
    assert samplers() == []


def test_it_ends_when_nobody_wants_more() -> None:
    with closing(sampled(wall(), {"balance": shown}, SHORTEST_NS, MAX_COUNT)) as taken:
        assert next(taken).number == 0
        assert samplers() == ["sample balance"]
    assert samplers() == []


def test_in_virtual_time_nothing_is_late() -> None:
    with open_rig("sim:") as rig:
        begin_ns = rig.clock.now_ns()
        reads = {"balance": rig.instruments.balance.weigh, "bath": rig.instruments.bath.temperature}
        taken = list(sampled(rig.clock, reads, 3_600 * 10**9, 3))
        assert [(one.name, one.number, one.late_ns) for one in taken] == [
            (name, number, 0) for number in range(3) for name in reads
        ]
        assert rig.clock.now_ns() - begin_ns >= 2 * 3_600 * 10**9
        readings = [one.reading for one in taken if one.reading is not None]
        assert [one.instant_ns for one in readings] == [one.due_ns for one in taken]


@pytest.mark.parametrize(
    ("period_ns", "count"), [(SHORTEST_NS - 1, 1), (SHORTEST_NS, 0), (SHORTEST_NS, MAX_COUNT + 1)]
)
def test_a_grid_that_cannot_be_is_refused_before_anything_is_read(
    period_ns: int, count: int
) -> None:
    with pytest.raises(LocalError, match="at least 10 ms apart"):
        sampled(wall(), {"balance": shown}, period_ns, count)


def test_what_is_late_and_what_is_missed_is_counted() -> None:
    tally = Tally()
    for got_ns, reading in ((LATE_NS, shown()), (LATE_NS + 1, shown()), (9 * LATE_NS, None)):
        tally.add(Taken("balance", 0, 0, got_ns, reading))
    assert tally == Tally(taken=2, late=1, missed=1, latest_ns=LATE_NS + 1)


# ---- hil sample


def test_the_table_has_a_row_for_each_instant_and_instrument(tmp_path: Path) -> None:
    path = tmp_path / "readings.csv"
    result = hil("sample", "--rig", "sim:", "--every", "1 h", "--for", "3 h", "--out", str(path))
    assert result.exit_code == 0
    assert "balance  3 taken, 0 of them more than 20 ms late (at most 0.0 ms), 0 missed" in (
        result.output
    )
    head, *rows = path.read_text().splitlines()
    assert head == "due_s,late_ms,instrument,value,unit,uncertainty,stable"
    assert len(rows) == 3 * len(READS)
    assert rows[1].split(",")[2:5:2] == ["bath", "degC"]


def test_a_table_that_is_there_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "readings.csv"
    path.write_text("of last year\n")
    result = hil("sample", "--rig", "sim:", "--for", "3 s", "--out", str(path))
    assert result.exit_code == 2
    assert f"{path} cannot be written" in result.output
    assert path.read_text() == "of last year\n"
