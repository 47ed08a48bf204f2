"""The state machine on a pump at the far end of each link: in virtual time and in real time."""

import pytest

from hil.rig import open_rig
from hil.testing.machine import PumpMachine
from tests.hil.testing.test_machine import run
from tests.system.conftest import Serve


@pytest.mark.parametrize(("link", "virtual"), [("serial", True), ("mqtt", True), ("tcp", False)])
def test_any_life_over_a_link(serve: Serve, link: str, *, virtual: bool) -> None:
    uri = serve().device()[link]
    with open_rig(uri if virtual else uri.split("?")[0]) as rig:
        assert rig.clock.virtual is virtual
        machine = {"opening": staticmethod(lambda: rig), "keeps_rig": True}
        run(type("OverALink", (PumpMachine,), machine), examples=2, steps=8 if virtual else 4)
