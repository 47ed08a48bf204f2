"""The page: it stands alone, tells the verdict, escapes whatever it is given, and never differs."""

import re
from collections import Counter
from html.parser import HTMLParser

import pytest

from hil.record import CaseResult, Measurement, Record, Verdict
from hil.report.page import page
from tests.hil.report.records import CITED, EXAMPLES, SENTENCE, accuracy, conformance, hostile

LOADING = {"src", "srcset", "data", "action", "poster", "background", "formaction"}
LOADERS = {"script", "link", "img", "iframe", "object", "embed", "base", "form", "image"}
VOID = {"meta", "br"}


class Reader(HTMLParser):
    """Tags, attributes and texts; complains about elements that do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_page_loads_nothing_runs_nothing_and_has_no_id_twice(name: str) -> None:
    text = page(EXAMPLES[name]())
    read = Reader(text)
    assert not LOADERS & set(read.tags)
    assert not LOADING & {attribute for _, attribute, _ in read.attributes}
    assert not [name for _, name, _ in read.attributes if name.startswith("on")]
    targets = [value for _, name, value in read.attributes if name == "href"]
    assert all(target.startswith("#") for target in targets)
    assert not re.search(r"@import|url\((?!#)", text)
    ids = Counter(value for _, name, value in read.attributes if name == "id")
    assert set(ids.values()) <= {1}
    assert {target[1:] for target in targets} <= set(ids)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_the_verdict_is_a_word_a_colour_and_a_reason(verdict: Verdict) -> None:
    record = Record("bench", "b", "A run", verdict, why="because of that")
    text = page(record)
    assert f'<div class="verdict {verdict.value}">' in text
    assert f".{verdict.value} {{ --tone:" in text.replace("} .", "}\n.")
    assert f"{verdict.name} because of that" in Reader(text).text
    assert f"<title>{verdict.name}: A run</title>" in text


def test_measurements_stand_with_limits_margin_and_the_sentence_they_answer_for() -> None:
    text = Reader(page(accuracy())).text
    assert f"mean flow 1.3109 ± 0.0024 mL/day 1.105 to 1.495 +0.1841 PASS {CITED}" in text
    assert "time to 90 % of nominal 5.30 ± 0.25 h ≤ 5.5 +0.20 within the uncertainty PASS" in text
    assert "density of the fill 993.3 kg/m³ – – no limits" in text  # noqa: RUF001
    assert f"{CITED} {SENTENCE}" in text
    assert "hil bench flow-accuracy --rig rig.toml --seed 7" in text
    assert "2025-10-01 2026-10-01 overdue by 56 days" in text
    assert "took 7.4 s, in which the device lived 14 d 00:00:00" in text


def test_a_column_in_which_nothing_stands_is_left_out() -> None:
    cited, free = (Measurement("m", 1, "s", requirement=id_) for id_ in (CITED, None))
    assert (
        "verdict requirement" in Reader(page(Record("bench", "b", "B", measurements=[cited]))).text
    )
    text = Reader(page(Record("bench", "b", "B", measurements=[free]))).text
    assert "margin verdict m 1.000 s" in text


def test_a_case_says_nothing_twice_and_no_time_that_nobody_took() -> None:
    cases = [CaseResult("same", "same", Verdict.PASS), CaseResult("a", "b", Verdict.FAIL)]
    text = Reader(page(Record("diff", "d", "D", cases=cases))).text
    assert "PASS same FAIL a b" in text
    assert "FAIL a: b" in text
    assert "0.0 s" not in text.partition("Cases")[2]


def test_an_unknown_requirement_is_said_to_be_unknown() -> None:
    record = Record("bench", "b", "B", measurements=[Measurement("m", 1, "s", requirement="X-1")])
    assert "X-1 not among the requirements" in Reader(page(record)).text


def test_what_failed_comes_first_and_is_open() -> None:
    record = conformance()
    record.measurements.append(Measurement("mean flow", 2.0, "mL/day", high=1.5))
    text = page(record)
    read = Reader(text)
    first = read.text.index("What did not pass")
    assert first < read.text.index("The run")
    listed = read.text[first : read.text.index("The run")]
    assert "FAIL mean flow: 2.000 mL/day, required ≤ 1.5" in listed
    for id_ in ("FRA-18", "REQ-42", "MEM-89"):
        assert id_ in listed
    assert "ALA-64" not in listed  # skipped
    assert read.tags["details"] == 100
    assert text.count('" open>') == 3
    assert "session 20 pass" in read.text
    assert "(96 pass, 2 fail, 1 inconclusive, 1 error, 1 skip)" in read.text


def test_a_number_that_a_case_judges_is_listed_and_counted_once() -> None:
    fail, passed = Verdict.FAIL, Verdict.PASS
    cases = [CaseResult("flow", "flow", fail), CaseResult("dose", "dose", passed)]
    numbers = [
        Measurement("difference of flow", 3.0, "nL/h", high=2.0, case="flow"),
        Measurement("difference of dose", 1.0, "ng", high=2.0, case="dose"),
    ]
    record = Record("diff", "d", "D", measurements=numbers, cases=cases)
    assert record.judge() is fail
    text = Reader(page(record)).text
    listed = text[text.index("What did not pass") : text.index("The run")]
    assert listed == "What did not pass FAIL difference of flow: 3.000 nL/h, required ≤ 2 "
    assert "(1 pass, 1 fail)" in text
    assert "≤ 2 −1.0 FAIL difference of dose 1.000 ng ≤ 2 +1.0 PASS" in text  # noqa: RUF001


def test_a_figure_that_cannot_be_drawn_does_not_take_the_page_with_it() -> None:
    record = accuracy()
    broken = record.figures[0].series[0]
    object.__setattr__(broken, "y", broken.y[:2])
    text = Reader(page(record)).text
    assert "Not drawn: the curve 'E max' has not as many x as y." in text
    assert "Start-up curve" in text


def test_hostile_texts_arrive_as_texts() -> None:
    text = page(hostile())
    assert "<script" not in text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
    assert "<script>alert(1)</script>" in Reader(text).text
    assert len(text) < 150_000


def test_markup_that_is_not_closed_stays_text() -> None:
    case = CaseResult("A-1", "</details></main>", Verdict.FAIL, seen="</dd><b>", log=("</pre>",))
    assert Reader(page(Record("bench", "b", "</title>", cases=[case]))).tags["b"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_the_same_record_gives_the_same_page(name: str) -> None:
    assert page(EXAMPLES[name]()) == page(EXAMPLES[name]())
