"""The closed lists of the pump link.

In CBOR a word travels as its number, in JSON as its name in lower case. Numbers are never re-used:
a word that is retired keeps its line here, marked as such.
"""

from enum import IntEnum
from typing import Self


class Word(IntEnum):
    """A number with a name and, where the name does not say it all, a meaning for the documents."""

    meaning: str

    def __new__(cls, number: int, meaning: str = "") -> Self:
        """The member with this number."""
        word = int.__new__(cls, number)
        word._value_ = number
        word.meaning = meaning
        return word


class Role(Word):
    """Who speaks. Declared at `open`, unauthenticated in this release, and logged (LOG-01)."""

    PATIENT = 1
    CLINICIAN = 2
    SERVICE = 3


class Priority(Word):
    """Alarm priority by harm and onset (IEC 60601-1-8)."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3


class AlarmId(Word):
    """Every alarm condition the pump can raise."""

    LOW_RESERVOIR = 1
    EMPTY_RESERVOIR = 2
    REFILL_DUE = 3, "LOW ahead of the date, MEDIUM from it on"
    REFILL_OVERDUE = 4
    OVER_INFUSION = 5, "too much flow, or liquid leaves the reservoir on another way"
    UNDER_INFUSION = 6
    UNMONITORED = 7, "no evidence of the flow is left"
    CONFIGURATION_LOST = 8
    MEMORY_FAULT = 9, "a memory operation failed, or a number in use was corrupted"
    FLOW_STOP = 10
    OCCLUSION = 11, "the catheter's pressure is far above the pocket's"
    PARTIAL_OCCLUSION = 12, "the catheter's pressure is raised for long"
    CATHETER_DISCONNECT = 13, "the catheter's pressure is the pocket's"
    REVERSE_FLOW = 14, "the catheter's pressure is above the reservoir's"
    BOLUS_PATH_INJECTION = 15, "a refill-sized volume went through the bolus path"
    TAMPERING = 16, "the fill level moved, and no refill was declared"
    POCKET_FILL = 17, "a refill was declared, and the fill level did not rise"
    REFILL_DISCREPANCY = 18, "volumes declared and volumes seen differ: verify the pump"
    OVERFILL = 19, "more in the reservoir than it is made for"
    OFF_PLAN = 20, "a drug was filled that the course plan does not call for"
    DOSE_LIMIT = 21, "a window of time will hold more drug than allowed"
    BALANCE_FAULT = 22, "fill level and pressures disagree on the volume that left"
    SENSOR_FAULT = 23, "a channel is silent, at its rail, frozen or spiking"
    SENSOR_CONFLICT = 24, "channels contradict each other"
    PROPELLANT_LOW = 25, "the reservoir's pressure is low for the temperature"
    TEMPERATURE_HIGH = 26
    AMBIENT_PRESSURE = 27, "too low or too high around the pump: altitude, depth"
    CLOCK_INVALID = 28, "the real-time clock is wrong; no interval depends on it"
    RESETS = 29, "too many within a day"
    FIRMWARE_FAULT = 30, "the control logic failed and was started anew"
    BATTERY_LOW = 31
    BATTERY_END = 32, "end of service"


class Cause(Word):
    """What can be behind a set of symptoms; the pump reports all that the readings allow."""

    RESTRICTOR_FAST = 1
    RESTRICTOR_SLOW = 2, "clogged, or a fill more viscous than declared"
    SEPTUM_LEAK = 3
    CATHETER_OCCLUDED = 4, "in part or completely"
    CATHETER_OFF = 5, "disconnected"
    PROPELLANT_LOSS = 6
    RESERVOIR_PRESSURE_SENSOR = 7
    CATHETER_PRESSURE_SENSOR = 8
    POCKET_PRESSURE_SENSOR = 9
    TEMPERATURE_SENSOR = 10
    FILL_LEVEL_SENSOR = 11
    PULSE_SENSOR = 12
    BATTERY_SENSOR = 13
    NEEDLE = 14, "liquid was moved through the septum, undeclared or not as declared"
    POCKET = 15, "a fill went into the tissue"
    BOLUS_PATH = 16, "liquid was injected past the reservoir"
    HEAT = 17
    ALTITUDE = 18
    DEPTH = 19
    RESERVOIR_EMPTY = 20
    GAS = 21, "in the reservoir"
    BATTERY = 22
    CONVERTER = 23, "samples do not come, or come again"


class Propellant(Word):
    """What drives the pump; its vapour pressure is what the reservoir's must agree with."""

    UNKNOWN = 0, "the reservoir's pressure cannot be checked against the temperature"
    N_BUTANE = 1
    ISOBUTANE = 2
    R_11 = 3
    R_114 = 4
    R_123 = 5
    PERFLUOROBUTANE = 6


class ResetCause(Word):
    """Why the control logic booted."""

    POWER_ON = 1
    BROWN_OUT = 2
    WATCHDOG = 3
    COMMANDED = 4
    FIRMWARE_FAULT = 5
    UNKNOWN = 6


class Refusal(Word):
    """Why a request was not carried out. Checks run in the order of the first block."""

    STALE_BOOT = 1, "the request was made for an earlier life of the device"
    NO_SESSION = 2, "unknown or ended session"
    STALE_SEQUENCE = 3, "not above the last sequence of this session"
    COMMAND_ID_REUSED = 4, "this command_id was used with another content"
    EXPIRED = 5, "valid_until_uptime_ms has passed"
    VALIDITY_TOO_LONG = 6, "valid_until_uptime_ms lies beyond the allowed horizon"
    BUSY = 7, "another session holds the right to write"
    ROLE = 8, "this role may not do that"

    MALFORMED = 20, "a sound frame whose content is not a valid request"
    UNKNOWN_MESSAGE = 21, "no message has that type"
    UNSUPPORTED = 22, "it is not offered here; a bare device, say, has no control logic"
    TOO_MANY_SESSIONS = 23, "close one, or wait until one has been idle too long"
    FIRMWARE_FAULT = 24, "supply or control logic failed while handling it; its outcome is unknown"
    INTERRUPTED = 25, "supply or control logic failed while handling it; nothing of it is left"

    UNKNOWN_ALARM = 40, "no occurrence of that alarm is open"
    UNKNOWN_OCCURRENCE = 41, "another occurrence of that alarm is open"
    PAUSE_TOO_LONG = 42, "no alarm may be silent for so long"
    STALE_CONFIGURATION = 43, "base_config_id is not the one in force"
    INVALID_CONFIGURATION = 44, "it has to be empty < low < capacity, and no flow beyond 100 mL/h"
    REFILL_OPEN = 45, "commit or abort it first"
    NO_REFILL_OPEN = 46, "begin one first; left alone it closes by itself"
    REFILL_TOO_EARLY = 47, "say why, and name the last refill, to make it all the same"
    OVER_CAPACITY = 48, "with what was left it is more than the reservoir holds"
    BOLUS_ACCESS_OPEN = 49, "end it first"
    NO_BOLUS_ACCESS_OPEN = 50, "begin it first"
    NOT_CONFIGURED = 51, "write a configuration first"
    NO_VALVE = 52, "this device moves no lockout valve"
    OUT_OF_RANGE = (
        53,
        "a date no pump lives at, more drug than dissolves, or drug before an explant",
    )
    TOO_MANY_DRUGS = 54, "this pump keeps the doses of so many drugs already, and this is another"
    STILL_INFUSING = 55, "drug is in it, or may be; empty it or rinse it, and let the level tell"
    NOT_KEPT = 56, "memory does not keep it; what was in force before it still is"


class EventKind(Word):
    """What an entry of the event log tells; `subject` and `value` are 0 where nothing is said."""

    BOOT = 1, "subject: ResetCause, value: resets so far"
    ALARM_RAISED = 2, "subject: AlarmId, value: occurrence"
    ALARM_ENDED = 3
    ALARM_ACKNOWLEDGED = 4
    AUDIO_PAUSED = 5
    AUDIO_RESUMED = 6
    SESSION_OPENED = 7, "subject: Role"
    SESSION_ENDED = 8
    COMMAND_DONE = 9, "subject: message type, value: command_id"
    COMMAND_REFUSED = 10, "subject: Refusal, value: command_id"
    CONFIGURATION_WRITTEN = 11, "value: config_id"
    CLOCK_SET = 12, "subject: old unix second, value: new unix second"
    REFILL_BEGUN = 13
    REFILL_COMMITTED = 14, "value: volume filled, nl"
    REFILL_ABORTED = 15
    REFILL_WINDOW_ENDED = 16, "by itself, at T_refill (FLW-08)"
    BOLUS_ACCESS_BEGUN = 17
    BOLUS_ACCESS_ENDED = 18, "value: volume injected, nl"
    SELF_TEST = 19, "subject: failed items"
    FIRMWARE_FAULT = 20, "subject: FirmwareFault"
    TIME_GAP = 21, "value: length, ms"
    LOG_OVERWRITTEN = (
        22,
        "a class of entries loses its oldest ones; subject: 1 faults, 2 security, "
        "3 alarms of HIGH priority, 4 other alarms, 5 commands, 6 the rest, value: entries lost",
    )
    ACTUATED = 23, "subject: Sounder, of a bare device"
    SESSION_REFUSED = 24, "subject: Refusal"
    ALARM_REMINDED = 25, "acknowledged, and still there: subject: AlarmId, value: occurrence"
    ALARMS_DROPPED = 26, "value: occurrences of LOW priority a storm left no room for"
    OCCLUSION_RELEASED = 27, "value: stored volume that may have arrived at once, nl"
    PRESSURE_TRANSIENT = 28, "value: change of the pocket's pressure, Pa per minute"
    MEMORY_CORRECTED = 29, "one copy was unsound, the other one was used"
    READING_REJECTED = 30, "subject: channel, value: the reading"
    EXPLANTED = 31, "value: volume delivered in its life, nl"


class FirmwareFault(Word):
    """How control logic can break its contract (RST-11)."""

    RAISED = 1
    BAD_OUTCOME = 2
    BAD_DEADLINE = 3
    STALLED = 4


class Sounder(Word):
    """What the sounder plays: the burst of that priority, or nothing."""

    OFF = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3


class Quality(Word):
    """How far an estimate can be trusted."""

    UNKNOWN = 0
    DEGRADED = 1
    GOOD = 2


class Capability(Word):
    """What a device offers beyond the core of the protocol."""

    CONTROL_LOGIC = 1, "it decides for itself; a bare device does not"
    RAW_READINGS = 2
    ACTUATION = 3, "takes actuation from the link: bare devices only"
    LOCKOUT_VALVE = 4
    FILL_LEVEL = 5
    CATHETER_PRESSURE = 6


class RefillReason(Word):
    """Why a refill comes sooner than the shortest interval (RES-10)."""

    DRUG_CHANGE = 1
    VERIFY_PUMP = 2
    DRUG_EXPIRED = 3
    EXPLANT = 4
    OTHER = 5


class OutcomeState(Word):
    """What became of a command (COM-09)."""

    UNKNOWN = 0, "never seen, or forgotten after T_dedupe"
    DONE = 1
    REFUSED = 2
