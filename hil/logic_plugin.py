"""pytest with control logic: `pytest --logic MODULE:CLASS` alone runs the suite of `hil.testing`.

Tests of one's own get the fixtures `subject`, the logic on a desk and in a pump, and `prove`, which
tries a check on many examples. A violated requirement is told in a few lines, without a traceback.
"""

from collections.abc import Generator
from typing import TYPE_CHECKING, TypeGuard

import pytest

if TYPE_CHECKING:
    from hil.testing.prove import Prove
    from hil.testing.subject import Subject
    from hil.testing.violation import ViolatedError


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which logic, and how hard it is tried."""
    group = parser.getgroup("hil", "a pump on a rig")
    group.addoption(
        "--logic",
        metavar="MODULE:CLASS",
        help="control logic to be tried; without paths the whole suite runs: see docs/testing.md",
    )
    group.addoption(
        "--effort",
        type=float,
        metavar="FACTOR",
        default=1.0,
        help="so many times the usual number of examples (1)",
    )
    group.addoption(
        "--failures",
        metavar="FOLDER",
        default=".pumpsim-failures",
        help="where a violation's scenario is written (.pumpsim-failures)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """`pytest --logic X` alone means the whole suite, and `--rig X` what a device can be asked."""
    logic, without_paths = config.getoption("--logic"), not _has_paths(config)
    if logic is None and (config.getoption("--rig") is None or not without_paths):
        return
    try:
        from hil.testing.suite import files, files_of_a_device
    except ModuleNotFoundError as error:
        raise pytest.UsageError(str(error)) from None
    if without_paths:
        config.args = files_of_a_device() if logic is None else files()
    if logic is not None:
        _look_at(logic, config)


def _has_paths(config: pytest.Config) -> bool:
    return config.args_source is pytest.Config.ArgsSource.ARGS


def _look_at(logic: str, config: pytest.Config) -> None:
    """One that will not do is told at once, and what is said of one that hangs is seen."""
    from hil.errors import LocalError
    from hil.testing.subject import Subject

    try:
        Subject(logic)
    except LocalError as error:
        raise pytest.UsageError(str(error)) from None
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        from hil.testing.watched import speak_by

        speak_by(lambda: capture.suspend_global_capture(in_=True))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A violated requirement is told in its own words, without a traceback."""
    report = yield
    if call.excinfo is not None and _is_violation(call.excinfo.value):
        from hil.testing.report import told

        report.longrepr = told(call.excinfo.value, item)
    return report


def _is_violation(error: BaseException) -> "TypeGuard[ViolatedError]":
    """By name: the class is not imported before something has gone wrong."""
    return type(error).__name__ == "ViolatedError" and hasattr(error, "requirement")


@pytest.fixture(scope="session")
def subject(pytestconfig: pytest.Config) -> "Subject":
    """The control logic that `--logic` names, or the reference logic: a `hil.testing` Subject."""
    from hil.testing.subject import REFERENCE, Subject

    return Subject(pytestconfig.getoption("--logic") or REFERENCE)


@pytest.fixture(scope="session")
def prove(pytestconfig: pytest.Config) -> "Prove":
    """Tries a check on many examples: a `hil.testing` Prove."""
    from hil.testing.prove import SEED, Prove

    seed = pytestconfig.getoption("--hypothesis-seed", None)
    return Prove(
        SEED if seed in (None, "random") else int(seed), pytestconfig.getoption("--effort")
    )
