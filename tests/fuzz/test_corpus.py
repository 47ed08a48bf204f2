"""Every input that fuzzing starts from holds what its target holds, earlier finds included."""

import pytest

from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_the_seeds_hold(target: str) -> None:
    for name, data in seeds(target).items():
        print(name)
        TARGETS[target](data)
