"""A campaign that is ended from outside leaves no process behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.talk import TIMEOUT_S

CAMPAIGN = [sys.executable, "-m", "pumpsim", "alarms", "--faults", "none", "--life", "50"]
WORKERS = 2


def children(pid: int) -> int:
    return len(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


@pytest.mark.skipif(sys.platform != "linux", reason="counts child processes in /proc")
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_no_worker_outlives_its_campaign(number: signal.Signals, code: int) -> None:
    campaign = subprocess.Popen(
        [*CAMPAIGN, "--jobs", str(WORKERS)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    while children(campaign.pid) < WORKERS + 1:  # and the tracker of their semaphores
        assert campaign.poll() is None
    campaign.send_signal(number)
    campaign.communicate(timeout=TIMEOUT_S)  # its end is that of the last who holds its output
    assert campaign.returncode == code


@pytest.mark.skipif(sys.platform != "linux", reason="counts child processes in /proc")
def test_a_kill_of_the_whole_group_ends_as_ctrl_c_does() -> None:
    """As by a service manager: the workers are told as well, and end at once."""
    campaign = subprocess.Popen(
        [*CAMPAIGN, "--jobs", str(WORKERS)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while children(campaign.pid) < WORKERS + 1:
        assert campaign.poll() is None
    os.killpg(campaign.pid, signal.SIGTERM)
    out, err = campaign.communicate(timeout=TIMEOUT_S)
    assert (campaign.returncode, err) == (130, "")
    assert "Stopped before its end" in out
