"""For all tests: properties take no account of the wall clock, and what needs a mosquitto says so.

Without a mosquitto such tests are skipped, and that is said aloud; on CI they fail.
"""

import gc
import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

MOSQUITTO = ("mosquitto", "mosquitto_passwd", "mosquitto_sub", "mosquitto_pub")
SYSTEM = Path(__file__).parent / "system"
"""All of it is slow: its own conftest marks it so."""
SBIN = os.pathsep + "/usr/sbin"

settings.register_profile(
    "pumpsim", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("pumpsim")


def pytest_configure(config: pytest.Config) -> None:
    """Each worker has locks of its own: the number of a pty that one has closed is another's.

    What a shell starts in its background ignores Ctrl-C, what `nohup` starts the end of a terminal,
    and so would every program tried here.
    """
    for name, usual in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
        number = getattr(signal, name, None)  # Windows knows no SIGHUP
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)
    if hasattr(config, "workerinput"):
        tempfile.tempdir = os.environ["TMPDIR"] = tempfile.mkdtemp(prefix="pumpsim-")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What the quick pass would import, and run nothing of: seconds of a core, in each worker."""
    return (config.option.markexpr == "not slow" and collection_path == SYSTEM) or None


def pytest_collection_finish() -> None:
    """What was collected stays: garbage is looked for among what the tests themselves make."""
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    """What no test removed goes with its worker."""
    if hasattr(config, "workerinput"):
        shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)


def find(program: str) -> str | None:
    """Debian puts the broker where only root looks."""
    return shutil.which(program, path=os.environ.get("PATH", "") + SBIN)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("needs_mosquitto") is None or all(map(find, MOSQUITTO)):
        return
    reason = "there is no mosquitto here: run make test-deps"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [
        report.nodeid
        for report in terminalreporter.stats.get("skipped", [])
        if "needs_mosquitto" in report.keywords
    ]
    if skipped:
        terminalreporter.section("NOT RUN: no mosquitto here", sep="!", red=True, bold=True)
        for nodeid in skipped:
            terminalreporter.write_line(nodeid)
        terminalreporter.write_line("To run them too: make test-deps", red=True, bold=True)
