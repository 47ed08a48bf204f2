"""MQTT topics: names that cannot break out of their place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import messages as m
from protocol.messages import MESSAGES, Notice
from protocol.topics import (
    BRANCHES,
    check_name,
    client_of,
    notice_topic,
    reply_topic,
    request_topic,
    status_topic,
)
from protocol.vocabulary import ResetCause


@pytest.mark.parametrize("name", ["a", "pump-1", "A.b_c-9", "x" * 32])
def test_sound_names_pass(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "a/b", "+", "#", "a+", "a#", "a b", "x" * 33, "ä", "a\n", "$SYS", "a\0"]
)
def test_a_name_that_would_break_a_topic_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"device id .* must be 1 to 32 of A-Z a-z 0-9"):
        check_name(name)
    assert client_of(request_topic("pump", name)) != name


def test_the_error_says_whose_name_it_is() -> None:
    with pytest.raises(ValueError, match="client 'a/b'"):
        check_name("a/b", "client")


def test_requests_and_replies_of_a_client() -> None:
    assert request_topic("p1", "bench") == "pumpsim/p1/request/bench"
    assert request_topic("p1", "+") == "pumpsim/p1/request/+"
    assert reply_topic("p1", "bench") == "pumpsim/p1/reply/bench"


@given(st.from_regex(r"[A-Za-z0-9._-]{1,32}", fullmatch=True))
def test_a_request_tells_its_client(client: str) -> None:
    assert client_of(request_topic("p1", client)) == client


def test_every_notice_has_its_place() -> None:
    booted = m.Booted(timeline_id=1, cause=ResetCause.POWER_ON, resets=0)
    assert notice_topic("p1", booted) == "pumpsim/p1/event"
    presence = m.Presence(online=True, device_id="p1", timeline_id=1)
    assert notice_topic("p1", presence) == status_topic("p1") == "pumpsim/p1/status"
    assert set(BRANCHES) | {m.Booted} == {b for b in MESSAGES if issubclass(b, Notice)}
