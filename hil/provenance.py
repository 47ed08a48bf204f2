"""What a result can be had again from: the command, files by their content, seeds, versions."""

import hashlib
import platform
import shlex
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from hil.errors import LocalError, reason
from hil.rig import is_file
from hil.target import SimTarget, parse

LIBRARIES: Final = ("pydantic", "cbor2", "pyserial", "paho-mqtt", "pyvisa", "pyvisa-py")
FITTING: Final = ("numpy", "scipy")
"""Of a calibration."""


def command() -> str:
    """As it was typed."""
    return shlex.join(["hil", *sys.argv[1:]])


def of_rig(uri: str) -> dict[str, str]:
    """What a rig's name leads to; LocalError for a bad URI or file."""
    facts = {"rig": uri}
    if is_file(uri):
        from hil import rigfile

        facts = {"rig": of_file(Path(uri))}
        uri = facts["device's URI"] = rigfile.load(Path(uri)).dut
    target = parse(uri)
    if isinstance(target, SimTarget):
        if target.pump is not None:
            facts["pump file"] = of_file(target.pump)
        facts["seed"] = str(target.seed)
    return facts


def of_file(path: Path) -> str:
    """Its name and its content's hash; LocalError when it cannot be read."""
    try:
        return f"{path}, SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()}"
    except OSError as error:
        raise LocalError(f"{path} cannot be read: {reason(error)}") from None


def versions(libraries: tuple[str, ...] = LIBRARIES) -> dict[str, str]:
    """Of what did it."""
    found = [(name, _version(name)) for name in libraries]
    return {
        "pumpsim": _version("pumpsim") or "not installed",
        "python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "libraries": ", ".join(f"{name} {one}" for name, one in found if one),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
