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
MASKS = ("SigIgn", "SigCgt")


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def has_begun(pid: str) -> bool:
    """Whether Python has set what it does on Ctrl-C: most of its imports are still to come."""
    status = Path(f"/proc/{pid}/status").read_text()
    masks = [int(line.split()[1], 16) for line in status.splitlines() if line[:6] in MASKS]
    return any(mask >> (signal.SIGINT - 1) & 1 for mask in masks)


@pytest.mark.skipif(sys.platform != "linux", reason="counts child processes in /proc")
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_no_worker_outlives_its_campaign(number: signal.Signals, code: int) -> None:
    campaign = subprocess.Popen(
        [*CAMPAIGN, "--jobs", str(WORKERS)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    while len(children(campaign.pid)) < WORKERS + 1:  # and the tracker of their semaphores
        assert campaign.poll() is None
    campaign.send_signal(number)
    campaign.communicate(timeout=TIMEOUT_S)  # its end is that of the last who holds its output
    assert campaign.returncode == code


@pytest.mark.skipif(sys.platform != "linux", reason="counts child processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_whole_group_can_be_told_to_end(number: signal.Signals) -> None:
    """As by a terminal, or a service manager: the workers are told as well, while they begin."""
    campaign = subprocess.Popen(
        [*CAMPAIGN, "--jobs", str(WORKERS)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while len(children(campaign.pid)) < WORKERS + 1:
        assert campaign.poll() is None
    while not all(has_begun(pid) for pid in children(campaign.pid)):
        assert campaign.poll() is None
    os.killpg(campaign.pid, number)
    out, err = campaign.communicate(timeout=TIMEOUT_S)
    assert (campaign.returncode, err) == (130, "")
    assert "Stopped before its end" in out
