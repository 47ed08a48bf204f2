"""Every message of the pump link, declared once.

A packet is a header and a body. The body's class says which header belongs to it: an `Ask` changes
nothing, a `Command` changes something and carries what the session checks, a `Reply` answers one
of them, a `Notice` comes unasked. Both encodings, the documents, the test strategies and the
in-process tuples follow from these declarations. Keys number the fields in CBOR and are never
re-used: 0 to 7 belong to headers, bodies start at 8. None means unknown; an unknown value is left
out in CBOR.
"""

from functools import cache
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from protocol.vocabulary import (
    AlarmId,
    Capability,
    Cause,
    EventKind,
    OutcomeState,
    Priority,
    Propellant,
    Quality,
    RefillReason,
    Refusal,
    ResetCause,
    Role,
    Sounder,
)

PROTOCOL_VERSION = 1

MAX_SAFE = 2**53 - 1
"""The largest integer on the wire: JSON readers hold no larger one exactly."""
MAX_VOLUME_NL = 200_000_000
MAX_FLOW_NL_PER_H = 100_000_000
MAX_PRESSURE_PA = 2_000_000
MAX_TEMPERATURE_MK = 400_000
MAX_CONCENTRATION_NG_PER_ML = 1_000_000_000_000
MAX_DISSOLVED_NG_PER_ML = 1_000_000_000
"""A gram: no millilitre of solution weighs much more, so a pump refuses more drug, OUT_OF_RANGE."""
MAX_UNIX_S = 2**40
MAX_DURATION_S = 10 * 366 * 86_400
MAX_TELEMETRY_PERIOD_MS = 86_400_000
MAX_AUDIO_PAUSE_MS = 600_000
MAX_PAUSE_ASKED_MS = 86_400_000
MAX_PLAN = 4
"""Steps of a course plan."""
MAX_CAUSES = 24
MAX_LIST = 8
"""Items in one page of alarms or log entries, so that a page fits a frame."""
MAX_NAME = 32
MAX_DETAIL = 160
"""Characters of the explanation in a refusal."""


def key(number: int, description: str, **constraints: Any) -> Any:
    """A field of a message: its CBOR key, its meaning, its bounds."""
    return Field(description=description, json_schema_extra={"key": number}, **constraints)


U32 = Annotated[int, Field(ge=0, le=2**32 - 1)]
Safe = Annotated[int, Field(ge=0, le=MAX_SAFE)]
SignedSafe = Annotated[int, Field(ge=-MAX_SAFE, le=MAX_SAFE)]
VolumeNl = Annotated[int, Field(ge=0, le=MAX_VOLUME_NL)]
FlowNlPerH = Annotated[int, Field(ge=-MAX_FLOW_NL_PER_H, le=MAX_FLOW_NL_PER_H)]
PressurePa = Annotated[int, Field(ge=0, le=MAX_PRESSURE_PA)]
TemperatureMk = Annotated[int, Field(ge=0, le=MAX_TEMPERATURE_MK)]
ConcentrationNgPerMl = Annotated[int, Field(ge=0, le=MAX_CONCENTRATION_NG_PER_ML)]
UnixS = Annotated[int, Field(ge=0, le=MAX_UNIX_S)]
DurationS = Annotated[int, Field(ge=0, le=MAX_DURATION_S)]
NAME_PATTERN = r"^[ -~]+$"
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME, pattern=NAME_PATTERN)]


class Part(BaseModel):
    """A group of fields. Frozen and strict: an integer is an integer, nothing is coerced."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Body(Part):
    """What a message says. `code` is its type on the wire."""

    code: ClassVar[int]


class Ask(Body):
    """A request that changes nothing."""


class Command(Body):
    """A request that changes something: executed at most once per command_id (COM-04)."""


class Reply(Body):
    """An answer. Never answered itself."""


class Notice(Body):
    """Something the pump says unasked. Never answered."""


# ---- headers


class AskHeader(Part):
    """Before an `Ask`."""

    request_id: Safe = key(0, "chosen by the asker, echoed by the reply")
    session_id: Safe | None = key(2, "keeps that session alive", default=None)


class CommandHeader(Part):
    """Before a `Command`. Checked in the order of the fields (COM-06)."""

    request_id: Safe = key(0, "chosen by the asker, echoed by the reply")
    boot_id: U32 = key(1, "the life of the device the command is meant for")
    session_id: Safe = key(2, "as `opened` gave it")
    sequence: U32 = key(3, "grows with each new command of the session; a repetition keeps it")
    command_id: Safe = key(4, "drawn at random; the same one is executed once, over any transport")
    valid_until_uptime_ms: Safe = key(5, "not executed after this uptime")


class ReplyHeader(Part):
    """Before a `Reply`. The ids show a rebooted or exchanged device (COM-08)."""

    request_id: Safe = key(0, "of the request")
    boot_id: U32 = key(1, "grows with each boot")
    config_id: U32 = key(2, "of the configuration in force; 0 is none")
    uptime_ms: Safe = key(3, "since boot, by the device's own oscillator")


class NoticeHeader(Part):
    """Before a `Notice`."""

    boot_id: U32 = key(1, "grows with each boot")
    config_id: U32 = key(2, "of the configuration in force; 0 is none")
    uptime_ms: Safe = key(3, "since boot, by the device's own oscillator")
    sequence: U32 = key(4, "grows by one with each notice of its kind: a gap shows (ALM-13)")


Header = AskHeader | CommandHeader | ReplyHeader | NoticeHeader


class Packet(NamedTuple):
    """What crosses a link at once."""

    header: Header
    body: Body


# ---- parts


class PlanStep(Part):
    """One step of a course plan: a drug and how long it is to be given."""

    drug: Name = key(8, "as refills declare it")
    duration_s: DurationS = key(9, "until the next step", gt=0)


class Configuration(Part):
    """The configuration, read and written as one block. Nothing has a hidden default (DOS-09)."""

    model: Name = key(8, "pump model")
    capacity_nl: VolumeNl = key(9, "reservoir volume when full", gt=0)
    calibration_flow_nl_per_h: FlowNlPerH = key(10, "flow of water at the calibration point", gt=0)
    calibration_pressure_pa: PressurePa = key(11, "driving pressure at that point", gt=0)
    calibration_temperature_mk: int = key(12, "temperature there", ge=283_150, le=323_150)
    nominal_flow_nl_per_h: FlowNlPerH = key(13, "the flow prescribed", gt=0)
    tolerance_permille: int = key(14, "allowed deviation of the flow", ge=50, le=300)
    low_volume_nl: VolumeNl = key(15, "low-reservoir limit")
    empty_volume_nl: VolumeNl = key(16, "empty-reservoir limit")
    catheter_volume_nl: VolumeNl = key(17, "dead volume from restrictor to tip")
    refill_interval_s: int = key(18, "from refill to refill due", ge=86_400, le=90 * 86_400)
    refill_grace_s: DurationS = key(19, "from due to overdue")
    refill_min_interval_s: DurationS = key(20, "a sooner refill needs a reason")
    drug_stability_s: DurationS = key(21, "a fill is to be replaced after this")
    propellant: Propellant = key(22, "what drives the pump")
    bellows_rate_pa_per_ml: int = key(23, "reservoir pressure gained with volume", ge=0, le=10_000)
    catheter_compliance_nl_per_kpa: int = key(
        24, "liquid the catheter stores with pressure", ge=0, le=100_000
    )
    dose_limit_permille: int = key(25, "of the prescription, in any window", ge=1_000, le=2_000)
    plan: tuple[PlanStep, ...] = key(
        26, "the course, repeated for ever; none: any drug goes", max_length=MAX_PLAN
    )


class Refill(Part):
    """What a programmer declares about a refill; the syringe may disagree."""

    withdrawn_nl: VolumeNl = key(8, "taken out before filling")
    filled_nl: VolumeNl = key(9, "put in", gt=0)
    drug: Name = key(10, "what was put in")
    concentration_ng_per_ml: ConcentrationNgPerMl = key(11, "of the drug in the fill")
    viscosity_permille: int = key(12, "of the fill against water", ge=500, le=100_000)
    batch: Name = key(13, "of the fill")
    stability_s: DurationS | None = key(
        14, "how long this drug is good, where that is less than configured", default=None
    )


class AlarmOccurrence(Part):
    """One occurrence of an alarm condition, from raising to its end and acknowledgement."""

    alarm: AlarmId = key(8, "which condition")
    occurrence: U32 = key(9, "counts all occurrences of this device")
    priority: Priority = key(10, "never falls while the condition lasts (ALM-18)")
    present: bool = key(11, "the condition holds now")
    acknowledged: bool = key(12, "somebody has")
    audio_paused: bool = key(13, "its sound is paused")
    latching: bool = key(14, "stays after its condition ended until acknowledged")
    raised_uptime_ms: Safe | None = key(15, "when; None: in an earlier life", default=None)
    soundings: U32 | None = key(
        16,
        "how often it was heard anew: 1, and 1 for each pause that ran out (ALM-06)",
        default=None,
    )


class LogEntry(Part):
    """One entry of the event log; the total order survives resets (TIM-07)."""

    sequence: U32 = key(8, "counts all entries of this device; a gap shows")
    boot_id: U32 = key(9, "in which life")
    uptime_ms: Safe = key(10, "when, in that life")
    rtc_s: UnixS | None = key(11, "the real-time clock then", default=None)
    rtc_valid: bool = key(12, "whether it could be trusted")
    kind: EventKind = key(13, "what happened")
    subject: SignedSafe = key(14, "see the kind")
    value: SignedSafe = key(15, "see the kind")
    role: Role | None = key(16, "who asked for it", default=None)
    repeats: U32 | None = key(
        17, "more of that kind, subject, role and command; the last had this value", default=None
    )
    command: U32 | None = key(18, "code of the message that was refused", default=None)


class Estimate(Part):
    """An estimate; its bounds hold the truth while the sensors keep their declared error."""

    low: SignedSafe = key(8, "not below")
    estimate: SignedSafe = key(9, "most plausible")
    high: SignedSafe = key(10, "not above")
    quality: Quality = key(11, "how far to trust it")


class Bounds(Part):
    """What holds the truth of a number while the sensors keep their declared error."""

    low: Safe = key(8, "not below")
    high: Safe = key(9, "not above")
    quality: Quality = key(
        10, "good while neither is off their middle by more than e_volume or e_dose"
    )


class ReadingsPart(Part):
    """A sample of every sensor; field for field the tuple `Readings`."""

    sequence: U32 = key(8, "grows by one with each sample (SEN-06)")
    reservoir_pressure_pa: SignedSafe | None = key(9, "absolute", default=None)
    catheter_pressure_pa: SignedSafe | None = key(10, "absolute, mean", default=None)
    catheter_pulse_pa: SignedSafe | None = key(11, "amplitude of its pulse", default=None)
    pocket_pressure_pa: SignedSafe | None = key(12, "absolute; about ambient", default=None)
    temperature_mk: SignedSafe | None = key(13, "of the pump", default=None)
    fill_level_nl: SignedSafe | None = key(14, "bellows position as volume", default=None)
    battery_mv: SignedSafe | None = key(15, "under load", default=None)
    rtc_s: SignedSafe | None = key(16, "real-time clock, unix seconds", default=None)
    rtc_valid: bool = key(17, "false after loss of power or an oscillator stop")


class StatusPart(Part):
    """The pump's state as its control logic believes it."""

    flow_nl_per_h: Estimate | None = key(8, "now", default=None)
    residual_volume_nl: Estimate | None = key(9, "in the reservoir", default=None)
    delivered_since_refill_nl: Safe = key(10, "by the estimated flow")
    delivered_total_nl: Safe = key(11, "over the service life")
    dose_since_refill_ng: Safe | None = key(12, "of the present drug", default=None)
    dose_total_ng: Safe | None = key(13, "of this drug, over the service life", default=None)
    drug: Name | None = key(14, "in the reservoir, as declared", default=None)
    reservoir_pressure_pa: SignedSafe | None = key(15, "latest valid reading", default=None)
    catheter_pressure_pa: SignedSafe | None = key(16, "latest valid reading", default=None)
    pocket_pressure_pa: SignedSafe | None = key(17, "latest valid reading", default=None)
    temperature_mk: SignedSafe | None = key(18, "latest valid reading", default=None)
    battery_mv: SignedSafe | None = key(19, "latest valid reading", default=None)
    rtc_s: SignedSafe | None = key(20, "real-time clock, unix seconds", default=None)
    rtc_valid: bool = key(21, "whether it can be trusted")
    refill_due_in_s: SignedSafe | None = key(22, "negative once past", default=None)
    refill_open: bool = key(23, "between refill begin and commit or abort")
    bolus_access_open: bool = key(24, "between bolus access begin and end")
    highest_priority: Priority | None = key(25, "over all alarms present (ALM-02)", default=None)
    alarms_present: int = key(26, "how many conditions hold", ge=0, le=1_000)
    alarms_unacknowledged: int = key(27, "occurrences nobody acknowledged", ge=0, le=1_000_000)
    alarm_digest: U32 = key(28, "changes with any change of the alarm list (COM-08)")
    sample_sequence: U32 | None = key(29, "of the latest sample", default=None)
    causes: tuple[Cause, ...] = key(
        30, "all that the symptoms allow; empty while there are none", max_length=MAX_CAUSES
    )
    delivered_since_refill_between_nl: Bounds | None = key(31, "DOS-01", default=None)
    delivered_total_between_nl: Bounds | None = key(32, "likewise", default=None)
    dose_since_refill_between_ng: Bounds | None = key(33, "of the present drug", default=None)
    dose_total_between_ng: Bounds | None = key(34, "likewise", default=None)


# ---- asks


class Identify(Ask):
    """Which device is this?"""

    code = 0x01


class Open(Ask):
    """Open a session: the right to send commands, in a declared role."""

    code = 0x02
    role: Role = key(8, "declared, unauthenticated in this release, and logged")
    client: Name = key(9, "who asks, for the log")


class GetStatus(Ask):
    """The state as believed now."""

    code = 0x03


class SubscribeTelemetry(Ask):
    """Telemetry on this link at a period of device time; 0 ends it."""

    code = 0x04
    period_ms: int = key(8, "device time; 0 ends it", ge=0, le=MAX_TELEMETRY_PERIOD_MS)


class SubscribeSamples(Ask):
    """Every raw sample on this link, as it is taken."""

    code = 0x05
    enabled: bool = key(8, "or no longer")


class ListAlarms(Ask):
    """Alarm occurrences that are present or unacknowledged, oldest first, a page at a time."""

    code = 0x06
    after_occurrence: U32 = key(8, "start behind this one; 0 for the first page")


class ReadConfiguration(Ask):
    """The configuration in force, and the last refill."""

    code = 0x07


class ReadLog(Ask):
    """The event log from a sequence number on, a page at a time."""

    code = 0x08
    from_sequence: U32 = key(8, "first entry wanted")
    limit: int = key(9, "most entries wanted", ge=1, le=MAX_LIST)


class QueryOutcome(Ask):
    """What became of a command whose reply was lost (COM-09)."""

    code = 0x09
    command_id: Safe = key(8, "of that command")


class ReadReadings(Ask):
    """The latest raw sample."""

    code = 0x0A


# ---- commands


class Close(Command):
    """End the session; what belongs to it, such as an audio pause, ends with it (ALM-12)."""

    code = 0x10


class AcknowledgeAlarm(Command):
    """Acknowledge one occurrence, not a type (ALM-04)."""

    code = 0x11
    alarm: AlarmId = key(8, "which condition")
    occurrence: U32 = key(9, "which occurrence of it")


class PauseAudio(Command):
    """Pause the sound of one alarm for a while (ALM-05); over 10 minutes is PAUSE_TOO_LONG."""

    code = 0x12
    alarm: AlarmId = key(8, "which condition")
    occurrence: U32 = key(9, "which occurrence of it")
    duration_ms: int = key(10, "device time", gt=0, le=MAX_PAUSE_ASKED_MS)


class BeginRefill(Command):
    """Open the refill window: fill level and reservoir pressure are no evidence of flow in it."""

    code = 0x13


class CommitRefill(Command):
    """Declare the refill that was made. Atomic; sent again it has no second effect (RES-05)."""

    code = 0x14
    refill: Refill = key(8, "what was done")
    reason: RefillReason | None = key(9, "needed when sooner than usual (RES-10)", default=None)
    previous_refill_id: U32 | None = key(10, "of the refill before, likewise", default=None)


class AbortRefill(Command):
    """Close the refill window: nothing was put in."""

    code = 0x15


class BeginBolusAccess(Command):
    """Announce an injection through the bolus path."""

    code = 0x16
    drug: Name = key(8, "what will be injected")
    concentration_ng_per_ml: ConcentrationNgPerMl = key(9, "of its drug; 0 for none")


class EndBolusAccess(Command):
    """The injection is over."""

    code = 0x17
    injected_nl: VolumeNl = key(8, "how much went in")


class WriteConfiguration(Command):
    """Replace the configuration as one block, or not at all."""

    code = 0x18
    base_config_id: U32 = key(8, "of the configuration it was made from; refused when stale")
    configuration: Configuration = key(9, "all of it")


class SetClock(Command):
    """Set the real-time clock; no interval moves (TIM-03)."""

    code = 0x19
    rtc_s: UnixS = key(8, "unix seconds")


class RunSelfTest(Command):
    """Test memory, sensors and configuration now."""

    code = 0x1A


class Actuate(Command):
    """Set the outputs of a bare device, absolutely."""

    code = 0x1B
    sounder: Sounder = key(8, "what to play")
    patient_signal: bool = key(9, "vibrate")
    valve_open: bool | None = key(10, "None where there is no valve", default=None)


class Explant(Command):
    """The pump is about to be taken out; refused while drug is in it (RES-13)."""

    code = 0x1C


# ---- replies


class Done(Reply):
    """The command was carried out, now or when it came first."""

    code = 0x40
    reference: Safe | None = key(8, "what it made: a refill, a configuration", default=None)


class Refused(Reply):
    """The request changed nothing, and why."""

    code = 0x41
    reason: Refusal = key(8, "the reason")
    detail: str | None = key(9, "for a person", default=None, max_length=MAX_DETAIL)


class Identity(Reply):
    """Who the device is and what it can do."""

    code = 0x42
    device_id: Name = key(8, "unique on its network")
    model: Name = key(9, "pump model")
    firmware: Name = key(10, "control logic and version; `bare` without")
    protocol_version: int = key(11, "of this link", ge=1, le=255)
    schema_hash: U32 = key(12, "of the message declarations (DOS-04)")
    timeline_id: U32 = key(13, "changes when a snapshot is restored")
    capabilities: tuple[Capability, ...] = key(14, "beyond the core", max_length=16)


class Opened(Reply):
    """The session stands."""

    code = 0x43
    session_id: Safe = key(8, "goes into every command")
    timeline_id: U32 = key(9, "changes when a snapshot is restored")
    schema_hash: U32 = key(10, "of the message declarations")
    capabilities: tuple[Capability, ...] = key(11, "beyond the core", max_length=16)
    idle_limit_ms: Safe = key(12, "device time without traffic that ends it (COM-03)")
    validity_limit_ms: Safe = key(13, "largest validity a command may ask for")
    max_payload_bytes: int = key(14, "largest frame content", ge=64, le=1024)


class Status(Reply):
    """The state as believed now."""

    code = 0x44
    status: StatusPart = key(8, "all of it")


class AlarmList(Reply):
    """A page of alarm occurrences."""

    code = 0x45
    alarms: tuple[AlarmOccurrence, ...] = key(8, "oldest first", max_length=MAX_LIST)
    more: bool = key(9, "ask again behind the last one")


class ConfigurationReport(Reply):
    """The configuration in force. A bare device tells its factory's."""

    code = 0x46
    configuration: Configuration | None = key(8, "None: never configured, or lost", default=None)
    last_refill: Refill | None = key(9, "as declared", default=None)
    last_refill_id: U32 | None = key(10, "of it", default=None)


class LogPage(Reply):
    """A page of the event log."""

    code = 0x47
    entries: tuple[LogEntry, ...] = key(8, "in order", max_length=MAX_LIST)
    next_sequence: U32 = key(9, "ask from here for more")
    end_sequence: U32 = key(10, "the next entry to be written")


class CommandOutcome(Reply):
    """What became of a command."""

    code = 0x48
    state: OutcomeState = key(8, "done, refused or unknown")
    reason: Refusal | None = key(9, "when refused", default=None)
    reference: Safe | None = key(10, "when done, as in `done`", default=None)


class SelfTestReport(Reply):
    """What the self-test found."""

    code = 0x49
    passed: bool = key(8, "everything")
    failed: tuple[Name, ...] = key(9, "names of the items that failed", max_length=16)


class ReadingsReport(Reply):
    """The latest raw sample and the oscillator's count when it was taken."""

    code = 0x4A
    ticks: Safe = key(8, "of the sample")
    now_ticks: Safe = key(9, "of this reply")
    readings: ReadingsPart | None = key(10, "None before the first sample", default=None)
    reset_cause: ResetCause = key(11, "of this boot")


# ---- notices


class Telemetry(Notice):
    """The status, at the period subscribed to."""

    code = 0x80
    dropped: U32 = key(8, "telemetry left out on this link since the last one that was sent")
    status: StatusPart = key(9, "all of it")


class AlarmChanged(Notice):
    """An alarm occurrence was raised, ended, acknowledged, paused or resumed."""

    code = 0x81
    alarm: AlarmOccurrence = key(8, "as it stands now")


class EventLogged(Notice):
    """An entry was added to the event log."""

    code = 0x82
    entry: LogEntry = key(8, "the entry")


class Sampled(Notice):
    """A raw sample, for logic that runs elsewhere."""

    code = 0x83
    ticks: Safe = key(8, "of the sample")
    readings: ReadingsPart = key(9, "all channels")


class Booted(Notice):
    """The device has started, or a snapshot of it was restored: every session is gone."""

    code = 0x84
    timeline_id: U32 = key(8, "changes when a snapshot is restored")
    cause: ResetCause = key(9, "of the boot")
    resets: U32 = key(10, "since the device was made")


class Presence(Notice):
    """Birth and last will on MQTT's retained status topic."""

    code = 0x85
    online: bool = key(8, "false in the last will and at an orderly end")
    device_id: Name = key(9, "as in `identity`")
    timeline_id: U32 = key(10, "changes when a snapshot is restored")


MESSAGES: tuple[type[Body], ...] = (
    Identify,
    Open,
    GetStatus,
    SubscribeTelemetry,
    SubscribeSamples,
    ListAlarms,
    ReadConfiguration,
    ReadLog,
    QueryOutcome,
    ReadReadings,
    Close,
    AcknowledgeAlarm,
    PauseAudio,
    BeginRefill,
    CommitRefill,
    AbortRefill,
    BeginBolusAccess,
    EndBolusAccess,
    WriteConfiguration,
    SetClock,
    RunSelfTest,
    Actuate,
    Explant,
    Done,
    Refused,
    Identity,
    Opened,
    Status,
    AlarmList,
    ConfigurationReport,
    LogPage,
    CommandOutcome,
    SelfTestReport,
    ReadingsReport,
    Telemetry,
    AlarmChanged,
    EventLogged,
    Sampled,
    Booted,
    Presence,
)
"""All of them, in the order of the documents."""

ANSWERS: dict[type[Body], type[Reply]] = {
    Identify: Identity,
    Open: Opened,
    GetStatus: Status,
    SubscribeTelemetry: Done,
    SubscribeSamples: Done,
    ListAlarms: AlarmList,
    ReadConfiguration: ConfigurationReport,
    ReadLog: LogPage,
    QueryOutcome: CommandOutcome,
    ReadReadings: ReadingsReport,
    RunSelfTest: SelfTestReport,
}
"""What answers a request that is not refused; a command that stands not here gets `Done`."""


def answer_type(request: type[Body]) -> type[Reply]:
    """The reply to a kind of request, when it is not refused."""
    return ANSWERS.get(request, Done)


@cache
def header_type(body: type[Body]) -> type[Header]:
    """The header that belongs to a kind of body."""
    if issubclass(body, Command):
        return CommandHeader
    if issubclass(body, Ask):
        return AskHeader
    return ReplyHeader if issubclass(body, Reply) else NoticeHeader
