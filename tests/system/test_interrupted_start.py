"""Ctrl-C while a program still reads what it was given: an end, and no complaint."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.talk import TIMEOUT_S


@pytest.mark.skipif(sys.platform == "win32", reason="there is no mkfifo")
@pytest.mark.parametrize("program", ["pumpsim", "hil"])
def test_a_program_that_still_reads_its_file_ends_as_interrupted(
    tmp_path: Path, program: str
) -> None:
    pipe = tmp_path / "pipe.toml"
    os.mkfifo(pipe)
    asked = {"pumpsim": ["run"], "hil": ["status", "--rig"]}[program]
    command = [sys.executable, "-m", program, *asked, str(pipe)]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    with pipe.open("w"):  # opens once the program has opened it, too
        child.send_signal(signal.SIGINT)
        _, complaint = child.communicate(timeout=TIMEOUT_S)
    assert (child.returncode, complaint) == (130, "")
