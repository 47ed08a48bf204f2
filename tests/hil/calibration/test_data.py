"""Tables of measured flows: what is read, and what is refused with file, line and column."""

from pathlib import Path

import pytest

from hil.calibration.data import load, to_csv
from hil.errors import LocalError
from hil.flow_point import FlowPoint, Surroundings

HEADER = "flow_nl_per_h,temperature_mk,outlet_pressure_pa,ambient_pressure_pa,volume_nl"
ROW = "54166.5,310150,12399,101325,15000000"
WATER = 1_000.0


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "bench.csv"


def write(path: Path, *lines: str) -> list[Path]:
    path.write_text("\n".join(lines) + "\n")
    return [path]


def test_a_table_is_read_whatever_the_order_of_its_columns(table: Path) -> None:
    names, cells = HEADER.split(","), ROW.split(",")
    header, row = ",".join(reversed(names)), ",".join(reversed(cells))
    [point] = load(write(table, header, row), WATER)
    assert point.flow_nl_per_h == 54_166.5
    assert point.surroundings == Surroundings(310_150.0, 12_399.0, 101_325.0, 15e6, WATER)
    assert point.uncertainty_nl_per_h is None
    assert point.place == f"{table}:2"


def test_viscosity_and_uncertainty_are_taken_where_they_stand(table: Path) -> None:
    header = f"{HEADER},viscosity_permille,flow_uncertainty_nl_per_h"
    first, second = load(write(table, header, f"{ROW},1014,120", "", f"{ROW[1:]},1e3,1.2e2"), WATER)
    assert first.surroundings.viscosity_permille == 1_014.0
    assert second.surroundings.viscosity_permille == 1_000.0
    assert second.flow_nl_per_h == 4_166.5
    assert second.uncertainty_nl_per_h == 120.0
    assert second.place == f"{table}:4"


def test_tables_and_run_folders_are_joined(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    write(folder / "points.csv", HEADER, ROW)
    write(tmp_path / "more.csv", HEADER, ROW.replace("54166.5", "54000"))
    points = load([folder, tmp_path / "more.csv"], WATER)
    assert [point.flow_nl_per_h for point in points] == [54_166.5, 54_000.0]


def test_a_table_from_a_spreadsheet_has_a_mark_and_other_line_ends(table: Path) -> None:
    table.write_bytes(b"\xef\xbb\xbf" + f"{HEADER}\r\n{ROW}\r\n".encode())
    assert len(load([table], WATER)) == 1


@pytest.mark.parametrize("shared", [0.0, 80.5])
@pytest.mark.parametrize("uncertainty", [None, 120.0])
def test_what_is_written_is_read_again(
    table: Path, uncertainty: float | None, shared: float
) -> None:
    around = Surroundings(310_150.25, -1_200.0, 101_325.0, 15e6, 1_014.0)
    points = [FlowPoint(54_166.5, around, uncertainty, shared, f"{table}:2")]
    table.write_text(to_csv(points))
    assert load([table], WATER) == points


SHORT = HEADER.rpartition(",")[0]
BAD = {
    "an empty file": ((), 1, "flow_nl_per_h: is missing"),
    "no rows": ((HEADER,), 1, "no row stands below the header"),
    "a column is missing": ((SHORT, ROW), 1, "volume_nl: is missing"),
    "a column of another unit": (
        (HEADER.replace("flow_nl_per_h", "flow_ml_per_h"), ROW),
        1,
        "flow_ml_per_h: unknown; did you mean 'flow_nl_per_h'?",
    ),
    "a column stands twice": ((f"{HEADER},volume_nl", f"{ROW},1"), 1, "volume_nl: stands twice"),
    "a column without a name": ((f"{HEADER},", f"{ROW},"), 1, "without a name: unknown"),
    "a value is missing": ((HEADER, ROW, ROW[:20]), 3, "has 3 values, the header 5 columns"),
    "an empty cell": ((HEADER, ROW.replace("310150", "")), 2, "temperature_mk: '' is no number"),
    "not a number": ((HEADER, ROW.replace("54166.5", "nan")), 2, "nan is no measurement"),
    "no end": ((HEADER, ROW.replace("54166.5", "-inf")), 2, "-inf is no measurement"),
    "too large for a float": ((HEADER, ROW.replace("54166.5", "1e999")), 2, "lies outside"),
    "grouped digits": ((HEADER, ROW.replace("310150", "310_150")), 2, "is no number with"),
    "degrees Celsius": ((HEADER, ROW.replace("310150", "37")), 2, "37 degC are 310150"),
    "an absolute outlet": ((HEADER, ROW.replace("12399", "113724")), 2, "Pa above ambient"),
    "ambient in kPa": ((HEADER, ROW.replace("101325", "101.3")), 2, "sea level is 101325"),
    "volume in mL": ((HEADER, ROW.replace("15000000", "15")), 2, "1 mL are 1000000"),
    "no flow": ((HEADER, ROW.replace("54166.5", "0")), 2, "flow_nl_per_h: 0 lies outside"),
    "a set point": ((HEADER, ROW, ROW), 2, "flow_nl_per_h: is 54166.5 at every point"),
    "an open quote": ((HEADER, f'"{ROW}'), 2, "is no CSV"),
}


@pytest.mark.parametrize(("lines", "line", "sentence"), BAD.values(), ids=BAD)
def test_bad_data_are_named(table: Path, lines: tuple[str, ...], line: int, sentence: str) -> None:
    with pytest.raises(LocalError) as caught:
        load(write(table, *lines), WATER)
    message = str(caught.value)
    assert message.startswith(f"{table}:{line}: ")
    assert sentence in message
    assert "\n" not in message


def test_what_is_no_table_is_told(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match=r"none\.csv: cannot be read: No such file"):
        load([tmp_path / "none.csv"], WATER)
    with pytest.raises(LocalError, match=r"holds no points\.csv: give a table"):
        load([tmp_path], WATER)
    (tmp_path / "raw.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(LocalError, match="is not UTF-8 text"):
        load([tmp_path / "raw.csv"], WATER)


def test_uncertainties_are_known_for_all_or_for_none(tmp_path: Path) -> None:
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    write(one, HEADER, ROW)
    write(other, f"{HEADER},flow_uncertainty_nl_per_h", f"{ROW},100")
    with pytest.raises(LocalError, match="all or none"):
        load([one, other], WATER)


def test_a_table_without_end_is_refused(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil.calibration.data.MAX_ROWS", 3)
    with pytest.raises(LocalError, match=r"bench.csv:5: a table holds at most 3 rows"):
        load(write(table, HEADER, *[ROW] * 4), WATER)
    monkeypatch.setattr("hil.calibration.data.MAX_BYTES", 100)
    with pytest.raises(LocalError, match="is larger than 100 bytes"):
        load([table], WATER)
