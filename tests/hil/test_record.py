"""A run's record: verdicts of numbers and of the whole, and there and back as JSON."""

import json
import math

import pytest

from hil.record import (
    CaseResult,
    Figure,
    InstrumentRow,
    Measurement,
    Record,
    Series,
    Verdict,
    from_plain,
    worst,
)


@pytest.mark.parametrize(
    ("value", "low", "high", "verdict", "margin"),
    [
        (5.0, None, None, Verdict.PASS, None),
        (5.0, 4.0, 8.0, Verdict.PASS, 1.0),
        (5.0, None, 4.5, Verdict.FAIL, -0.5),
        (5.0, 5.0, None, Verdict.PASS, 0.0),
        (float("nan"), None, 4.5, Verdict.FAIL, None),
    ],
)
def test_a_measurement_knows_its_verdict_and_margin(
    value: float, low: float | None, high: float | None, verdict: Verdict, margin: float | None
) -> None:
    one = Measurement("flow", value, "mL/day", low=low, high=high)
    assert one.verdict is verdict
    if margin is not None or value == value:
        assert one.margin == margin


def test_the_worst_part_decides() -> None:
    assert worst([]) is Verdict.INCONCLUSIVE
    assert worst([Verdict.SKIP]) is Verdict.INCONCLUSIVE
    assert worst([Verdict.PASS, Verdict.SKIP]) is Verdict.PASS
    assert worst([Verdict.PASS, Verdict.INCONCLUSIVE]) is Verdict.INCONCLUSIVE
    assert worst([Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS]) is Verdict.FAIL
    assert worst([Verdict.FAIL, Verdict.ERROR]) is Verdict.ERROR


def test_a_record_survives_json() -> None:
    record = Record(
        "bench",
        "flow-accuracy",
        "Flow accuracy",
        facts={"seed": "1"},
        instruments=[InstrumentRow("balance", "emulated, in process")],
        measurements=[Measurement("mean flow", 1.3, "mL/day", 5, 1.1, 1.5, 0.01, "FLW-02")],
        cases=[CaseResult("FRM-1", "a frame", Verdict.PASS, log=("sent",))],
        figures=[Figure("flow", "h", "mL/day", (Series("flow", (0.0, 1.0), (1.2, 1.3)),))],
    )
    assert record.judge() is Verdict.PASS
    assert from_plain(json.loads(json.dumps(record.to_plain()))) == record


def test_what_is_no_number_fails_the_run_and_survives_strict_json() -> None:
    nan = float("nan")
    curve = Series("flow", (0.0, 1.0), (float("-inf"), nan))
    record = Record(
        "bench",
        "flow-accuracy",
        "Flow accuracy",
        measurements=[Measurement("mean flow", nan, "mL/day")],
        figures=[Figure("flow", "h", "mL/day", (curve,))],
    )
    assert record.judge() is Verdict.FAIL
    again = from_plain(json.loads(json.dumps(record.to_plain(), allow_nan=False)))
    assert math.isnan(again.measurements[0].value)
    assert again.figures[0].series[0].y[0] == float("-inf")
    assert math.isnan(again.figures[0].series[0].y[1])


def test_a_record_of_another_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="schema 1 was due"):
        from_plain({"schema": 2})
