"""The suite of `hil.testing` as its users run it: what it names, and how it says so."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from hil.testing.eventful import elsewhere
from hil.testing.suite import files
from hil.testing.violation import ViolatedError
from hil.testing.watched import EXIT_CODE

pytestmark = pytest.mark.slow

pytest_plugins = ["pytester"]

HERE = Path(__file__).parent
TOP = HERE.parents[2]
PLUGIN = ("-p", "hil.pytest_plugin", "-p", "no:cacheprovider")
CONTRACT = str(TOP / "hil" / "testing" / "suite" / "test_contract.py")
DELIVERY = str(Path(CONTRACT).with_name("test_delivery.py"))


@pytest.fixture
def bad(pytester: pytest.Pytester) -> pytest.Pytester:
    """A folder with logic in it that misbehaves."""
    pytester.makepyfile(bad_logics=(HERE / "bad_logics.py").read_text(encoding="utf-8"))
    return pytester


@pytest.mark.parametrize(
    ("logic", "test", "requirement", "words"),
    [
        ("Raises", "any_readings", "RST-11", "seen      raised: ZeroDivisionError*"),
        ("Hangs", "one_block", "RST-11", "seen      stalled: sample() had not returned after 5 s*"),
        ("Nonsense", "any_readings", "RST-11", "seen      bad_outcome: *GetStatus with NoneType*"),
        ("Random", "same_life", "RST-11", "*the same outcomes, call by call: beliefs.*"),
        ("Unordered", "no_hash", "RST-11", "*whatever PYTHONHASHSEED is, and no order of a set*"),
        ("Clockwork", "same_life", "RST-11", "*deadlines that lead on*"),
        ("Grows", "grow", "RST-11", "*bytes more a minute*"),
        ("GrowsElsewhere", "grow", "RST-11", "*bytes more a minute*"),
    ],
)
def test_logic_that_misbehaves_is_named_as_such(
    bad: pytest.Pytester, logic: str, test: str, requirement: str, words: str
) -> None:
    """RST-11."""
    asked = ("--logic", f"bad_logics:{logic}", CONTRACT, "-k", test)
    result = bad.runpytest_subprocess(*PLUGIN, *asked)
    result.assert_outcomes(failed=1, deselected=result.parseoutcomes()["deselected"])
    result.stdout.fnmatch_lines([f"bad_logics:{logic} violates {requirement}"])
    result.stdout.fnmatch_lines([words])
    result.stdout.no_fnmatch_line("*Traceback*")
    assert len(result.outlines) < 60
    if test == "any_readings":
        result.stdout.fnmatch_lines(
            ["differs   the same requests and waits; readings were made up and are not in it"]
        )
    if logic == "Hangs":  # so would the run
        result.stdout.no_fnmatch_line("scenario *")


def test_a_process_that_does_not_end_well_is_told() -> None:
    with pytest.raises(ViolatedError) as caught:
        elsewhere("nowhere:Logic", [1])
    assert "No module named 'nowhere'" in caught.value.seen


@pytest.mark.parametrize(
    ("logic", "module", "test", "requirement"),
    [
        ("Month", "test_time.py", "weeks", "ALM-10"),
        ("Narrow", "test_reservoir.py", "test_the_flow_is_within", "ENV-01"),
    ],
)
def test_what_shows_late_or_with_sensors_at_their_limits_alone_is_named(
    bad: pytest.Pytester, logic: str, module: str, test: str, requirement: str
) -> None:
    """TIM-01, FLW-01."""
    path = str(Path(CONTRACT).with_name(module))
    result = bad.runpytest_subprocess(
        *PLUGIN, "--logic", f"bad_logics:{logic}", path, "-k", test, "-x"
    )
    result.stdout.fnmatch_lines([f"bad_logics:{logic} violates {requirement}"])


@pytest.mark.parametrize(
    ("logic", "command", "requirement", "words"),
    [
        ("TellsFirst", "begin_refill", "COM-09", "expected  done, as it is told: refill open*"),
        ("TellsFirst", "abort_refill", "RST-02", "expected  refill open: True"),
        ("LosesId", "commit_refill", "COM-09", "expected  nothing of it, as it is told: *"),
        ("Unmoved", "commit_refill", "COM-09", "expected  done, as it is told: *"),
        ("Redoes", "end_bolus_access", "COM-04", "expected  injections: 1"),
    ],
)
def test_what_a_cut_brings_to_light_is_named(
    bad: pytest.Pytester, logic: str, command: str, requirement: str, words: str
) -> None:
    """COM-04, COM-09, RST-02."""
    asked = ("-q", "-rN", "--logic", f"bad_logics:{logic}", DELIVERY, "-k", command)
    result = bad.runpytest_subprocess(*PLUGIN, *asked)
    named = f"bad_logics:{logic} violates {requirement}"
    result.stdout.fnmatch_lines([named, "  *the supply*", words])
    assert len(result.outlines) < 40


def test_logic_that_keeps_no_account_of_commands_lets_the_state_tell(bad: pytest.Pytester) -> None:
    """COM-09: the outcome says that nobody knows."""
    asked = ("--logic", "bad_logics:NoAccount", DELIVERY, "-k", "end_bolus_access or begin_refill")
    bad.runpytest_subprocess(*PLUGIN, *asked).assert_outcomes(passed=2, deselected=15)


def test_logic_that_hangs_in_c_ends_the_run_with_a_sentence_that_says_so(
    bad: pytest.Pytester,
) -> None:
    """RST-11: nothing can call it back, and nobody shall wonder where the run went."""
    asked = ("--logic", "bad_logics:Sleeps", CONTRACT, "-k", "same_life")
    result = bad.runpytest_subprocess(*PLUGIN, *asked)
    assert result.ret == EXIT_CODE
    result.stderr.fnmatch_lines(
        ["RST-11: sample() of the control logic does not return, *test_contract.py::*same_life*"]
    )


@pytest.fixture
def mine(pytester: pytest.Pytester) -> pytest.Pytester:
    """A folder with the example's logic in it, and nothing else."""
    example = TOP / "examples" / "my_logic.py"
    pytester.makepyfile(my_logic=example.read_text(encoding="utf-8"))
    return pytester


def test_the_suite_is_what_runs_without_a_path(mine: pytest.Pytester) -> None:
    asked = ("--logic", "my_logic:MyLogic", "--collect-only", "-q")
    result = mine.runpytest_subprocess(*PLUGIN, *asked)
    count = re.search(r"(\d+) tests collected", result.stdout.str())
    assert count is not None
    assert int(count[1]) > 400
    assert [Path(file).stem for file in files()][:2] == ["test_contract", "test_time"]
    assert len(files()) == len(list(Path(CONTRACT).parent.glob("test_*.py")))


def test_a_defect_is_told_on_one_screen_with_the_ways_back(
    mine: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command replays it, and the scenario file lets the same happen to a pump."""
    monkeypatch.delenv("CI", raising=False)  # there pytest says everything twice
    silent = ("--logic", "my_logic:MyLogic", "-k", "fill_level_nl_silent")
    result = mine.runpytest_subprocess(*PLUGIN, *silent)
    result.stdout.fnmatch_lines(["my_logic:MyLogic violates SEN-06"])
    assert len(result.outlines) < 40
    replay = next(line for line in result.outlines if line.startswith("replay")).split(maxsplit=2)
    again = mine.runpytest_subprocess(*PLUGIN, *replay[2].replace("'", "").split())
    again.assert_outcomes(failed=1)
    run = next(line for line in result.outlines if line.startswith("scenario")).split()
    assert run[1:3] == ["pumpsim", "run"]
    content = tomllib.loads((mine.path / run[3]).read_text(encoding="utf-8"))
    assert content["event"][-1]["channel"] == "fill_level_nl"
    program = str(Path(sys.executable).parent / "pumpsim")
    done = subprocess.run(
        [program, "run", run[3]], cwd=mine.path, capture_output=True, text=True, check=True
    )
    assert "alarms\n  none" in done.stdout
    assert "refused\n  none" in done.stdout


def test_logic_that_is_not_there_is_one_sentence(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess(*PLUGIN, "--logic", "nowhere:Logic", CONTRACT)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.no_fnmatch_line("*Traceback*")
    assert "nowhere" in result.stdout.str() + result.stderr.str()


def test_logic_that_cannot_be_made_is_one_sentence(pytester: pytest.Pytester) -> None:
    """RST-11: not the same violation of every requirement there is."""
    name = "tests.hil.logics:Unmade"
    result = pytester.runpytest_subprocess(*PLUGIN, "--logic", name, CONTRACT)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = result.stdout.str() + result.stderr.str()
    assert f"{name!r} cannot be made: raised: LookupError: no table for this sensor" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(("logic", "why"), [("Wraps", "RecursionError"), ("Locked", "TypeError")])
def test_logic_that_cannot_be_copied_is_one_sentence(
    pytester: pytest.Pytester, logic: str, why: str
) -> None:
    pytester.makepyfile(bad_logics=(HERE / "bad_logics.py").read_text(encoding="utf-8"))
    result = pytester.runpytest_subprocess(*PLUGIN, "--logic", f"bad_logics:{logic}", CONTRACT)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = result.stdout.str() + result.stderr.str()
    assert f"bad_logics:{logic} cannot be copied" in said
    assert f"copy.deepcopy of it raises {why}" in said
    assert "Traceback" not in said


def test_without_hypothesis_it_says_what_is_missing() -> None:
    code = "import sys; sys.modules['hypothesis'] = None; import hil.testing"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=TOP, capture_output=True, text=True, check=False
    )
    assert done.stderr.strip().endswith("hil.testing needs Hypothesis: pip install 'pumpsim[test]'")


def test_tests_of_ones_own_tell_a_violation_the_same_way(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_mine(subject, prove):
            desk = subject.desk()
            desk.wait(3)
            desk.that(False, "ALM-02", "something else", "what is")
        """
    )
    result = pytester.runpytest_subprocess(*PLUGIN)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["pumpsim.firmware:ReferenceLogic violates ALM-02"])
    result.stdout.fnmatch_lines(["replay *pytest 'test_tests_of_ones_own*::test_mine'"])
