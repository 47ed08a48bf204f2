"""Control logic by name."""

import pytest

from protocol.logic import load_logic


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nothing", "write MODULE:CLASS"),
        ("no_such_module:Logic", "set PYTHONPATH"),
        ("tests.device.unimportable:Logic", "cannot be loaded"),
        ("protocol.logic:Nobody", "AttributeError"),
        ("protocol.logic:Final", "it has no boot, sample"),
    ],
)
def test_what_is_no_logic_is_refused_with_a_way_out(name: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        load_logic(name)


def test_a_class_with_the_five_methods_is_logic() -> None:
    logic = load_logic("pumpsim.firmware:ReferenceLogic")()
    assert callable(logic.sample)
