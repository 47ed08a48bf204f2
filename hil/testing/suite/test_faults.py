"""The fault catalogue: each fault at its stated severity is detected within its bound."""

from typing import Final

import pytest

from hil.emulated.subject import Told, Verdict, promised
from hil.testing.expected import ALARMS
from hil.testing.scenario import Scenario
from hil.testing.subject import Subject
from hil.testing.violation import ViolatedError
from protocol.vocabulary import AlarmId

SEED: Final = 1
NS_PER_S: Final = 1_000_000_000
DAY_S: Final = 86_400
HOUR_S: Final = 3_600
FAULTS: Final = promised()
REQUIREMENTS: Final = {
    "restrictor_broken": "FLW-03",
    "occlusion_release": "OCC-03",
    "refill_without_syringe": "RES-07",
    "memory_bit_flip_one_copy": "NVM-01",
    "memory_torn_write": "NVM-02",
    **{name: "SEN-03" for name in FAULTS if name.startswith("drift_")},
}
"""Where the first alarm awaited does not say it all."""


def requirement(name: str) -> str:
    """Which one a fault tries."""
    first = FAULTS[name][1][0].upper()
    alarm = ALARMS[AlarmId[first]].requirement if first in AlarmId.__members__ else "LOG-01"
    return REQUIREMENTS.get(name, alarm)


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_detected_within_its_bound(subject: Subject, name: str) -> None:
    """Acted out in a pump six days old; judged on when the truth shows its effect."""
    told = subject.pumps.try_fault(name, SEED)
    trial = told.trial
    if trial.verdict is Verdict.INCONCLUSIVE:
        pytest.skip(f"could not be tried: {trial.why}")
    if trial.verdict is Verdict.DETECTED:
        return
    expected = f"{' or '.join(told.expects)} within {_time(told.bound_s)}"
    late = trial.delay_ns is not None and f"{trial.detected_by} after {_time(trial.delay_ns / 1e9)}"
    when = f"{_time(trial.onset_ns / NS_PER_S)} after implantation, seed {SEED}"
    done = [FAULTS[name][0], *(f"after {_time(after)}: {deed}" for after, deed in told.steps)]
    done += [] if told.visit is None else [f"visit: {told.visit}"]
    violated = ViolatedError(requirement(name), expected, late or "nothing of it", when, done)
    violated.scenario = _scenario(subject, told)
    raise violated


def _scenario(subject: Subject, told: Told) -> Scenario:
    """The same life; the fault's last step acts at the second in which it took effect."""
    at_s = told.began_ns / NS_PER_S
    events = []
    for after_s, deed in told.steps:
        at_s += after_s
        events.append((at_s, deed))
    if told.visit is not None:
        events.append((at_s, told.visit))
    end_s = max(at_s + 1_800, told.trial.onset_ns / NS_PER_S) + 2 * told.bound_s
    note = f"awaited: {' or '.join(told.expects)}"
    fills = {"usual": {"drug": "FUDR", "concentration": "6.46 mg/mL"}} if told.visit else {}
    return Scenario(subject.name, SEED, end_s, tuple(events), (note,), fills)


def _time(seconds: float) -> str:
    if seconds >= 2 * DAY_S:
        return f"{seconds / DAY_S:.1f} d"
    return f"{seconds / HOUR_S:.1f} h" if seconds >= HOUR_S else f"{seconds / 60:.1f} min"
