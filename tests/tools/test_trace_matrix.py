"""Requirements, and the code and tests that cite them."""

import tomllib
from pathlib import Path

import pytest

from tools.trace_matrix import ROWS, TOP, matrix, render

ONE = """
[[requirement]]
id = "ABC-06"
release = {release}
statement = "a pause ends"
{more}
"""


def tree(top: Path, code: str, test: str) -> Path:
    for folder, text in (("pumpsim", code), ("tests", test)):
        (top / folder).mkdir()
        (top / folder / "some.py").write_text(text)
    return top


def test_every_id_that_is_cited_has_a_row() -> None:
    _, unknown = matrix(TOP, ROWS.read_text(encoding="utf-8"))
    assert unknown == {}


def test_every_row_has_an_id_of_its_own_a_hazard_and_a_way_to_verify() -> None:
    rows = tomllib.loads(ROWS.read_text(encoding="utf-8"))["requirement"]
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        assert {"id", "variant", "release", "statement", "hazard", "source", "verify"} <= set(row)


@pytest.mark.parametrize(
    ("release", "more", "code", "test", "is_open"),
    [
        (1, "", "# ABC-06", "# ABC-06", False),
        (1, "", "# ABC-06", "", True),
        (1, "", "", "# ABC-06", True),
        (1, "", "# XABC-06, ABC-060", "# ABC-06", True),
        (1, 'not_applicable = "no sounder"', "", "", False),
        (2, "", "", "", False),
    ],
)
def test_a_row_is_open_until_code_and_test_cite_it(
    tmp_path: Path, release: int, more: str, code: str, test: str, *, is_open: bool
) -> None:
    content = ONE.format(release=release, more=more)
    rows, unknown = matrix(tree(tmp_path, code, test), content)
    assert [row.open for row in rows] == [is_open]
    assert ("OPEN" in render(rows)) == is_open
    assert not unknown


def test_a_citation_without_a_row_is_told_with_its_file(tmp_path: Path) -> None:
    content = ONE.format(release=1, more="")
    _, unknown = matrix(tree(tmp_path, "# ABC-77", "# CRC-32"), content)
    assert unknown == {"ABC-77": ["pumpsim/some.py"]}


def test_no_row_of_this_release_is_open() -> None:
    rows, unknown = matrix(TOP, ROWS.read_text(encoding="utf-8"))
    assert [row.id for row in rows if row.open] == []
    assert not unknown


@pytest.mark.parametrize(("folder", "test"), [("hil/testing", True), ("tests/defects", False)])
def test_the_suite_for_users_is_tests_and_a_seeded_defect_is_none(
    tmp_path: Path, folder: str, *, test: bool
) -> None:
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "some.py").write_text("# ABC-06")
    [row], _ = matrix(tmp_path, ONE.format(release=1, more=""))
    assert row.code == ()
    assert bool(row.tests) == test
