"""The laboratory: what acts on the pump and its patient beside the link, and knows the truth."""

import http.client
import json
import os
import select
from collections.abc import Mapping
from typing import Any, Final, NoReturn, Protocol
from urllib.parse import quote, urlsplit

from hil.errors import LocalError, RigError, reason

ANSWER_S: Final = 120.0
"""Wall time the control API may take: it answers a run of a day when that day is over."""

JSON: Final = {"Content-Type": "application/json"}


class Laboratory(Protocol):
    """Stimuli in, truth out. The emulator has one; hardware has one as far as instruments reach."""

    def stimulate(self, stimulus: Mapping[str, Any]) -> dict[str, int]:
        """Let something happen now, such as {"kind": "fever", "rise": "2 K"}; what came of it.

        Raises LocalError, and nothing has changed, when it cannot be.
        """

    def truth(self) -> dict[str, Any]:
        """The plant as it is."""

    def read(self, instrument: str) -> dict[str, Any]:
        """What an emulated instrument shows: `now_ns`, and `readings` by quantity.

        Each reading has `value`, `unit`, `uncertainty`, `stable` and `range`. Raises LocalError
        for an instrument that is not there.
        """

    def operate(self, instrument: str, command: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out a command, such as {"kind": "zero"}; `readings` is what it came to.

        Raises LocalError, and nothing has changed, when it cannot be.
        """

    def save(self) -> dict[str, Any]:
        """Everything emulated, as plain data."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Put it back; links end, and whoever had the rig open opens it again."""


class NoLaboratory:
    """Only a link: nobody can make a fever through it."""

    def stimulate(self, stimulus: Mapping[str, Any]) -> NoReturn:
        """Not here."""
        raise RigError(f"nothing on this rig can act out {stimulus.get('kind')!r}: {self._way_out}")

    def truth(self) -> NoReturn:
        """Not here."""
        raise RigError(f"nothing on this rig knows the truth: {self._way_out}")

    def read(self, instrument: str) -> NoReturn:
        """Not here."""
        raise RigError(f"there is no emulated {instrument} on this rig: {self._way_out}")

    def operate(self, instrument: str, command: Mapping[str, Any]) -> NoReturn:
        """Not here."""
        del command
        self.read(instrument)

    def save(self) -> NoReturn:
        """Not here."""
        raise RigError(f"nothing on this rig can be kept and put back: {self._way_out}")

    def restore(self, state: Mapping[str, Any]) -> NoReturn:
        """Not here."""
        del state
        self.save()

    _way_out: Final = "for an emulated pump, append ?control=URL to the rig's URI"


class ControlApi:
    """A daemon's control API: one connection that is kept, opened again when it was closed.

    The token of a daemon on another machine comes from the environment, PUMPSIM_CONTROL_TOKEN.
    """

    def __init__(self, url: str) -> None:
        """Nothing is sent yet; `url` is http://HOST:PORT."""
        self._url = url
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=ANSWER_S
        )
        token = os.environ.get("PUMPSIM_CONTROL_TOKEN")
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    def get(self, path: str) -> Any:
        """What stands there."""
        return self._request("GET", path, None)

    def post(self, path: str, content: Mapping[str, Any]) -> Any:
        """What came of it."""
        return self._request("POST", path, json.dumps(content))

    def put(self, path: str, content: Mapping[str, Any]) -> Any:
        """What came of it."""
        return self._request("PUT", path, json.dumps(content))

    def now_ns(self) -> int:
        """The instant the devices have reached."""
        return int(self.get("/v1/time")["now_ns"])

    def run_until(self, until_ns: int) -> int:
        """Let them run to an instant; returns when it is reached."""
        try:
            return int(self.post("/v1/time/run-until", {"until_ns": until_ns})["now_ns"])
        except LocalError:
            now_ns = self.now_ns()
            if now_ns < until_ns:
                raise
            return now_ns  # it had passed by itself before the request came

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _was_closed(self) -> bool:
        """Whether the daemon hung up meanwhile, as it does after some seconds without a request."""
        kept = self._connection.sock
        return kept is not None and bool(select.select([kept], [], [], 0)[0])

    def _request(self, method: str, path: str, body: str | None) -> Any:
        headers = self._headers if body is None else {**self._headers, **JSON}
        if self._was_closed():
            self._connection.close()  # the request opens it anew
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
            content = json.loads(response.read())
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            message = f"the control API at {self._url} does not answer: {reason(error)}"
            raise RigError(message) from None
        except ValueError:
            self._connection.close()
            raise RigError(f"what answers at {self._url} is no control API") from None
        except BaseException:  # Ctrl-C: no other request may take the answer that is under way
            self._connection.close()
            raise
        if response.status == http.client.OK:
            return content
        sentence = content.get("error") if isinstance(content, dict) else None
        if response.status == http.client.UNPROCESSABLE_ENTITY:
            raise LocalError(str(sentence))
        why = sentence or response.reason
        raise RigError(f"the control API at {self._url} refuses: {why}")


class RemoteLaboratory:
    """The laboratory behind a control API, for one of its devices."""

    def __init__(self, api: ControlApi, device: str) -> None:
        """`device` is the id, as `identify` tells it."""
        self._api = api
        self._path = f"/v1/devices/{quote(device, safe='')}"

    def stimulate(self, stimulus: Mapping[str, Any]) -> dict[str, int]:
        """Act now; LocalError when it cannot be."""
        result: dict[str, int] = self._api.post(f"{self._path}/stimuli", stimulus)
        return {name: value for name, value in result.items() if name != "now_ns"}

    def truth(self) -> dict[str, Any]:
        """The plant as it is."""
        truth: dict[str, Any] = self._api.get(f"{self._path}/truth")
        return truth

    def read(self, instrument: str) -> dict[str, Any]:
        """What an instrument shows now."""
        shown: dict[str, Any] = self._api.get(f"{self._path}/instruments/{instrument}")
        return shown

    def operate(self, instrument: str, command: Mapping[str, Any]) -> dict[str, Any]:
        """Act now; LocalError when it cannot be."""
        path = f"{self._path}/instruments/{instrument}"
        result: dict[str, Any] = self._api.post(path, command)
        return result

    def save(self) -> dict[str, Any]:
        """Every device of the daemon."""
        state: dict[str, Any] = self._api.get("/v1/snapshot")
        return state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Put every device back; the daemon closes its links."""
        self._api.put("/v1/snapshot", state)
