"""The pace of time decides nothing: alarm logs at any speed, byte for byte."""

import json

import pytest

from protocol import messages as m
from protocol.vocabulary import EventKind
from tests.system.conftest import Daemon, Serve

pytestmark = pytest.mark.timeout(120)

HOURS = 3
UNTIL_NS = HOURS * 3_600 * 10**9
LEAN = ("--serial", "none", "--mqtt", "none", "--speed", "max")
HAPPENS = (
    {"kind": "plant_condition", "name": "restrictor_conductance_factor", "value": 6.0},
    {"kind": "fever", "rise": "4 K", "ramp": "20 min", "duration": "6 h"},
    {"kind": "altitude", "height": "3200 m", "ramp": "10 min"},
    {"kind": "sensor_fault", "channel": "battery_mv", "missing": True},
)
ALARMS = {EventKind.ALARM_RAISED, EventKind.ALARM_ENDED, EventKind.ALARM_REMINDED}


def alarm_log(daemon: Daemon) -> str:
    """What the pump logged about alarms, as its link tells it."""
    talk = daemon.tcp()
    lines: list[str] = []
    following = 1
    while True:
        page = talk.ask(m.ReadLog(from_sequence=following, limit=m.MAX_LIST))
        assert isinstance(page, m.LogPage)
        following = page.next_sequence
        lines += [
            json.dumps(entry.model_dump(mode="json"))
            for entry in page.entries
            if entry.kind in ALARMS and entry.uptime_ms <= HOURS * 3_600_000
        ]
        if not page.entries:
            return "\n".join(lines)


def step_by_step(daemon: Daemon) -> None:
    """At the pace of the wall, paused, from one thing that happens to the next."""
    assert daemon.api.put("/v1/time", json={"paused": True}).status_code == 200
    assert daemon.api.put("/v1/time", json={"speed": 1}).status_code == 200
    while daemon.get("/v1/time")["now_ns"] < UNTIL_NS:
        assert daemon.api.post("/v1/time/step").status_code == 200


def a_thousand_times_as_fast(daemon: Daemon) -> None:
    assert daemon.api.put("/v1/time", json={"speed": 1_000}).status_code == 200
    while daemon.get("/v1/time")["now_ns"] < UNTIL_NS:
        pass
    assert daemon.api.put("/v1/time", json={"paused": True}).status_code == 200


def at_once(daemon: Daemon) -> None:
    daemon.run_for(f"{HOURS} h")


def test_alarm_logs_are_the_same_at_any_speed(serve: Serve) -> None:
    """TIM-03, LOG-01: stepped at 1x, at 1,000x, and as fast as it goes."""
    logs = []
    for pass_time in (step_by_step, a_thousand_times_as_fast, at_once):
        daemon = serve(*LEAN)
        for stimulus in HAPPENS:
            answer = daemon.api.post("/v1/devices/demo/stimuli", json=stimulus)
            assert answer.status_code == 200, answer.text
        pass_time(daemon)
        logs.append(alarm_log(daemon))
    assert logs[0] == logs[1] == logs[2]
    assert logs[0].count("\n") >= 4
