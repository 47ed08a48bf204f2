"""What most of these tests begin with."""

import pytest

from tests.firmware.bench import Bench


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.configure()
    return bench
