"""Seeded defects come and go without a trace, and a target that is gone is told."""

import sys
from typing import TYPE_CHECKING

import pytest

from protocol import quantity
from pumpsim.firmware import amounts, flow, ticks
from tests.defects.catalogue import BY_NAME, CATALOGUE
from tests.defects.defect import Defect
from tests.defects.patching import PACKAGES, Constant, Edit, Entry, Patch, function_of

if TYPE_CHECKING:
    from collections.abc import Callable


def looked_at(patch: Patch) -> object:
    """What a patch is to change, as it is now."""
    if isinstance(patch, Entry):
        return patch.table.get(patch.key)
    if isinstance(patch, Constant):
        return vars(patch.module)[patch.name]
    function = function_of(vars(patch.owner)[patch.name])
    return function and function.__code__


def everything() -> list[tuple[str, str, object]]:
    """All that stands at the top of every module of ours."""
    return [
        (name, key, dict(value) if isinstance(value, dict) else value)
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in PACKAGES
        for key, value in vars(module).items()
    ]


def test_there_are_sixty_and_each_has_a_name_of_its_own() -> None:
    assert len(CATALOGUE) >= 60
    assert len(BY_NAME) == len(CATALOGUE)


@pytest.mark.parametrize("defect", CATALOGUE, ids=lambda defect: defect.name)
def test_a_defect_comes_and_goes(defect: Defect) -> None:
    before = [looked_at(patch) for patch in defect.patches]
    with defect.active():
        during = [looked_at(patch) for patch in defect.patches]
    assert not [old for old, new in zip(before, during, strict=True) if old == new]
    assert [looked_at(patch) for patch in defect.patches] == before


def test_no_defect_leaves_a_trace() -> None:
    before = everything()
    for defect in CATALOGUE:
        with defect.active():
            pass
    assert everything() == before


def test_whoever_holds_the_function_or_the_constant_holds_the_defect() -> None:
    pumped: Callable[..., tuple[int, int]] = amounts.pumped
    with Edit(amounts, "pumped", "return flow_nl_per_h", "return 7 + flow_nl_per_h").active():
        assert pumped(0, ticks.HOUR) == (7, 0)
    assert pumped(0, ticks.HOUR) == (0, 0)
    with Constant(ticks, "MINUTE", 1).active():
        assert vars(sys.modules["pumpsim.firmware.fill"])["MINUTE"] == 1
    with Edit(flow, "viscosity_npa_s", "return above + ", "return 1 + above + ").active():
        changed = flow.viscosity_npa_s(310_150)
    assert flow.viscosity_npa_s(310_150) == changed - 1 == 691_303


@pytest.mark.parametrize(
    ("patch", "why"),
    [
        (Edit(amounts, "poured", "return", "return 1 +"), "no function poured"),
        (Edit(amounts, "HOUR", "return", "return 1 +"), "no function HOUR"),
        (Edit(amounts, "pumped", "no such words", ""), "stands 0 times"),
        (Edit(amounts, "pumped", "remainder", "rest"), "times in pumped"),
        (Edit(amounts, "pumped", "divmod(elapsed, HOUR)", "divmod(elapsed, DAY)"), "in vain"),
        (Constant(ticks, "FORTNIGHT", 14), "no FORTNIGHT"),
        (Constant(ticks, "HOUR", ticks.HOUR), "already"),
        (Entry(quantity.UNITS, "beauty", None), "no 'beauty'"),
    ],
)
def test_a_target_that_is_not_there_is_told(patch: Patch, why: str) -> None:
    with pytest.raises(LookupError, match=why), patch.active():
        pass
