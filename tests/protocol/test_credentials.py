"""Who a program is on a broker."""

import pytest

from protocol.credentials import PASSWORD, PASSWORD_FILE, USERNAME, Credentials, credentials


def unread(path: str) -> str:
    raise FileNotFoundError(path)


def test_nothing_given_is_nobody() -> None:
    assert credentials({}, unread) == Credentials(None, None)


def test_a_file_goes_before_a_value_and_loses_its_end_of_line() -> None:
    given = {USERNAME: "pump", PASSWORD: "open", PASSWORD_FILE: "/run/secret"}
    assert credentials(given, lambda _: "sesame\n") == Credentials("pump", "sesame")
    del given[PASSWORD_FILE]
    assert credentials(given, unread) == Credentials("pump", "open")


def test_a_file_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ValueError, match=f"{PASSWORD_FILE}: /nowhere cannot be read"):
        credentials({PASSWORD_FILE: "/nowhere"}, unread)
