"""The configuration: read and written as one block, or not at all."""

from collections.abc import Iterator
from typing import Any, Final

from hil.conformance import check, raw
from hil.conformance.case import LOGIC, Needs, case
from hil.conformance.deeds import command_id, id_of, logged, restore_later, write
from hil.conformance.probe import Probe, Seat
from hil.port import Wire
from protocol import messages as m
from protocol.codec import to_json
from protocol.plain import key_of, to_map, to_plain
from protocol.vocabulary import Capability, EventKind, OutcomeState, Refusal, Role

FRAMES: Final = Needs((Capability.CONTROL_LOGIC,), wire=Wire.FRAMES)
JSON: Final = Needs((Capability.CONTROL_LOGIC,), wire=Wire.JSON)
STEP: Final = m.PlanStep(drug="saline", duration_s=1_209_600)
BAD_FIELDS: Final[tuple[dict[str, Any], ...]] = (
    {"tolerance_permille": 301},
    {"tolerance_permille": 49},
    {"capacity_nl": 0},
    {"capacity_nl": m.MAX_VOLUME_NL + 1},
    {"refill_interval_s": 86_399},
    {"model": ""},
    {"model": "x" * 33},
    {"propellant": 99},
    {"plan": (STEP,) * 5},
)


def _other(old: m.Configuration) -> m.Configuration:
    """One that differs, and asks for nothing new of the pump."""
    days = old.refill_grace_s + 86_400
    return old.model_copy(update={"refill_grace_s": days % m.MAX_DURATION_S})


def _start(probe: Probe) -> tuple[Seat, m.Configuration]:
    _, old = probe.configured()
    restore_later(probe, old)
    return probe.open(), old


def _refused(probe: Probe, reason: Refusal, **changes: Any) -> None:
    """A configuration with these fields is refused, and nothing has changed."""
    seat, old = _start(probe)
    config_id = probe.config_id
    new = old.model_copy(update=changes)
    body = m.WriteConfiguration(base_config_id=config_id, configuration=new)
    check.refused(seat.do(body), reason)
    check.same(probe.configured()[1], old, "configuration in force")
    check.same(probe.config_id, config_id, "configuration id")


@case("CFG-01", "FLW-07", "A device that is configured says so in every reply's header.", LOGIC)
def the_configuration_has_an_id(probe: Probe) -> None:
    probe.configured()
    check.that(probe.config_id > 0, "a configuration id above 0", probe.config_id)


@case("CFG-02", "FLW-07", "What was written is in force, with the id that `done` gave.", LOGIC)
def a_configuration_is_written(probe: Probe) -> None:
    seat, old = _start(probe)
    done = write(probe, seat, _other(old))
    check.same(probe.configured()[1], _other(old), "configuration read back")
    check.same(done.reference, probe.config_id, "the reference, as the id in the header")


@case("CFG-03", "FLW-07", "A new configuration has an id that no earlier one had.", LOGIC)
def configuration_ids_grow(probe: Probe) -> None:
    seat, old = _start(probe)
    ids = [probe.config_id]
    for new in (_other(old), old):
        write(probe, seat, new)
        ids.append(probe.config_id)
    check.same(ids, sorted(set(ids)), "ids, growing")


@case("CFG-04", "FLW-07", "Written on top of another one than that in force it is refused.", LOGIC)
def a_stale_base_is_refused(probe: Probe) -> None:
    seat, old = _start(probe)
    write(probe, seat, _other(old))
    in_force = probe.config_id
    for base in (in_force - 1, in_force + 1, 0):
        body = m.WriteConfiguration(base_config_id=base, configuration=old)
        check.refused(seat.do(body), Refusal.STALE_CONFIGURATION)
    check.same(probe.configured()[1], _other(old), "configuration in force")


@case("CFG-05", "COM-04", "A configuration that is sent again is written once.", LOGIC)
def a_configuration_is_written_once(probe: Probe) -> None:
    seat, old = _start(probe)
    base = probe.config_id
    body = m.WriteConfiguration(base_config_id=base, configuration=_other(old))
    packet = seat.packet(body)
    first = check.done(probe.reply(packet))
    check.same(probe.reply(packet), first, "reply to the repetition")
    check.same(probe.config_id, base + 1, "configuration id after one write")


@case("CFG-06", "COM-09", "The outcome of a write gives the id it made.", LOGIC)
def the_outcome_names_the_configuration(probe: Probe) -> None:
    seat, old = _start(probe)
    body = m.WriteConfiguration(base_config_id=probe.config_id, configuration=_other(old))
    packet = seat.packet(body)
    reference = check.done(probe.reply(packet)).reference
    outcome = probe.ask(m.QueryOutcome(command_id=command_id(packet)))
    expected = m.CommandOutcome(state=OutcomeState.DONE, reference=reference)
    check.same(outcome, expected, "outcome")


@case("CFG-07", "DOS-09", "An empty limit that is not below the low one is refused.", LOGIC)
def limits_must_be_in_order(probe: Probe) -> None:
    _refused(probe, Refusal.INVALID_CONFIGURATION, empty_volume_nl=2_000, low_volume_nl=2_000)


@case("CFG-08", "DOS-09", "A low limit that is not below the capacity is refused.", LOGIC)
def the_low_limit_is_below_the_capacity(probe: Probe) -> None:
    capacity_nl = probe.configured()[1].capacity_nl
    _refused(probe, Refusal.INVALID_CONFIGURATION, low_volume_nl=capacity_nl)


@case("CFG-09", "DOS-10", "A flow that no number of the link can hold is refused.", LOGIC)
def a_flow_out_of_range_is_refused(probe: Probe) -> None:
    changes = {"calibration_flow_nl_per_h": m.MAX_FLOW_NL_PER_H, "calibration_pressure_pa": 1}
    _refused(probe, Refusal.INVALID_CONFIGURATION, **changes)


def _bad_ones(probe: Probe, seat: Seat) -> Iterator[tuple[m.Packet, dict[str, Any]]]:
    """Writes with one field out of its bounds, and that field."""
    _, good = probe.configured()
    for field in BAD_FIELDS:
        body = m.WriteConfiguration(base_config_id=probe.config_id, configuration=good)
        yield seat.packet(body), field


@case("CFG-10", "DOS-09", "One field out of its bounds makes the whole block malformed.", FRAMES)
def one_bad_field_spoils_the_block(probe: Probe) -> None:
    seat, old = _start(probe)
    for packet, field in _bad_ones(probe, seat):
        content = to_map(packet.header) | to_map(packet.body)
        configuration = content[9]
        assert isinstance(configuration, dict)
        configuration |= _numbered(field)
        data = raw.frame(packet.body.code, raw.cbor(content))
        check.refused(probe.refusal_of(data, id_of(packet)), Refusal.MALFORMED)
    check.same(probe.configured()[1], old, "configuration in force")


@case("CFG-11", "DOS-09", "One field out of its bounds makes the whole block malformed.", JSON)
def one_bad_field_spoils_the_text(probe: Probe) -> None:
    seat, old = _start(probe)
    for packet, field in _bad_ones(probe, seat):
        text = to_json(packet)
        data = raw.with_words(text, "configuration", _worded(field))
        check.refused(probe.refusal_of(data, id_of(packet)), Refusal.MALFORMED)
    check.same(probe.configured()[1], old, "configuration in force")


def _numbered(field: dict[str, Any]) -> dict[int, Any]:
    ((name, value),) = field.items()
    steps = [to_map(step) for step in value] if name == "plan" else value
    return {key_of(m.Configuration, name): steps}


def _worded(field: dict[str, Any]) -> dict[str, Any]:
    ((name, value),) = field.items()
    return {name: [to_plain(step) for step in value] if name == "plan" else value}


@case("CFG-12", "FLW-07", "A plan of four steps is kept as it is written.", LOGIC)
def a_plan_is_kept(probe: Probe) -> None:
    seat, old = _start(probe)
    drug = probe.status().drug or "FUDR"
    steps = tuple(STEP.model_copy(update={"drug": name}) for name in (drug, "a", "b", "c"))
    write(probe, seat, old.model_copy(update={"plan": steps}))
    check.same(probe.configured()[1].plan, steps, "plan read back")


@case("CFG-13", "SEC-01", "A patient may read the configuration and not write it.", LOGIC)
def a_patient_does_not_configure(probe: Probe) -> None:
    _, old = probe.configured()
    body = m.WriteConfiguration(base_config_id=probe.config_id, configuration=_other(old))
    check.refused(probe.open(Role.PATIENT).do(body), Refusal.ROLE)
    check.same(probe.configured()[1], old, "configuration in force")


@case("CFG-14", "LOG-01", "A write is logged, with the id it made.", LOGIC)
def a_write_is_logged(probe: Probe) -> None:
    seat, old = _start(probe)
    since = probe.log_end()
    write(probe, seat, _other(old))
    entries = logged(probe, since, EventKind.CONFIGURATION_WRITTEN)
    check.same([entry.value for entry in entries], [probe.config_id], "ids logged")


@case(
    "CFG-15",
    "COM-08",
    "Notices carry the id of the configuration in force.",
    Needs(LOGIC.capabilities, lasts="3 s"),
)
def notices_carry_the_configuration(probe: Probe) -> None:
    seat, old = _start(probe)
    write(probe, seat, _other(old))
    in_force = probe.config_id
    probe.notices.clear()
    check.done(probe.ask(m.SubscribeTelemetry(period_ms=1_000)))
    probe.wait("3 s")
    notice = probe.await_notice(lambda p: isinstance(p.body, m.Telemetry), "telemetry")
    assert isinstance(notice.header, m.NoticeHeader)
    check.same(notice.header.config_id, in_force, "configuration id of telemetry")


@case(
    "CFG-16",
    "DOS-09",
    "A bare device tells its factory's configuration.",
    Needs((Capability.ACTUATION,)),
)
def a_bare_device_tells_its_factory_settings(probe: Probe) -> None:
    probe.configured()
