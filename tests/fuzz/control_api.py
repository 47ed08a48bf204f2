"""Fuzzes every route of a daemon's control API, by what its OpenAPI document says of it.

Schemathesis makes requests that the document allows, and some that it does not, and compares each
answer with the document: no 5xx, no status, type or content that is not declared. What is refused
is refused in a sentence and changes nothing; after all else the pump lives on.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import click
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import positive_data_acceptance
from schemathesis.generation import GenerationMode

from protocol.quantity import QuantityError, parse_int
from pumpsim.daemon.wall import wall_ns
from pumpsim.instruments.bench import KINDS
from tests.system.conftest import Daemon, Serve

EXAMPLES: Final = 10
"""Requests of each kind to each route, between two signs of progress."""
LONGEST_NS: Final = 600_000_000_000
"""Of a run of device time."""
TIMEOUT_S: Final = 20.0
JSON: Final = {"Content-Type": "application/json"}

Case = Any  # of schemathesis, which are generic in what no module of it exports
Operation = Any


class ControlApi:
    """The control API of a daemon whose time stands still."""

    def __init__(self, daemon: Daemon) -> None:
        """What was answered, and how often, is counted by route."""
        self.answers: Counter[tuple[str, int]] = Counter()
        self._daemon = daemon
        self._newborn = daemon.api.get("/v1/snapshot").content

    def fuzz(self, examples: int, number: int) -> None:
        """So many requests of each kind to each route; raises at the first that does not hold."""
        schema: Any = schemathesis.openapi.from_url(self._daemon.ready["control"] + "/openapi.json")
        options = settings(
            max_examples=examples,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        for found in schema.get_all_operations():
            for requests in _requests(found.ok()):
                seed(number)(options(given(requests)(self._holds)))()

    def _holds(self, case: Case) -> None:
        api, label = self._daemon.api, case.operation.label
        self._reset()
        before = api.get("/v1/snapshot").json()["sha256"]
        _shorten(case)
        answer = case.call_and_validate(
            excluded_checks=[positive_data_acceptance],  # no schema tells that a syringe is empty
            timeout=TIMEOUT_S,
        )
        self.answers[label, answer.status_code] += 1
        if answer.status_code >= 400:
            sentence = answer.json()["error"]
            assert sentence, label
            assert sentence.isprintable(), sentence
            assert api.get("/v1/snapshot").json()["sha256"] == before, label
        elif case.method != "GET":
            self._lives_on()

    def _reset(self) -> None:
        api = self._daemon.api
        api.put("/v1/time", json={"speed": "max", "paused": False}).raise_for_status()
        api.put("/v1/snapshot", content=self._newborn, headers=JSON).raise_for_status()
        api.delete("/v1/devices/demo/chaos").raise_for_status()

    def _lives_on(self) -> None:
        """It samples, and truth and belief can be told."""
        self._daemon.run_for("2 min")
        for what in ("truth", "ledger", "belief", "compare"):
            self._daemon.get(f"/v1/devices/demo/{what}")


def _requests(operation: Operation) -> Iterator[st.SearchStrategy[Case]]:
    """What is allowed, and what is not, to a pump that is there; then on paths to nowhere."""
    names = {parameter.name for parameter in operation.path_parameters}
    kinds = KINDS if "kind" in names else KINDS[:1]
    paths = [{key: {"device": "demo", "kind": kind}[key] for key in names} for kind in kinds]
    for mode in GenerationMode if operation.body else (GenerationMode.POSITIVE,):
        make = partial(operation.as_strategy, generation_mode=mode)
        yield st.one_of([make(path_parameters=path) for path in paths])
    if names:
        yield operation.as_strategy()


def _shorten(case: Case) -> None:
    """A run that would take years takes minutes."""
    body = case.body
    if case.path != "/v1/time/run-until" or not isinstance(body, dict):
        return
    if type(body.get("until_ns")) is int:
        body["until_ns"] = min(body["until_ns"], LONGEST_NS)
    try:
        if parse_int(str(body.get("for")), "duration") > LONGEST_NS:
            body["for"] = "10 min"
    except QuantityError:
        return


@contextmanager
def served() -> Iterator[ControlApi]:
    """A daemon of its own, which must be there in the end, and end in order."""
    with TemporaryDirectory() as folder:
        daemon = Serve(Path(folder))("--mqtt", "none", "--speed", "max")
        try:
            yield ControlApi(daemon)
        finally:
            daemon.finish()


def fuzz_for(minutes: float, number: int) -> None:
    """Round after round, each with the next seed, until the time is over."""
    began_ns, elapsed_s = wall_ns(), 0.0
    with served() as api:
        while elapsed_s < 60 * minutes:
            api.fuzz(EXAMPLES, number)
            elapsed_s = (wall_ns() - began_ns) / 1e9
            total = api.answers.total()
            click.echo(f"seed {number}: {total:,} requests, {total / elapsed_s:.0f}/s")
            number += 1
    for (label, status), count in sorted(api.answers.items()):
        click.echo(f"{count:7,}  {status}  {label}")
