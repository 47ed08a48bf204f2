"""A record as one HTML page that stands alone: no script, no network, nothing beside it."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hil.record import CaseResult, Figure, Measurement, Record, Verdict
from hil.report import calibration, words
from hil.report.figure import Key, draw, keys
from hil.report.junit import by_section
from hil.report.requirements import sentence

HERE: Final = Path(__file__).parent
MEANINGS: Final = {
    Verdict.PASS: "All that was judged is as required.",
    Verdict.FAIL: "Something is not as required.",
    Verdict.INCONCLUSIVE: "The run shows neither one nor the other.",
    Verdict.ERROR: "The rig failed, so the run as a whole says nothing about the device.",
    Verdict.SKIP: "The rig or the device does not offer what this run needs.",
}
"""What a verdict says, and what it does not."""


class Row(NamedTuple):
    """A measurement as the table shows it, and the name of its place on the page."""

    place: str
    name: str
    value: str
    unit: str
    limits: str
    margin: str
    close: bool
    at: str
    requirement: str
    verdict: Verdict | None  # None: it has no limits
    case: str  # the id of the case that judges it


class Case(NamedTuple):
    """A case, and the name of its place on the page."""

    place: str
    case: CaseResult
    wall: str


class Section(NamedTuple):
    """The cases of one section, and what came of them."""

    name: str
    counts: str
    cases: list[Case]


class Drawing(NamedTuple):
    """A figure with its picture, or the reason why there is none."""

    figure: Figure
    keys: list[Key]
    svg: Markup
    reason: str


def page(record: Record) -> str:
    """The whole page; the same record gives the same page."""
    record = words.cleaned(record)
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    rows = [_row(one, f"m{index}") for index, one in enumerate(record.measurements)]
    sections = _sections(record.cases)
    failing_rows = [row for row in rows if row.verdict is Verdict.FAIL]
    told = {row.case for row in failing_rows}  # by its number, which says more than its name
    text = environment.get_template("page.html").render(
        record=record,
        style=Markup((HERE / "page.css").read_text(encoding="utf-8")),  # noqa: S704
        meaning=MEANINGS[record.verdict],
        wall=words.length(record.wall_s),
        device=words.length(record.device_s),
        counts=_counts(_parts(record)),
        rows=rows,
        timed=any(row.at for row in rows),
        cites=any(row.requirement for row in rows),
        failing_rows=failing_rows,
        requirements={
            row.requirement: sentence(row.requirement) for row in rows if row.requirement
        },
        instruments=[(one, calibration.state(one, record.began)) for one in record.instruments],
        sections=sections,
        failing=[
            case
            for section in sections
            for case in section.cases
            if _alarming(case) and case.case.id not in told
        ],
        drawings=[_drawing(one, f"f{index}") for index, one in enumerate(record.figures)],
    )
    return text + "\n"


def _row(one: Measurement, place: str) -> Row:
    return Row(
        place,
        one.name,
        words.value(one),
        one.unit,
        words.limits(one),
        words.margin(one),
        words.close_call(one),
        words.length(one.instant_ns / 1e9) if one.instant_ns else "",
        one.requirement or "",
        one.verdict if one.judged else None,
        one.case,
    )


def _sections(cases: Iterable[CaseResult]) -> list[Section]:
    numbered = [Case(f"c{i}", case, _wall(case)) for i, case in enumerate(cases)]
    places = {id(one.case): one for one in numbered}
    return [
        Section(name, _counts(one.verdict for one in found), [places[id(one)] for one in found])
        for name, found in by_section(one.case for one in numbered).items()
    ]


def _wall(case: CaseResult) -> str:
    """Empty where nobody took the time."""
    return words.length(case.wall_s) if case.wall_s else ""


def _alarming(case: Case) -> bool:
    return case.case.verdict not in (Verdict.PASS, Verdict.SKIP)


def _parts(record: Record) -> list[Verdict]:
    judged = [one.verdict for one in record.measurements if one.counts]
    return [*judged, *(one.verdict for one in record.cases)]


def _counts(verdicts: Iterable[Verdict]) -> str:
    found = Counter(verdicts)
    return ", ".join(f"{found[one]:,} {one.value}" for one in Verdict if found[one])


def _drawing(figure: Figure, name: str) -> Drawing:
    try:
        svg, reason = draw(figure, name), ""
    except ValueError as error:
        svg, reason = "", f"Not drawn: {error}."
    return Drawing(figure, keys(figure), Markup(svg), reason)  # noqa: S704
