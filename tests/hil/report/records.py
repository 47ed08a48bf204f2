"""Records such as runs fill: what the tests render, and what to look at in a browser."""

import json
import math
from collections.abc import Callable

from hil.record import (
    CaseResult,
    Figure,
    InstrumentRow,
    Measurement,
    Record,
    Series,
    Verdict,
)
from hil.report.requirements import TABLE

CITED, SENTENCE = next(iter(json.loads(TABLE.read_text(encoding="utf-8")).items()))
"""Any requirement: these tests verify none, so they name none."""
HOURS = tuple(0.25 * index for index in range(14 * 96))
WINDOWS = (1.0, 2.0, 6.0, 24.0, 48.0, 168.0, 336.0)
TICKS = tuple(zip(WINDOWS, ("1 h", "2 h", "6 h", "1 d", "2 d", "7 d", "14 d"), strict=True))


def trumpet() -> Figure:
    """Two curves that close upon the mean error as the window grows."""
    mean = 0.84
    widths = tuple(19.0 / math.sqrt(hours) for hours in WINDOWS)
    return Figure(
        "Trumpet curve",
        "observation window",
        "error of the mean flow, %",
        (
            Series("E max", WINDOWS, tuple(mean + w for w in widths)),
            Series("E min", WINDOWS, tuple(mean - w for w in widths)),
            Series("mean error +0.84 %", (1.0, 336.0), (mean, mean)),
        ),
        lines=(("+15 %", 15.0), ("\N{MINUS SIGN}15 %", -15.0)),
        x_log=True,
        x_ticks=TICKS,
        caption="Greatest and least error of the mean flow over every window of that length.",
    )


def start_up() -> Figure:
    """Flow against time, with the nominal flow and its tolerance round it."""
    first = HOURS[:96]
    flow = tuple(1.31 - 0.9 * math.exp(-h / 2.2) + 0.03 * math.sin(7 * h) for h in first)
    return Figure(
        "Start-up curve",
        "hours since the refill",
        "flow, mL/day",
        (
            Series("flow in 15 min", first, flow, "steps"),
            Series("nominal, ±15 %", (0.0, 24.0), (1.3, 1.3), low=(1.105,) * 2, high=(1.495,) * 2),
        ),
        caption="Flow of each quarter of an hour over the first day.",
    )


def points() -> Figure:
    """Single points with an uncertainty around them."""
    degrees = (30.0, 33.0, 37.0, 39.0, 41.0)
    flow = tuple(1.3 + 0.08 * (t - 37) for t in degrees)
    return Figure(
        "Flow against temperature",
        "temperature, °C",
        "flow, mL/day",
        (
            Series(
                "measured", degrees, flow, "points",
                tuple(f - 0.03 for f in flow), tuple(f + 0.03 for f in flow),
            ),
            Series("from the vapour pressure", (30.0, 41.0), (0.75, 1.62)),
        ),
    )  # fmt: skip


def accuracy() -> Record:
    """Fourteen days of weighing that passed."""
    record = Record(
        "bench",
        "flow-accuracy",
        "Flow accuracy over 14 days",
        began="2026-11-26T09:12:44Z",
        wall_s=7.42,
        device_s=14 * 86_400.0,
        command="hil bench flow-accuracy --rig rig.toml --seed 7",
        facts={
            "device": "demo (HAI-30), firmware 0.1.0, configuration 12",
            "rig": "tcp://127.0.0.1:7000?control=http://127.0.0.1:8080",
            "versions": "pumpsim 0.1.0, Python 3.11.2, matplotlib 3.11.2",
            "seed": "7",
            "configuration": "sha256 " + "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c" * 1,
            "journal": "sha256 60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
        },
        instruments=[
            InstrumentRow(
                "balance", "MT-SICS at /dev/ttyUSB1", "XPR205 B512345678", "2026-03-02",
                "2027-03-02", "0.05 mg (k = 2)",
            ),
            InstrumentRow(
                "temperature bath", "Julabo at /dev/ttyUSB2", "CORIO CD", "2025-10-01",
                "2026-10-01", "0.03 °C (k = 2)",
            ),
            InstrumentRow("syringe", "emulated, in process"),
        ],
        measurements=[
            Measurement(
                "mean flow", 1.3109251837465, "mL/day", 0, 1.105, 1.495, 0.0023871, CITED
            ),
            Measurement("greatest error over 24 h", 4.7182, "%", high=15.0, uncertainty=0.41),
            Measurement("least error over 24 h", -3.0391, "%", low=-15.0, uncertainty=0.41),
            Measurement("density of the fill", 993.3312312, "kg/m³"),
            Measurement("time to 90 % of nominal", 5.3, "h", high=5.5, uncertainty=0.25),
        ],
        figures=[trumpet(), start_up(), points()],
        notes=["Mathematics after IEC 60601-2-24, which excludes implants: a method, no claim."],
    )  # fmt: skip
    record.judge()
    return record


def conformance() -> Record:
    """A hundred cases in five sections, of every verdict."""
    sections = ("framing", "session", "requests", "alarms", "memory")
    odd = {17: Verdict.FAIL, 41: Verdict.INCONCLUSIVE, 63: Verdict.SKIP, 88: Verdict.ERROR}
    record = Record(
        "conformance",
        "conformance",
        "Conformance of demo (HAI-30)",
        why="one case failed, and one could not be tried: the link was unplugged",
        began="2026-11-26T09:12:44Z",
        wall_s=12.9,
        device_s=86_400.0,
        command='hil conformance --rig "sim:"',
        facts={"device": "demo (HAI-30)", "rig": "sim:", "seed": "1"},
    )
    for index in range(100):
        section = sections[index // 20]
        verdict = odd.get(index, Verdict.PASS)
        record.cases.append(
            CaseResult(
                f"{section[:3].upper()}-{index + 1:02d}",
                f"a request whose {('id is repeated', 'hour is past', 'sum is wrong')[index % 3]}",
                verdict,
                section,
                "A command_id executed twice is executed once, over any transport",
                "the outcome of the first one, unchanged",
                "the same outcome" if verdict is Verdict.PASS else "a second bolus, 0.5 mL",
                0.1 + index % 7 / 10,
                (f"{index}.001 s  sent  set_audio_pause id 17", f"{index}.042 s  heard refused"),
            )
        )
    record.judge()
    return record


def failed_rig() -> Record:
    """A run that an instrument ended."""
    return Record(
        "bench",
        "occlusion",
        "Occlusion: time to alarm",
        Verdict.ERROR,
        "the balance at /dev/ttyUSB1 did not answer within 5 s; the pump was made safe",
        began="2026-11-26T09:12:44Z",
        wall_s=3_725.0,
        facts={"device": "demo (HAI-30)"},
        notes=["Resume with: hil bench occlusion --rig rig.toml --resume"],
    )


def hostile() -> Record:
    """Every text as somebody might have it who wants to break the page, or a broken device."""
    nasty = "<script>alert(1)</script>\"'&]]>\x00\x1b[31m\x85\u202e\ud800\ufffe$\\frac{{{ 7*7 }}"
    return Record(
        nasty,
        nasty,
        nasty,
        Verdict.FAIL,
        nasty,
        nasty,
        command=nasty,
        facts={nasty: nasty, "long": "x" * 100_000},
        instruments=[InstrumentRow(*(nasty,) * 6)],
        measurements=[Measurement(nasty, math.nan, nasty, low=1.0, requirement=nasty)],
        cases=[
            CaseResult(
                nasty, nasty, Verdict.FAIL, nasty, nasty, nasty, nasty, math.inf, (nasty,) * 9
            ),
            CaseResult("LOG-1", "long", Verdict.PASS, log=("line",) * 1_000),
        ],
        figures=[
            Figure(nasty, nasty, nasty, (Series(nasty, (0.0, 1.0), (1.0, math.nan)),),
                   ((nasty, 2.0),), x_ticks=((0.0, nasty),), caption=nasty),
        ],
        notes=[nasty],
    )  # fmt: skip


EXAMPLES: dict[str, Callable[[], Record]] = {
    "accuracy": accuracy,
    "conformance": conformance,
    "failed_rig": failed_rig,
    "hostile": hostile,
    "empty": lambda: Record("bench", "nothing", "Nothing was done"),
}
