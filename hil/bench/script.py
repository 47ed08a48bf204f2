"""What a bench script is: shipped ones and users' own are the same thing."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from hil.bench.parameters import set_points
from hil.bench.run import Run
from hil.errors import LocalError, RigError
from hil.rig import Rig
from protocol.vocabulary import Capability

LABORATORY: Final = "laboratory"
LOGIC: Final = "logic"
"""What a script may need beside instruments, which are called by their kinds."""

SHIPPED: Final = {
    "flow-accuracy": "hil.bench.scripts.flow_accuracy",
    "flow-temperature": "hil.bench.scripts.flow_temperature",
    "flow-pressure": "hil.bench.scripts.flow_pressure",
    "flow-level": "hil.bench.scripts.flow_level",
    "occlusion": "hil.bench.scripts.occlusion",
    "catheter-delay": "hil.bench.scripts.catheter_delay",
    "refill-cycle": "hil.bench.scripts.refill_cycle",
    "alarm-latency": "hil.bench.scripts.alarm_latency",
    "course": "hil.bench.scripts.course",
    "endurance": "hil.bench.scripts.endurance",
}
"""Modules by the script's name; each has its `SCRIPT`."""


@dataclass(frozen=True)
class Script:
    """`play` does it: plain sequential code of named steps, on a rig that has what is needed.

    `parameters` is a dataclass (`hil.bench.parameters`), `length_ns` the device time it will take.
    `requirements` are ids of docs/requirements.toml that a run has a verdict about. `check` may
    refuse a rig by a BenchError, before anything has moved. `method` stands in the record's notes.
    """

    name: str
    title: str
    parameters: type[Any]
    play: Callable[[Run, Any], None]
    length_ns: Callable[[Any], int]
    needs: frozenset[str] = frozenset()
    requirements: tuple[str, ...] = ()
    method: str = ""
    check: Callable[[Rig, Any], None] = field(default=lambda rig, parameters: None)  # noqa: ARG005


def find(name: str) -> Script:
    """A shipped script by its name, or the one a file of Python defines; LocalError for neither."""
    if name in SHIPPED:
        return _script_of(import_module(SHIPPED[name]), name)
    path = Path(name)
    if path.suffix != ".py":
        raise LocalError(
            f"{name!r} is no bench script: there is {', '.join(SHIPPED)}, or a file of your own, "
            "such as path/to/script.py"
        )
    if not path.is_file():
        raise LocalError(f"there is no file {name}")
    spec = importlib.util.spec_from_file_location(f"bench_script_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # noqa: BLE001
        raise LocalError(f"{name} cannot be loaded: {type(error).__name__}: {error}") from None
    return _script_of(module, name)


def check(script: Script, rig: Rig, parameters: Any) -> None:
    """Whether the rig has what the script needs, and bears it.

    RigError names what is missing, LocalError a set point beyond the rig's limits.
    """
    for need in sorted(script.needs):
        if need == LABORATORY:
            if not rig.has_laboratory:
                raise RigError(
                    f"{script.name} acts on the pump and its surroundings, and this rig has no "
                    "laboratory: for an emulated pump, append ?control=URL to the rig's URI"
                )
        elif need == LOGIC:
            if Capability.CONTROL_LOGIC not in rig.capabilities:
                raise RigError(
                    f"{script.name} tests a pump's logic, and {rig.identity.device_id!r} has none"
                )
        else:
            rig.instruments.need(need)
    for name, kind, value in set_points(parameters):
        try:
            rig.instruments.check_set_point(kind, value)
        except LocalError as error:
            raise LocalError(f"{name}: {error}") from None
    script.check(rig, parameters)


def _script_of(module: Any, name: str) -> Script:
    script = getattr(module, "SCRIPT", None)
    if not isinstance(script, Script):
        raise LocalError(f"{name} defines no SCRIPT = Script(…): see examples/my_bench.py")
    return script
