"""A pump ten days after its implantation, and what a visit to it declares: shared by tests."""

from protocol import messages as m
from protocol.vocabulary import AlarmId, RefillReason
from pumpsim.firmware.exchange import Found
from pumpsim.firmware.fill import VOLUME_ERROR_NL
from tests.firmware.bench import DAY, Bench, settle
from tests.firmware.usual import REFILL

NEEDLE = {
    AlarmId.TAMPERING,
    AlarmId.POCKET_FILL,
    AlarmId.REFILL_DISCREPANCY,
    AlarmId.OVERFILL,
}
FULL_NL = 28_000_000


def ten_days_on() -> Bench:
    """Half full, and no alarm stands."""
    bench = Bench()
    bench.configure()
    bench.run(2)
    bench.wait_until(bench.ticks + 10 * DAY)
    bench.level_nl = 15_000_000
    bench.run(2)
    assert found(bench) == set()
    settle(bench)  # no samples came for so long
    return bench


def found(bench: Bench) -> set[AlarmId]:
    return {alarm.alarm for alarm in bench.alarms()} & NEEDLE


def by_level(level_nl: int) -> Found:
    """What a level told before a refill."""
    return Found(level_nl, level_nl, VOLUME_ERROR_NL)


def declared(withdrawn_nl: int, filled_nl: int = FULL_NL) -> m.Refill:
    return REFILL.model_copy(update={"withdrawn_nl": withdrawn_nl, "filled_nl": filled_nl})


def commit(bench: Bench, refill: m.Refill) -> m.Reply:
    again = m.CommitRefill(
        refill=refill, reason=RefillReason.VERIFY_PUMP, previous_refill_id=last_id(bench)
    )
    return bench.ask(again)


def last_id(bench: Bench) -> int:
    report = bench.ask(m.ReadConfiguration())
    assert isinstance(report, m.ConfigurationReport)
    assert report.last_refill_id is not None
    return report.last_refill_id
