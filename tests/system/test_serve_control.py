"""The control API of a daemon, with a stock HTTP client."""

import json
import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from protocol import messages as m
from protocol.vocabulary import EventKind
from tests.reference import props_si
from tests.system.conftest import Background, Daemon, Serve
from tests.system.talk import TIMEOUT_S

pytestmark = pytest.mark.timeout(60)

DAY_NS = 86_400_000_000_000


def flow_of(daemon: Daemon) -> float:
    status = daemon.tcp().ask(m.GetStatus())
    assert isinstance(status, m.Status)
    assert status.status.flow_nl_per_h is not None
    return status.status.flow_nl_per_h.estimate


def refused(answer: httpx.Response, status: int, *words: str) -> None:
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"}
    for word in words:
        assert word in answer.json()["error"]


# ---- what happens to the pump


def reference_flow(truth: dict[str, Any]) -> float:
    """To a factor, by reference equations of state: driving pressure over viscosity."""
    state = truth["state"]
    temperature_k, outlet_pa = state["pump_temperature_k"], state["outlet_pressure_pa"]
    vapour_pa = props_si("P", "T", temperature_k, "Q", 1, "n-Butane")
    viscosity_pa_s = props_si("V", "T", temperature_k, "P", 101_325, "Water")
    return float((vapour_pa - outlet_pa) / viscosity_pa_s)


def test_a_fever_raises_the_flow_that_the_pump_tells(demo: Daemon) -> None:
    demo.run_for("30 min")
    before, usual_nl_per_h = demo.get("/v1/devices/demo/truth"), flow_of(demo)
    demo.stimulate(kind="fever", rise="2 K", ramp="1 min", duration="5 d")
    demo.run_for("1 d")
    after, fever_nl_per_h = demo.get("/v1/devices/demo/truth"), flow_of(demo)
    expected = reference_flow(after) / reference_flow(before)
    assert expected > 1.1  # thinner water, and more pressure behind it
    assert fever_nl_per_h / usual_nl_per_h == pytest.approx(expected, rel=0.01)


def test_the_ledger_balances_after_a_visit(demo: Daemon) -> None:
    came = demo.stimulate(kind="withdraw")["withdrawn_nl"]
    assert 20_000_000 < came <= 28_000_000
    demo.stimulate(kind="fill", volume="25 mL", drug="FUDR", concentration="5 mg/mL")
    demo.run_for("2 d")
    ledger = demo.get("/v1/devices/demo/ledger")
    assert ledger["withdrawn_fl"] == came * 1_000_000
    assert ledger["filled_fl"] == 53_000_000_000_000


def test_belief_stands_beside_the_truth(demo: Daemon) -> None:
    demo.run_for("1 h")
    belief = demo.get("/v1/devices/demo/belief")
    assert belief["flow_nl_per_h"]["quality"] == "good"
    assert (belief["drug"], belief["config_id"]) == ("FUDR", 1)
    low, high = belief["delivered_between_nl"]
    assert 0 < low < belief["delivered_total_nl"] < high
    assert (belief["alarms"], belief["causes"]) == ([], [])
    assert demo.get("/v1/devices")[0]["id"] == "demo"


def test_faults_and_what_the_pump_makes_of_them_are_told(demo: Daemon) -> None:
    demo.stimulate(kind="sensor_fault", channel="battery_mv", missing=True)
    truth = demo.get("/v1/devices/demo/truth")
    assert truth["faults"] == {"1": None}
    assert truth["fault_names"] == {"1": "sensor_fault battery_mv"}
    demo.stimulate(kind="withdraw", volume="26 mL")
    reached_ns = demo.run_for("1 h")
    struck_ns = demo.get("/v1/devices/demo/truth")["faults"]["1"]
    assert 0 < struck_ns < reached_ns
    belief = demo.get("/v1/devices/demo/belief")
    assert {"sensor_fault", "low_reservoir"} <= set(belief["alarms"])
    assert "battery_sensor" in belief["causes"]


def test_truth_and_belief_are_compared_row_by_row(demo: Daemon) -> None:
    demo.stimulate(kind="clock_fault", forward="1 h")
    off = {"kind": "plant_condition", "name": "catheter_disconnected", "value": 1}
    assert demo.api.post("/v1/devices/demo/stimuli", json=off).status_code == 200
    at_ns = demo.run_for("1 d")
    rows = demo.get("/v1/devices/demo/compare")
    assert rows.pop("at_ns") == at_ns
    doses = rows.pop("doses_ng")
    for row in (*rows.values(), *doses.values()):
        assert row["difference"] == row["belief"] - row["truth"]
    assert rows["delivered_nl"]["truth"] < 50_000  # into the tissue, and the pump believes it came
    assert doses["FUDR"]["truth"] == 0
    assert doses["FUDR"]["belief"] == demo.get("/v1/devices/demo/belief")["dose_total_ng"] > 0
    flow = rows["flow_nl_per_h"]
    assert flow["low"] <= flow["truth"] <= flow["high"]
    assert rows["clock_s"]["difference"] == pytest.approx(3_600, abs=2)
    assert not rows["clock_s"]["valid"]
    truth = demo.get("/v1/devices/demo/truth")
    assert rows["temperature_mk"]["truth"] == round(truth["state"]["pump_temperature_k"] * 1_000)
    parts = demo.get("/openapi.json")["components"]["schemas"]
    told = parts["Comparison"]["properties"]
    assert "nL/h" in told["flow_nl_per_h"]["description"]
    assert "took effect" in parts["Truth"]["properties"]["faults"]["description"]
    assert set(told) == {"at_ns", "doses_ng", *rows}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"kind": "fever", "rise": "2,5 K"}, ["rise", "2,5 K"]),
        ({"kind": "fever", "rise": "2 degF"}, ["rise", "degF"]),
        ({"kind": "fever", "rise": "-2 K"}, ["rise"]),
        ({"kind": "fever", "raise": "2 K"}, ["raise", "did you mean 'rise'?"]),
        ({"kind": "fill", "volume": "2 mL"}, ["drug: is missing"]),
        ({"kind": "fevr"}, ["kind: 'fevr' is unknown", "did you mean 'fever'?"]),
        ({"kind": "plague"}, ["kind: 'plague' is unknown", "known here: fever, "]),
        ({"rise": "2 K"}, ["kind: is missing"]),
        ([1], ["dictionary"]),
        (
            {"kind": "fill", "volume": "90 mL", "drug": "X", "concentration": "1 mg/mL"},
            ["cannot fill 90 mL", "room"],
        ),
        ({"kind": "plant_condition", "name": "leak", "value": 1}, ["leak"]),
        (
            {"kind": "fault", "name": "septum_leak", "severity": -1},
            ["severity: that of septum_leak must lie between"],
        ),
    ],
)
def test_an_impossible_stimulus_is_refused(demo: Daemon, body: Any, words: list[str]) -> None:
    before = demo.get("/v1/devices/demo/truth")
    refused(demo.api.post("/v1/devices/demo/stimuli", json=body), 422, *words)
    assert demo.get("/v1/devices/demo/truth") == before


def test_what_is_no_json_is_told_where_it_ends(demo: Daemon) -> None:
    headers = {"Content-Type": "application/json"}
    answer = demo.api.post("/v1/devices/demo/stimuli", content='{"kind": ', headers=headers)
    refused(answer, 422, "is no JSON", "character 9")


# ---- time


def test_time_stands_still_at_speed_max_but_for_a_run(demo: Daemon) -> None:
    now_ns = demo.get("/v1/time")["now_ns"]
    assert demo.run_for("1 d") == now_ns + DAY_NS
    assert demo.get("/v1/time")["now_ns"] == now_ns + DAY_NS


def test_a_step_goes_to_the_next_thing_that_happens(demo: Daemon) -> None:
    instants = [demo.api.post("/v1/time/step").json()["now_ns"] for _ in range(3)]
    assert instants == [60_000_000_000, 120_000_000_000, 180_000_000_000]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"until_ns": 1}, ["passed"]),
        ({"until_ns": -1}, ["passed"]),
        ({"for": "-1 d"}, ["minus"]),
        ({"until_ns": 10**30}, ["beyond"]),
        ({"for": "14 mL"}, ["mL"]),
        ({"for": "soon"}, ["soon"]),
        ({"for": "1 d", "until_ns": 5}, ["either"]),
        ({}, ["either"]),
        ({"until_ns": "7"}, ["until_ns"]),
        ({"till": 7}, ["till: unknown key"]),
        ({"unti_ns": 7}, ["did you mean 'until_ns'?"]),
    ],
)
def test_an_impossible_run_is_refused(demo: Daemon, body: Any, words: list[str]) -> None:
    now_ns = demo.run_for("1 h")
    refused(demo.api.post("/v1/time/run-until", json=body), 422, *words)
    assert demo.get("/v1/time")["now_ns"] == now_ns


@pytest.mark.parametrize("speed", [0, -1, 2e6, "fast", "1", True, [], float("nan")])
def test_an_impossible_speed_is_refused(demo: Daemon, speed: Any) -> None:
    body = json.dumps({"speed": speed})
    kind = {"Content-Type": "application/json"}
    refused(demo.api.put("/v1/time", content=body, headers=kind), 422, "speed")
    assert demo.get("/v1/time")["speed"] == "max"


def test_a_pause_gives_up_a_run_and_a_second_run_is_refused(demo: Daemon) -> None:
    run = Background(demo, "3660 d")
    refused(demo.api.post("/v1/time/run-until", json={"for": "1 d"}), 422, "under way")
    demo.api.put("/v1/time", json={"paused": True})
    run.join()
    assert run.answer is not None
    refused(run.answer, 409, "given up")
    assert demo.get("/v1/time")["running_until_ns"] is None
    demo.api.put("/v1/time", json={"paused": False})


def test_a_run_ends_when_whoever_asked_goes_away(demo: Daemon) -> None:
    address = httpx.URL(demo.ready["control"])
    body = b'{"for": "3660 d"}'
    with socket.create_connection((address.host, address.port or 0), TIMEOUT_S) as line:
        line.sendall(
            b"POST /v1/time/run-until HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        while demo.get("/v1/time")["running_until_ns"] is None:
            continue
    while demo.get("/v1/time")["running_until_ns"] is not None:
        continue
    assert demo.run_for("1 min") > 0


def test_the_speed_can_change_while_it_runs(demo: Daemon) -> None:
    answer = demo.api.put("/v1/time", json={"speed": 600.0})
    assert answer.json()["speed"] == 600.0
    start_ns = demo.get("/v1/time")["now_ns"]
    talk = demo.tcp()
    talk.ask(m.SubscribeTelemetry(period_ms=60_000))
    for _ in range(3):
        talk.notice(m.Telemetry)
    assert demo.get("/v1/time")["now_ns"] >= start_ns + 120_000_000_000
    time = demo.get("/v1/time")
    assert 0 <= time["late_p50_ns"] <= time["late_p99_9_ns"] <= time["late_max_ns"]
    assert demo.api.put("/v1/time", json={"speed": "max"}).json()["speed"] == "max"


def test_a_machine_that_does_not_keep_up_says_so_and_still_answers(
    serve: Serve, pumps: Callable[..., list[str]]
) -> None:
    names = [f"pump{number}" for number in range(40)]
    lean = ("--mqtt", "none", "--serial", "none")
    daemon = serve(*pumps(*names), *lean, "--speed", "1000000")
    told = daemon.err.wait_for(lambda line: "late" in line)
    assert "40 pump(s) at speed 1e+06" in told
    assert isinstance(daemon.tcp("pump7").ask(m.GetStatus()), m.Status)
    assert daemon.get("/v1/time")["late_max_ns"] > 200_000_000


# ---- snapshots


def test_a_snapshot_brings_everything_back_on_a_new_timeline(demo: Daemon) -> None:
    demo.run_for("1 d")
    saved = demo.get("/v1/snapshot")
    truth = demo.get("/v1/devices/demo/truth")
    demo.stimulate(kind="fever")
    demo.run_for("1 d")
    further = demo.get("/v1/devices/demo/truth")
    old = demo.tcp()
    identity = old.ask(m.Identify())
    assert isinstance(identity, m.Identity)

    demo.stimulate(kind="battery_fault", drop_mv=100)  # of a past that is left
    assert demo.api.put("/v1/snapshot", json=saved).status_code == 200
    assert demo.get("/v1/devices/demo/truth") == truth
    with pytest.raises((ConnectionError, TimeoutError)):  # every connection is closed
        old.ask(m.Identify())
    renewed = demo.tcp().ask(m.Identify())
    assert isinstance(renewed, m.Identity)
    assert renewed.timeline_id == saved["devices"]["demo"]["timeline_id"] + 1

    demo.stimulate(kind="fever")
    demo.run_for("1 d")
    assert demo.get("/v1/devices/demo/truth") == further  # going on equals going on


def _forget_device(data: dict[str, Any]) -> None:
    del data["devices"]["demo"]


def _change_time(data: dict[str, Any]) -> None:
    data["devices"]["demo"]["now_ns"] = "yesterday"


def _empty(data: dict[str, Any]) -> None:
    data.clear()


@pytest.mark.parametrize("damage", [_forget_device, _change_time, _empty])
def test_a_damaged_snapshot_changes_nothing(
    demo: Daemon, damage: Callable[[dict[str, Any]], None]
) -> None:
    saved = demo.get("/v1/snapshot")
    damage(saved)
    demo.run_for("1 h")
    truth = demo.get("/v1/devices/demo/truth")
    refused(demo.api.put("/v1/snapshot", json=saved), 422, "snapshot")
    assert demo.get("/v1/devices/demo/truth") == truth


# ---- who may use it


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Host": "[broken"},
        {"Host": ""},
    ],
)
def test_a_foreign_page_is_turned_away(demo: Daemon, headers: dict[str, str]) -> None:
    before = demo.get("/v1/devices/demo/truth")
    body = {"kind": "withdraw"}
    refused(demo.api.post("/v1/devices/demo/stimuli", json=body, headers=headers), 403)
    refused(demo.api.get("/v1/devices/demo/truth", headers=headers), 403)
    assert demo.get("/v1/devices/demo/truth") == before


def test_its_own_pages_may_use_it(demo: Daemon) -> None:
    answer = demo.api.get("/v1/health", headers={"Origin": demo.ready["control"]})
    assert answer.json() == {"status": "ok"}


def test_a_form_of_a_page_is_no_json(demo: Daemon) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp"):
        headers = {"Content-Type": kind}
        body = '{"kind": "withdraw"}'
        answer = demo.api.post("/v1/devices/demo/stimuli", content=body, headers=headers)
        refused(answer, 415, "JSON")


@pytest.mark.parametrize("body", ["{", '{"a": 1', "\xff", "[" * 100_000, ""])
def test_a_body_that_is_no_json_is_refused(demo: Daemon, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    content = body.encode("latin-1")
    answer = demo.api.post("/v1/devices/demo/stimuli", content=content, headers=headers)
    assert answer.status_code in (400, 422)
    assert set(answer.json()) == {"error"}


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("GET", "/v1/devices/nobody/truth", "there is no device 'nobody': see /v1/devices"),
        ("POST", "/v1/devices/nobody/stimuli", "there is no device 'nobody': see /v1/devices"),
        ("GET", "/v2", "GET /v2: not found; what there is stands in /openapi.json"),
    ],
)
def test_what_is_not_there_is_said(demo: Daemon, method: str, path: str, said: str) -> None:
    body = {"kind": "withdraw"} if method == "POST" else None
    refused(demo.api.request(method, path, json=body), 404, said)


def test_what_is_allowed_is_said(demo: Daemon) -> None:
    answer = demo.api.delete("/v1/health")
    assert answer.headers["Allow"] == "GET"
    refused(answer, 405, "DELETE /v1/health: method not allowed; what there is stands in")


def test_the_openapi_document_tells_of_every_route_and_how_it_refuses(demo: Daemon) -> None:
    document = demo.get("/openapi.json")
    paths = document["paths"]
    assert {"/v1/time/run-until", "/v1/snapshot", "/v1/devices/{device}/stimuli"} <= set(paths)
    for operation in (one for path in paths.values() for one in path.values()):
        assert set(operation["responses"]) == {"200", "4XX"}
    assert set(document["components"]["schemas"]["Wrong"]["properties"]) == {"error"}


def test_from_elsewhere_it_takes_the_token(serve: Serve) -> None:
    token = "correct horse battery"
    options = ("--control", "0.0.0.0:0", "--allow-remote-control")
    environment = {"PUMPSIM_CONTROL_TOKEN": token}
    lean = ("--mqtt", "none", "--serial", "none", "--tcp", "none")
    daemon = serve(*lean, *options, environment=environment)
    wrong = {"Authorization": "Bearer correct horse"}
    right = {"Authorization": f"Bearer {token}"}
    refused(daemon.api.get("/v1/time"), 401, "token")
    refused(daemon.api.get("/v1/time", headers=wrong), 401, "token")
    assert daemon.api.get("/v1/time", headers=right).status_code == 200
    assert daemon.api.get("/v1/time", headers={"Host": "bench7", **right}).status_code == 200


# ---- several pumps, and what is logged


def test_several_pumps_keep_step(serve: Serve, pumps: Callable[..., list[str]]) -> None:
    daemon = serve(*pumps("a", "b"), "--mqtt", "none", "--speed", "max")
    now_ns = daemon.run_for("3 d")
    daemon.stimulate("a", kind="withdraw")
    truths = [daemon.get(f"/v1/devices/{name}/truth") for name in ("a", "b")]
    assert truths[0]["ledger"]["withdrawn_fl"] > 0 == truths[1]["ledger"]["withdrawn_fl"]
    assert {truth["now_ns"] // DAY_NS for truth in truths} == {now_ns // DAY_NS}
    for name in ("a", "b"):
        identity = daemon.tcp(name).ask(m.Identify())
        assert isinstance(identity, m.Identity)
        assert identity.device_id == name
        assert daemon.serial(name).ask(m.Identify()) == identity


def test_a_power_cycle_is_in_the_log(demo: Daemon) -> None:
    talk = demo.tcp()
    demo.stimulate(kind="power_cycle", cause="brown_out")
    page = talk.ask(m.ReadLog(from_sequence=0, limit=m.MAX_LIST))
    assert isinstance(page, m.LogPage)
    assert [entry.kind for entry in page.entries].count(EventKind.BOOT) == 2
