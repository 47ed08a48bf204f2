"""Fuzz targets of the TOML files: what is refused gets a sentence, what is taken can be used."""

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

from pydantic import BaseModel

from hil import rigfile
from hil.errors import LocalError
from protocol.configfile import ConfigError
from protocol.session import ClientSession
from pumpsim import benchfile, pumpfile
from pumpsim.chaos import settings as chaosfile
from pumpsim.chaos.desk import ChaosDesk
from pumpsim.device import Device
from pumpsim.instruments.bench import KINDS, Bench
from pumpsim.scenario import file as scenariofile
from tests.fuzz import pump

ROOT: Final = Path(__file__).parents[2]
LOGICS: Final = (pumpfile.demo().pump.logic, pumpfile.BARE)
"""Any other is a module of somebody's, which a fuzzer should not import."""

T = TypeVar("T")


def pump_file(data: bytes) -> None:
    """It makes a pump that runs."""
    made = loaded(pumpfile.load, data)
    if made is not None:
        reads_again(made)
        if made.pump.logic in LOGICS:
            runs(made)


def scenario_file(data: bytes) -> None:
    """It makes a schedule in order, within the run."""
    made = loaded(scenariofile.load, data)
    if made is not None:
        instants = [one.at_ns for one in made.occurrences]
        assert instants == sorted(instants)
        assert all(0 <= at_ns <= made.length_ns for at_ns in instants)


def bench_file(data: bytes) -> None:
    """It makes instruments that show something."""
    made = loaded(benchfile.load, data)
    if made is not None:
        reads_again(made)
        device, session = pump.awaiting()
        bench = Bench(device, made, seed=1)
        for kind in KINDS:
            bench.read(kind, device.now_ns)
        pump.lives_on(device, session)


def chaos_file(data: bytes) -> None:
    """It can be set on the links of a pump, and read there."""
    made = loaded(chaosfile.load, data)
    if made is not None:
        reads_again(made)
        assert chaosfile.ChaosFile.model_validate(ChaosDesk(made).report()["settings"]) == made


def rig_file(data: bytes) -> None:
    """It names everything that it plugs in, once."""
    made = loaded(rigfile.load, data)
    if made is not None:
        names = [table for table, _ in made.plugged()]
        assert len(names) == len(set(names))
        assert all(made.places(path()))


def loaded(load: Callable[[Path], T], data: bytes) -> T | None:
    """What the file makes; None when it is refused, in one line that says where."""
    path().write_bytes(data)
    try:
        return load(path())
    except (ConfigError, LocalError) as error:
        sentence = str(error)
    assert ": " in sentence, sentence
    assert sentence.isprintable(), sentence
    return None


def reads_again(made: BaseModel) -> None:
    """Written out as text, it means the same."""
    assert type(made).model_validate_json(made.model_dump_json()) == made


def runs(made: pumpfile.PumpFile) -> None:
    """From implant over some samples, and it tells its status."""
    device, session = Device(made, seed=1), ClientSession()
    device.implant()
    device.attach(pump.LINK)
    pump.sent(device)
    pump.lives_on(device, session)


@cache
def folder() -> Path:
    """Looks like the repository, for scenarios name pump files; removed in the end."""
    kept = TemporaryDirectory(prefix="pumpsim-fuzz-")
    FOLDERS.append(kept)
    shutil.copytree(ROOT / "pumps", Path(kept.name) / "pumps")
    (Path(kept.name) / "files").mkdir()
    return Path(kept.name)


FOLDERS: Final[list[TemporaryDirectory[str]]] = []


def path() -> Path:
    """Where each input is written to."""
    return folder() / "files" / "fuzz.toml"
