"""Every record tells what it can be had again from: command, versions, seeds, files by hash."""

import hashlib
from pathlib import Path

import pytest
from click.testing import CliRunner

from hil.cli import main
from hil.errors import LocalError
from hil.provenance import of_rig
from hil.record import Record
from hil.report import read

TOP = Path(__file__).parents[2]
FAST, DEMO = TOP / "pumps" / "fast.toml", TOP / "pumps" / "demo.toml"
SWEEPS = TOP / "examples" / "calibration" / "sweeps.csv"


def hashed(path: Path) -> str:
    return f"{path}, SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()}"


def recorded(folder: Path, *words: str) -> Record:
    CliRunner().invoke(main, [*words])
    record, _ = read(folder)
    assert record.command.startswith("hil")
    assert {"pumpsim", "python", "libraries"} <= record.facts.keys()
    return record


def test_a_comparison_tells_both_rigs_and_its_scenario(tmp_path: Path) -> None:
    scenario = tmp_path / "short.toml"
    scenario.write_text(f'[scenario]\nname = "short"\npump = "{DEMO}"\nlength = "2 h"\n')
    words = ("--scenario", str(scenario), "--out", str(tmp_path))
    facts = recorded(tmp_path, "diff", "sim:", f"sim:{FAST}?seed=7", *words).facts
    assert facts["scenario"] == hashed(scenario)
    assert (facts["rig A"], facts["seed A"]) == ("sim:", "1")
    assert (facts["pump file B"], facts["seed B"]) == (hashed(FAST), "7")


def test_a_conformance_run_tells_its_rig(tmp_path: Path) -> None:
    words = ("--case", "FRM-01", "--out", str(tmp_path))
    facts = recorded(tmp_path, "conformance", "--rig", f"sim:{FAST}", *words).facts
    assert (facts["pump file"], facts["seed"]) == (hashed(FAST), "1")


@pytest.mark.slow
def test_a_calibration_tells_its_tables(tmp_path: Path) -> None:
    words = ("--pump", str(DEMO), "--out", str(tmp_path / "f.toml"), "--report", str(tmp_path))
    facts = recorded(tmp_path, "calibrate", str(SWEEPS), *words).facts
    assert facts["data"] == hashed(SWEEPS)
    assert facts["pump file"] == hashed(DEMO)
    assert facts["fitted pump file"] == hashed(tmp_path / "f.toml")
    assert "scipy" in facts["libraries"]


def test_a_rig_file_leads_to_its_device(tmp_path: Path) -> None:
    path = tmp_path / "rig.toml"
    path.write_text(f'dut = "sim:{FAST}?seed=7"\n')
    assert of_rig(str(path)) == {
        "rig": hashed(path),
        "device's URI": f"sim:{FAST}?seed=7",
        "pump file": hashed(FAST),
        "seed": "7",
    }
    with pytest.raises(LocalError, match=r"nowhere\.toml cannot be read"):
        of_rig("sim:nowhere.toml")
