"""The laboratory behind a daemon's control API."""

import pytest

from hil.errors import LocalError, RigError
from hil.laboratory import ControlApi
from hil.rig import open_rig
from tests.system.conftest import Daemon, Serve

TOKEN = "a token of some length"


def test_what_cannot_be_is_a_local_mistake_and_changes_nothing(demo: Daemon) -> None:
    with open_rig(demo.device()["tcp"]) as rig:
        before = rig.laboratory.truth()
        for stimulus in ({"kind": "fewer"}, {"kind": "fever", "rise": "2 mL"}):
            with pytest.raises(LocalError):
                rig.laboratory.stimulate(stimulus)
        with pytest.raises(LocalError):
            rig.laboratory.stimulate({"kind": "fill_pocket", "volume": "1,3 mL"})
        assert rig.laboratory.truth() == before


def test_a_stimulus_tells_what_came_of_it(demo: Daemon) -> None:
    with open_rig(demo.device()["tcp"]) as rig:
        result = rig.laboratory.stimulate({"kind": "withdraw", "volume": "2 mL"})
        assert result == {"withdrawn_nl": 2_000_000}


def test_an_instant_that_passed_by_itself_is_reached(demo: Daemon) -> None:
    reached_ns = demo.run_for("1 h")
    api = ControlApi(demo.ready["control"])
    assert api.run_until(reached_ns - 1) == reached_ns
    assert api.run_until(reached_ns + 1) == reached_ns + 1
    api.close()


def test_the_token_comes_from_the_environment(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--mqtt", "none", "--serial", "none", "--allow-remote-control")
    monkeypatch.setenv("PUMPSIM_CONTROL_TOKEN", TOKEN)
    daemon = serve(*options)
    with open_rig(daemon.device()["tcp"]) as rig:
        assert rig.laboratory.truth()["now_ns"] >= 0
    monkeypatch.delenv("PUMPSIM_CONTROL_TOKEN")
    with pytest.raises(RigError, match="token"):
        open_rig(daemon.device()["tcp"])
