"""The pytest plugin, by pytest's own means."""

import pytest

pytest_plugins = ["pytester"]

PLUGIN = ("-p", "hil.pytest_plugin", "-p", "no:cacheprovider")


def test_a_test_gets_the_rig_and_its_device(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_device(dut, rig, rig_uri):
            assert rig_uri == "sim:"
            assert dut is rig.dut
            assert dut.identify().device_id == "demo"
        """
    )
    pytester.runpytest(*PLUGIN, "--rig", "sim:", ".").assert_outcomes(passed=1)


def test_without_a_rig_such_tests_are_skipped_with_the_way_out(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_device(dut): raise AssertionError
        def test_other(): pass
        """
    )
    result = pytester.runpytest(*PLUGIN, "-rs")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*needs a rig: pytest --rig sim:*"])


def test_one_rig_a_session_made_safe_after_each_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        seen = []

        def test_first(rig):
            seen.append(rig)
            rig.wait("1 h")
            rig.dut.subscribe_telemetry(1_000)
            rig.dut.begin_refill()

        def test_second(rig):
            assert seen == [rig]
            assert rig.clock.now_ns() == 3_600 * 10**9
            assert not rig.dut.telemetry
            kinds = [entry.kind.name for entry in rig.dut.read_log()]
            assert kinds.count("SESSION_OPENED") == kinds.count("SESSION_ENDED") == 1
        """
    )
    pytester.runpytest(*PLUGIN, "--rig", "sim:", ".").assert_outcomes(passed=2)


def test_without_paths_it_is_all_that_a_device_can_be_asked(pytester: pytest.Pytester) -> None:
    """The conformance kit and the state machine; nothing that wants logic of its own."""
    pytester.makepyfile("def test_mine(): raise AssertionError")
    result = pytester.runpytest(*PLUGIN, "--rig", "sim:", "--collect-only", "-q")
    result.stdout.fnmatch_lines(["*test_conformance*", "*::test_any_life_on_the_rig"])
    result.stdout.fnmatch_lines(["201 tests collected*"])
    result.stdout.no_fnmatch_line("*test_any_life")
    result.stdout.no_fnmatch_line("*test_mine*")


def test_on_a_rig_it_is_the_rig_that_violates(pytester: pytest.Pytester) -> None:
    """Whatever logic is tried beside it."""
    pytester.makepyfile(
        """
        from hil.testing.violation import ViolatedError

        def test_mine(rig):
            raise ViolatedError("ALM-02", "something else", "what is")
        """
    )
    logic = ("--logic", "pumpsim.firmware:ReferenceLogic")
    asked = (*logic, "--rig", "sim:", "--budget", "1 min")
    result = pytester.runpytest(*PLUGIN, *asked, ".")
    result.stdout.fnmatch_lines(["sim: violates ALM-02", "replay *--rig 'sim:' --budget '1 min' *"])


def test_how_much_the_state_machine_did_is_told(pytester: pytest.Pytester) -> None:
    asked = ("--rig", "sim:", "--budget", "1 ms", "-k", "any_life")
    result = pytester.runpytest(*PLUGIN, *asked)
    result.assert_outcomes(passed=1, deselected=200)
    result.stdout.fnmatch_lines(["state machine: * examples, * steps in * on sim:"])


@pytest.mark.parametrize(
    ("budget", "sentence"), [("10", "*--budget: *"), ("0 min", "*--budget: *no time to wait*")]
)
def test_a_budget_that_is_none_is_one_sentence(
    pytester: pytest.Pytester, budget: str, sentence: str
) -> None:
    result = pytester.runpytest(*PLUGIN, "--rig", "sim:", "--budget", budget)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([sentence])
    result.stderr.no_fnmatch_line("*Traceback*")


@pytest.mark.slow
def test_after_a_test_the_bath_it_set_is_stopped(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_first(rig):
            rig.instruments.bath.set_temperature(40.0)
            rig.wait("1 h")
            assert rig.laboratory.read("bath")["readings"]["temperature"]["value"] > 39.0

        def test_second(rig):
            rig.wait("2 d")
            assert rig.laboratory.read("bath")["readings"]["temperature"]["value"] < 25.0
        """
    )
    pytester.runpytest(*PLUGIN, "--rig", "sim:", ".").assert_outcomes(passed=2)


def test_a_broken_rig_is_told_to_every_later_test_at_once(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from hil.errors import LinkError

        asked = []

        def test_pulls_the_plug(rig):
            class Severed:
                name = "severed"
                def send(self, packet):
                    asked.append(packet)
                    raise LinkError("the plug was pulled")
                def receive(self, timeout_s): return None
                def ready(self): return False
                def close(self): pass
            rig.dut.begin_refill()
            rig.dut.exchange.port = Severed()

        def test_later(rig): raise AssertionError
        def test_last(dut): raise AssertionError
        def test_without(): assert len(asked) == 1
        """
    )
    result = pytester.runpytest(*PLUGIN, "--rig", "sim:", ".")
    result.assert_outcomes(passed=2, errors=3)
    result.stdout.fnmatch_lines(
        ["*the rig is broken: not safe: the device was not told: the plug was pulled*"]
    )
    result.stdout.fnmatch_lines(
        ["*the rig broke before this test: not safe: *: the plug was pulled*"]
    )


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        ("tcp://127.0.0.1:9", "*nothing answers at 127.0.0.1:9*"),
        ("carrier-pigeon:", "*bad rig URI*a right one is*"),
    ],
)
def test_a_rig_that_is_not_there_is_one_sentence_for_all_tests(
    pytester: pytest.Pytester, uri: str, sentence: str
) -> None:
    pytester.makepyfile("def test_a(rig): pass\ndef test_b(dut): pass\n")
    result = pytester.runpytest(*PLUGIN, "--rig", uri, ".")
    result.assert_outcomes()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert len([line for line in result.outlines if uri in line]) == 1
    result.stdout.fnmatch_lines([sentence])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_the_cases_are_tests_that_can_be_chosen(pytester: pytest.Pytester) -> None:
    wanted = ("--pyargs", "hil.conformance", "-k", "DLV", "-rs")
    result = pytester.runpytest(*PLUGIN, "--rig", "sim:", *wanted)
    result.assert_outcomes(passed=24, skipped=2, deselected=174)
    result.stdout.fnmatch_lines(["*needs the capability actuation*"])


def test_a_case_that_fails_is_told_as_on_the_command_line(pytester: pytest.Pytester) -> None:
    pytester.syspathinsert()
    pytester.makepyfile(
        mutant="""
        import pytest
        from protocol import messages as m

        @pytest.fixture(scope="session", autouse=True)
        def mutant(held_rig):
            port = held_rig.sound().dut.exchange.port
            receive = port.receive

            def other(timeout_s):
                item = receive(timeout_s)
                if item is not None and isinstance(item.body, m.CommandOutcome):
                    return item._replace(body=m.CommandOutcome(state=0))
                return item

            port.receive = other
        """
    )
    chosen = ("--pyargs", "hil.conformance", "-k", "DLV-11", "-p", "mutant")
    result = pytester.runpytest(*PLUGIN, "--rig", "sim:", *chosen)
    result.assert_outcomes(failed=1, errors=0, deselected=199)
    result.stdout.fnmatch_lines(["*required  When the reply is lost*", "*seen      *"])
