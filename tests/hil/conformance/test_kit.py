"""The kit itself: what it needs, what it says, and that it ends whatever the rig does."""

import itertools
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from hil.conformance import power
from hil.conformance.case import Case, Needs, Section
from hil.conformance.catalogue import SECTIONS, all_cases, chosen
from hil.conformance.command import exit_code, lines_of, listing, summary
from hil.conformance.errors import FailedError
from hil.conformance.probe import Probe
from hil.conformance.runner import Kit
from hil.errors import LinkError, LocalError, RigError
from hil.instruments.bench import Instruments
from hil.laboratory import NoLaboratory
from hil.port import Item, Port
from hil.record import Record, Verdict, from_plain
from hil.rig import Rig, duration_ns, open_rig
from protocol import messages as m
from protocol.vocabulary import AlarmId, Capability, Role
from tests.hil.conformance.mutants import Rigging, replies, run
from tests.hil.test_rig import Stuck

if TYPE_CHECKING:
    from hil.laboratory import Laboratory

TOP = Path(__file__).parents[3]
PATIENCE_NS = duration_ns("10 s")


def kit_on(uri: str, *sections: Section) -> Record:
    record = Record("conformance", "test", "a test")
    Kit(lambda: open_rig(uri), PATIENCE_NS).run(sections or SECTIONS, record)
    return record


@pytest.mark.slow
@pytest.mark.parametrize("uri", ["sim:", "sim:?bare=1", "sim:pumps/fast.toml?seed=3"])
def test_our_device_passes(uri: str) -> None:
    record = kit_on(uri.replace("sim:pumps", f"sim:{TOP}/pumps"))
    bad = [one for one in record.cases if one.verdict not in (Verdict.PASS, Verdict.SKIP)]
    assert not bad
    assert record.verdict is Verdict.PASS
    assert exit_code(record) == 0
    assert len(record.cases) == len(all_cases())
    assert {one.section for one in record.cases if one.verdict is Verdict.PASS} >= {
        "session",
        "log",
    }


def test_what_cannot_be_tried_is_skipped_with_the_reason() -> None:
    record = kit_on("sim:?bare=1")
    reasons = {one.seen for one in record.cases if one.verdict is Verdict.SKIP}
    assert reasons == {
        "needs the capability control_logic",
        "needs a link that carries JSON",
    }
    assert not any(one.log for one in record.cases)


def test_ids_and_sentences_are_unique_and_requirements_exist() -> None:
    cases = [case for _, case in all_cases()]
    assert len({case.id for case in cases}) == len(cases) >= 80
    assert len({case.title for case in cases}) > len(cases) * 9 // 10
    rows = tomllib.loads((TOP / "docs/requirements.toml").read_text())["requirement"]
    assert {case.requirement for case in cases} <= {row["id"] for row in rows}
    families = {row["id"].partition("-")[0] for row in rows}
    assert not {case.id.partition("-")[0] for case in cases} & families
    assert all(case.statement.endswith(".") and len(case.statement) < 100 for case in cases)


def test_the_document_counts_as_the_code_does() -> None:
    text = (TOP / "docs/conformance.md").read_text()
    for section in SECTIONS:
        assert f"| {section.name} | {len(section.cases)} | {section.about} |" in text
    assert f"{len(all_cases())} cases" in text


def test_the_list_names_every_case() -> None:
    text = "\n".join(listing())
    for _, case in all_cases():
        assert f"  {case.id}  {case.statement} ({case.requirement})" in text


@pytest.mark.parametrize(("section", "case_id"), [("nothing", None), (None, "XYZ-01")])
def test_what_is_not_there_is_a_local_mistake(section: str | None, case_id: str | None) -> None:
    with pytest.raises(LocalError):
        chosen(section, case_id)


def one_case(run_it: object, needs: Needs = Needs()) -> Section:  # noqa: B008 - frozen
    return Section("trial", "of the kit", (Case("TRY-01", "COM-01", "It.", needs, run_it),))  # type: ignore[arg-type]


def test_a_case_that_waits_too_long_for_the_wall_needs_virtual_time() -> None:
    with open_rig("sim:") as rig:
        needs = Needs(lasts="11 s")
        assert needs.missing(rig, PATIENCE_NS) is None
        real = replace_clock(rig)
        assert needs.missing(real, PATIENCE_NS) == (
            "needs virtual time, or --patience: it waits 11 s"
        )
        assert needs.missing(real, duration_ns("1 min")) is None


def replace_clock(rig: Rig) -> Rig:
    class Real:
        virtual = False

    return replace(rig, clock=Real())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("needs", "reason"),
    [
        (Needs(laboratory=True), "needs a laboratory"),
        (Needs(power=True), "needs power that can be cycled"),
        (Needs(instruments=("balance",)), "needs a balance on the rig"),
        (Needs((Capability.LOCKOUT_VALVE,)), "needs the capability lockout_valve"),
    ],
)
def test_what_a_rig_lacks_is_named(needs: Needs, reason: str) -> None:
    with open_rig("sim:") as rig:
        bare_table = replace(rig, laboratory=NoLaboratory(), instruments=Instruments())
        assert (needs.missing(bare_table, PATIENCE_NS) or "").startswith(reason)


def cut_after(count: int) -> Rigging:
    """The link breaks once so many packets came back."""
    left = itertools.count(count, -1)

    def twist(item: Item) -> list[Item]:
        if next(left) < 0:
            raise LinkError("the plug was pulled")
        return [item]

    return replace(Rigging(), back=twist)


def test_a_rig_that_comes_back_costs_one_case() -> None:
    riggings = iter([cut_after(60), *[Rigging()] * 3])
    record = Record("conformance", "test", "a test")
    Kit(lambda: next(riggings).open(), PATIENCE_NS).run(chosen("session"), record)
    broken = [one for one in record.cases if one.verdict is Verdict.ERROR]
    assert [one.seen for one in broken] == ["the plug was pulled"]
    assert record.verdict is Verdict.ERROR
    assert exit_code(record) == 4
    assert len(record.cases) == len(chosen("session")[0].cases)


def test_a_rig_that_breaks_between_cases_costs_one_of_them() -> None:
    """Even where the clock is the first to notice."""
    rigs = [Rigging().open() for _ in range(2)]

    def fail() -> int:
        raise RigError("the control API does not answer")

    def break_clock(_probe: Probe) -> None:
        rigs[0].clock.now_ns = fail  # type: ignore[method-assign]

    def fine(probe: Probe) -> None:
        probe.wait("1 s")

    cases = [one_case(run_it).cases[0] for run_it in (break_clock, fine, fine)]
    record, left = Record("conformance", "test", "a test"), iter(rigs)
    Kit(lambda: next(left), PATIENCE_NS).run((Section("trial", "", tuple(cases)),), record)
    verdicts = [one.verdict for one in record.cases]
    assert verdicts == [Verdict.PASS, Verdict.ERROR, Verdict.PASS]


def test_a_rig_that_does_not_come_back_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil.conformance.runner.RECOVERY_S", 0.0)
    record = Record("conformance", "test", "a test")
    Kit(cut_after(60).open, PATIENCE_NS).run(chosen("session"), record)
    assert record.cases[-1].verdict is Verdict.ERROR
    assert len(record.cases) < len(chosen("session")[0].cases)
    assert "did not come back within" in record.why
    assert f"{len(chosen('session')[0].cases) - len(record.cases)} cases not run" in record.why
    assert record.why in "\n".join(summary(record))
    assert exit_code(record) == 4


def test_a_supply_that_feeds_the_device_goes_on_feeding_it() -> None:
    """It was on before the kit came: a reset by it is no reason to leave the device dark."""
    rig = open_rig("sim:")
    supply = rig.instruments.supply
    supply.switch(on=True)
    table = replace(rig, laboratory=NoLaboratory(), instruments=Instruments(supply=supply))

    def reset(probe: Probe) -> None:
        power.cycle(probe)

    record = Record("conformance", "test", "a test")
    Kit(lambda: table, PATIENCE_NS).run((one_case(reset),), record)
    assert record.cases[0].verdict is Verdict.PASS, record.cases[0].seen
    assert rig.laboratory.truth()["powered"]
    assert supply.voltage().value > 2.0


def test_a_supply_that_does_not_feed_the_device_shows_nothing() -> None:
    """The pump lives on its battery: the supply was never switched on, or is not wired to it."""
    rig = open_rig("sim:")
    alone = Instruments(supply=rig.instruments.supply)
    table = replace(rig, laboratory=NoLaboratory(), instruments=alone)
    record = Record("conformance", "test", "a test")
    Kit(lambda: table, PATIENCE_NS).run(chosen(case_id="RBT-01"), record)
    [reset] = record.cases
    assert reset.verdict is Verdict.INCONCLUSIVE
    assert "still answers 2 s after the supply was switched off: does it feed" in reset.seen
    assert record.verdict is Verdict.INCONCLUSIVE


def test_what_could_not_be_made_safe_is_told_and_is_no_pass() -> None:
    rig = open_rig("sim:")
    bath = Stuck(rig.instruments.bath)
    rig.instruments = Instruments(bath=bath)

    def warm(probe: Probe) -> None:
        probe.rig.instruments.bath.set_temperature(38.0)

    record = Record("conformance", "test", "a test")
    Kit(lambda: rig, PATIENCE_NS).run((one_case(warm),), record)
    assert [one.verdict for one in record.cases] == [Verdict.PASS]
    assert record.verdict is Verdict.ERROR
    assert record.notes == [record.why]
    assert record.why.startswith("not safe: the bath was not stopped: bath at /dev/ttyUSB2")


def test_a_device_that_answers_nothing_is_the_rigs_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil.conformance.runner.RECOVERY_S", 0.0)
    silent = [False]

    def go_silent(packet: m.Packet) -> m.Packet | None:
        silent[0] |= isinstance(packet.body, m.LogPage)
        return None if silent[0] else packet

    (result,) = run(replace(Rigging(), back=replies(go_silent)), "EVT-02")
    assert result.verdict is Verdict.ERROR
    assert "fallen silent" in result.seen


def test_a_device_that_leaves_out_one_answer_has_failed() -> None:
    def hush(packet: m.Packet) -> m.Packet | None:
        return None if isinstance(packet.body, m.LogPage) else packet

    (result,) = run(replace(Rigging(), back=replies(hush)), "EVT-02")
    assert result.verdict is Verdict.FAIL
    assert result.expected == "a reply to read_log"


def test_a_stimulus_without_effect_shows_nothing() -> None:
    class Idle:
        def stimulate(self, _stimulus: object) -> dict[str, int]:
            return {}

        def truth(self) -> dict[str, object]:
            return {}

    def opened() -> Rig:
        return replace(Rigging().open(), laboratory=cast("Laboratory", Idle()))

    record = Record("conformance", "test", "a test")
    Kit(opened, PATIENCE_NS).run(chosen(None, "ALR-22"), record)
    assert record.verdict is Verdict.INCONCLUSIVE
    assert exit_code(record) == 1


def test_a_case_that_is_wrong_is_no_verdict_on_the_device() -> None:
    def wrong(_probe: Probe) -> None:
        raise ZeroDivisionError("of the kit's own")

    record = kit_on("sim:", one_case(wrong))
    assert record.cases[0].verdict is Verdict.ERROR
    assert record.cases[0].seen == "ZeroDivisionError: of the kit's own"


def test_an_interrupt_keeps_what_was_done_and_leaves_the_device_quiet() -> None:
    rig = Rigging().open()

    def interrupt(probe: Probe) -> None:
        probe.open().do(m.BeginRefill())
        raise KeyboardInterrupt

    def fine(_probe: Probe) -> None: ...

    record = Record("conformance", "test", "a test")
    section = one_case(interrupt)
    both = replace(section, cases=(*one_case(fine).cases, *section.cases))
    with pytest.raises(KeyboardInterrupt):
        Kit(lambda: rig, PATIENCE_NS).run((both,), record)
    assert [one.verdict for one in record.cases] == [Verdict.PASS]
    left = rig.dut.status()
    assert isinstance(left, m.Status)
    assert not left.status.refill_open


def is_told(probe: Probe, kind: type[m.Notice]) -> bool:
    probe.wait("3 min")
    return bool(probe.notices_of(kind))


LEFT_OPEN: dict[str, tuple[Callable[[Probe], object], Callable[[Probe], bool]]] = {
    "a refill window": (
        lambda probe: probe.open().do(m.BeginRefill()),
        lambda probe: probe.status().refill_open,
    ),
    "a bolus access": (
        lambda probe: probe.open().do(
            m.BeginBolusAccess(drug="contrast", concentration_ng_per_ml=0)
        ),
        lambda probe: probe.status().bolus_access_open,
    ),
    "all sessions": (
        lambda probe: [probe.open() for _ in range(8)],
        lambda probe: isinstance(probe.ask(m.Open(role=Role.PATIENT, client="kit")), m.Refused),
    ),
    "telemetry": (
        lambda probe: probe.ask(m.SubscribeTelemetry(period_ms=60_000)),
        lambda probe: is_told(probe, m.Telemetry),
    ),
    "samples": (
        lambda probe: probe.ask(m.SubscribeSamples(enabled=True)),
        lambda probe: is_told(probe, m.Sampled),
    ),
}


@pytest.mark.parametrize("what", LEFT_OPEN)
def test_what_a_case_leaves_open_is_closed_before_the_next(what: str) -> None:
    leave, is_open = LEFT_OPEN[what]
    seen: list[bool] = []

    def leave_open(probe: Probe) -> None:
        leave(probe)
        look(probe)

    def look(probe: Probe) -> None:
        seen.append(is_open(probe))

    cases = [one_case(run_it).cases[0] for run_it in (leave_open, look)]
    record = kit_on("sim:", Section("trial", "of the kit", tuple(cases)))
    assert seen == [True, False]
    assert record.verdict is Verdict.PASS, record.why


def test_what_a_case_puts_off_is_done_before_the_next() -> None:
    done: list[str] = []

    def put_off(probe: Probe) -> None:
        probe.later(lambda: done.append("first"))
        probe.later(lambda: done.append("second"))
        assert done == []

    def look(_probe: Probe) -> None:
        assert done == ["second", "first"]

    cases = [one_case(run_it).cases[0] for run_it in (put_off, look)]
    record = kit_on("sim:", Section("trial", "of the kit", tuple(cases)))
    assert [one.verdict for one in record.cases] == [Verdict.PASS] * 2


def test_sessions_of_somebody_else_are_waited_out_where_time_is_virtual() -> None:
    rig = Rigging().open()
    rig.dut.begin_refill()
    rig.dut.exchange = Rigging().open().dut.exchange  # who opened it is gone
    other = replace(rig, dut=type(rig.dut)(type(rig.dut.exchange)(rig_port(rig))))
    record = Record("conformance", "test", "a test")
    Kit(lambda: other, PATIENCE_NS).run(chosen(None, "SES-11"), record)
    assert record.verdict is Verdict.PASS


def rig_port(rig: Rig) -> Port:
    port: Port = rig.clock._port  # type: ignore[attr-defined]
    return port


def test_a_failure_is_told_with_sentence_both_sides_and_packets() -> None:
    def fail(probe: Probe) -> None:
        probe.settle()
        raise FailedError("a reply", "none")

    record = kit_on("sim:", one_case(fail))
    text = "\n".join(lines_of(record.cases[0]))
    for part in ("FAIL", "TRY-01", "It. (COM-01)", "expected  a reply", "seen      none"):
        assert part in text
    assert "-> 00 04 01 01" in text
    assert '"type":"identify"' in text
    assert '"type":"identity"' in text
    assert from_plain(record.to_plain()).cases == record.cases


def test_a_peer_that_speaks_nonsense_has_failed() -> None:
    from protocol.codec import Malformed
    from protocol.vocabulary import Refusal

    def garble(item: Item) -> list[Item]:
        nonsense = Malformed(0x47, None, Refusal.MALFORMED, "not CBOR")
        return [nonsense] if isinstance(item, m.Packet) and type(item.body) is m.LogPage else [item]

    (result,) = run(replace(Rigging(), back=garble), "EVT-02")
    assert result.verdict is Verdict.FAIL
    assert "not CBOR" in result.seen


def test_what_the_kit_has_raised_it_acknowledges() -> None:
    rig = Rigging().open()
    record = Record("conformance", "test", "a test")
    Kit(lambda: rig, PATIENCE_NS).run(chosen("reset"), record)
    alarms = rig.dut.alarms()
    assert isinstance(alarms, tuple)
    assert [(one.alarm, one.acknowledged) for one in alarms] == [(AlarmId.RESETS, True)]
    assert record.notes == ["still there, and acknowledged: resets"]


def test_a_rig_that_is_not_there_is_told_at_once() -> None:
    def nothing() -> Rig:
        raise RigError("nobody there")

    with pytest.raises(RigError, match="nobody there"):
        Kit(nothing, PATIENCE_NS).run(SECTIONS, Record("conformance", "test", "a test"))
