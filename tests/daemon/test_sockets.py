"""Addresses as people write them."""

import pytest

from pumpsim.daemon.pacing import check_baud
from pumpsim.daemon.sockets import authority, is_loopback, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("localhost:65535", ("localhost", 65_535)),
        ("[::1]:8000", ("::1", 8_000)),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address
    assert authority(*address) == text


@pytest.mark.parametrize(
    "text",
    ["", ":", "8000", ":8000", "host:", "host:65536", "host:-1", "::1:80", "h:٣", "h:1e3", "[]:1"],
)
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        parse_address(text)


def test_only_this_machine_is_loopback() -> None:
    assert all(map(is_loopback, ["localhost", "127.0.0.1", "127.8.9.1", "::1"]))
    assert not any(map(is_loopback, ["0.0.0.0", "192.168.1.2", "localhost.evil.example", "", "::"]))


def test_a_baud_rate_is_a_number_a_line_can_have() -> None:
    assert [check_baud(text) for text in ("50", "115200", "4000000")] == [50, 115_200, 4_000_000]
    for text in ("", "0", "49", "4000001", "-9600", "9600.0", "fast", "٩٦٠٠", "1" * 5_000):
        with pytest.raises(ValueError, match="no baud rate"):
            check_baud(text)
