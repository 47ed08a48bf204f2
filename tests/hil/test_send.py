"""A request written by hand, and what the device answers."""

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hil.cli import main
from hil.rig import open_rig
from hil.send import REQUESTS, request, send
from protocol.vocabulary import EventKind, Refusal, Role


def ask(body: dict[str, Any], *options: str) -> Result:
    result = CliRunner().invoke(main, ["send", json.dumps(body), "--rig", "sim:", *options])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_a_question_gives_the_reply_in_the_words_of_the_link() -> None:
    result = ask({"type": "get_status"})
    assert result.exit_code == 0
    reply = json.loads(result.stdout)
    assert reply["type"] == "status"
    assert reply["config_id"] == 1
    assert reply["status"]["flow_nl_per_h"]["quality"] == "good"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"type": "set_clock", "rtc_s": 0}, "out_of_range"),
        ({"type": "abort_refill"}, "no_refill_open"),
        ({"type": "acknowledge_alarm", "alarm": "occlusion", "occurrence": 7}, "unknown_alarm"),
    ],
)
def test_a_bad_request_is_refused_by_name(body: dict[str, Any], reason: str) -> None:
    result = ask(body)
    assert result.exit_code == 1
    assert json.loads(result.stdout)["reason"] == reason
    assert result.stderr == f"refused: {reason} ({Refusal[reason.upper()].meaning})\n"


@pytest.mark.parametrize("reason", Refusal)
def test_every_refusal_says_what_it_means(reason: Refusal) -> None:
    assert reason.meaning


def test_the_role_is_the_sessions() -> None:
    assert ask({"type": "begin_refill"}).exit_code == 0
    result = ask({"type": "begin_refill"}, "--role", "patient")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["reason"] == "role"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"type": "get_stats"}', "'get_stats' is no request to send; did you mean 'get_status'?"),
        ('{"type": "status"}', "'status' is no request to send; did you mean 'get_status'?"),
        ('{"type": "open", "role": "service", "client": "me"}', "'open' is no request to send"),
        ('{"rtc_s": 7}', "not a request: type is missing"),
        ('{"type": "close"}', "a session is opened and closed as needed"),
        (
            '{"type": "begin_bolus_access"}',
            "not a request: drug is missing; concentration_ng_per_ml is missing",
        ),
        ('{"type": ["set_clock"]}', "is no request"),
        ('{"type": "set_clock"}', "not a request: rtc_s is missing"),
        ('{"type": "set_clock", "rtc": 7}', "not a request: SetClock has no field 'rtc'"),
        ("set_clock", "not a request: no JSON (Expecting value"),
        ("[]", "not a request: not an object"),
    ],
)
def test_what_is_no_request_is_told_and_opens_no_rig(text: str, sentence: str) -> None:
    result = CliRunner().invoke(main, ["send", text, "--rig", "tcp://127.0.0.1:9"])
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_a_session_is_closed_again_and_what_was_begun_goes_on() -> None:
    with open_rig("sim:") as rig:
        assert not send(rig, request('{"type": "begin_refill"}'), Role.CLINICIAN).refused
        assert not send(rig, request('{"type": "abort_refill"}'), Role.SERVICE).refused
        kinds = [entry.kind for entry in rig.dut.read_log()]
    assert kinds.count(EventKind.SESSION_OPENED) == kinds.count(EventKind.SESSION_ENDED) == 2


def test_every_request_of_the_protocol_can_be_written() -> None:
    assert {"get_status", "commit_refill", "write_configuration", "read_log"} <= set(REQUESTS)
    assert not {"open", "close", "status", "telemetry"} & set(REQUESTS)
