"""What must be true of a pump after every step, whatever happened to it.

What it tells is laid beside what it told before, the laboratory's truth where there is one, and
`oracle`. Whoever acts on the pump says here what that makes uncertain, and what must not change.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from hil.conformance.probe import Probe
from hil.rig import Rig
from hil.testing.oracle import Doses
from hil.testing.story import Story
from protocol import messages as m
from protocol.vocabulary import AlarmId, EventKind, Priority, Sounder

DAY_S: Final = 86_400
SAMPLE_MS: Final = 60_000
FL_PER_NL: Final = 1_000_000
UNDELIVERED_S: Final = 8 * 3_600
"""T: the longest of all bounds for a pump that stands still, and two hours for the catheter."""
DELIVERS: Final = 0.1
"""Of the flow prescribed; less is none."""
FLOW_ERROR: Final = 0.025
"""What the flow a pump reckons with may be off while its sensors keep their declared error."""
VOLUME_ERROR: Final = 0.05
VOLUME_SLACK_NL: Final = 6_000
LEVEL_DOUBT_NL: Final = 500_000
"""Two fill levels, each as far off as declared: so much more is reckoned as delivered over a reset
by whom no clock tells how long it took (RST-03)."""
OVERDOSE: Final = {
    AlarmId.DOSE_LIMIT,
    AlarmId.OVER_INFUSION,
    AlarmId.BOLUS_PATH_INJECTION,
    AlarmId.TAMPERING,
    AlarmId.UNMONITORED,
}
"""Any of these tells that too much may have been given."""


class Listed(NamedTuple):
    """An alarm, as far as a command can change it."""

    alarm: AlarmId
    occurrence: int
    acknowledged: bool
    audio_paused: bool


class Effects(NamedTuple):
    """What a command can change, and time alone does not."""

    configuration: int
    refill: int | None
    refill_open: bool
    bolus_access_open: bool
    alarms: tuple[Listed, ...]


class Invariants:
    """Of one pump in one example."""

    def __init__(self, rig: Rig, probe: Probe, story: Story) -> None:
        """Look for the first time."""
        self.healthy = True  # no fault was set that falsifies what is believed
        self.filled = False  # by a hand, so that totals of the reservoir no longer compare
        self.clock_moved = False  # so that a reset may find it untried, or wrong
        self.listed: list[m.AlarmOccurrence] = []
        self._rig, self._probe, self._story = rig, probe, story
        self._doses, self._volumes = Doses(DAY_S), Doses(UNDELIVERED_S)
        self._sampled: tuple[int, int, int] | None = None
        self._prescriptions: list[tuple[float, float, int]] = []  # since when, limit, nl/h
        self._unchanged: tuple[str, str, Effects] | None = None
        self._listed_as: tuple[int, int] | None = None
        self.prescribed()
        self.seen = probe.status()
        self._began_nl = 0.0
        if rig.has_laboratory:
            self._began_nl = _delivered_nl(self.truth()) - self.seen.delivered_total_nl

    # ---- what whoever acts says of it

    def unchanged(self, requirement: str, words: str) -> None:
        """What comes now must change nothing, by that requirement."""
        self._unchanged = requirement, words, self._effects()

    def prescribed(self) -> None:
        """The configuration may ask for something else from now on."""
        report, configuration = self._probe.configured()
        self._refill_id = report.last_refill_id
        limit = configuration.dose_limit_permille / 1_000
        now_s = self._story.now_s()
        self._prescriptions.append((now_s, limit, configuration.nominal_flow_nl_per_h))

    def restarted(self) -> None:
        """The electronics began a new life."""
        self._sampled, self._refill_id = None, self._last_refill()

    # ---- what is seen, and judged

    def look(self) -> None:
        """One status, one list of alarms, and the truth where there is one."""
        status, listed = self.see()
        self._check_effects()
        self._check_monitoring(status)
        self._check_faults()
        if not self._rig.clock.virtual:
            return  # between two questions anything may have happened
        self._check_list(status, listed)
        if self._rig.has_laboratory:
            truth = self.truth()
            self._check_sound(listed, truth)
            self._check_harm(listed, truth)
            self._check_beliefs(status, truth)

    def see(self) -> tuple[m.StatusPart, list[m.AlarmOccurrence]]:
        """Status, and the list, which is asked for when its digest has changed (COM-08)."""
        self.seen = self._probe.status()
        listed_as = self._probe.boot_id, self.seen.alarm_digest
        if listed_as != self._listed_as or self._unchanged is not None:  # to prove is to ask
            self.listed, self._listed_as = self._probe.alarms(), listed_as
        return self.seen, self.listed

    def truth(self) -> Mapping[str, Any]:
        """As it is now; what has reached the artery by now is remembered."""
        truth = self._rig.laboratory.truth()
        now_s, delivered_nl = self._story.now_s(), _delivered_nl(truth)
        self._doses.note(now_s, delivered_nl)
        self._volumes.note(now_s, delivered_nl)
        return truth

    def _check_effects(self) -> None:
        """What was to change nothing has changed nothing."""
        if self._unchanged is None:
            return
        requirement, words, before = self._unchanged
        self._unchanged, self._refill_id = None, self._last_refill()
        self._story.same(before, self._effects(), requirement, words)

    def _check_monitoring(self, status: m.StatusPart) -> None:
        """Samples go on being taken, whatever a peer sends."""
        boot_id, uptime_ms = self._probe.boot_id, self._probe.uptime_ms
        if self._sampled is not None and status.sample_sequence is not None:
            boot_before, uptime_before, sequence_before = self._sampled
            if boot_before == boot_id:
                due = (uptime_ms - uptime_before) // SAMPLE_MS
                taken = status.sample_sequence - sequence_before
                words = f"at least {due} samples in {(uptime_ms - uptime_before) / 1e3:.0f} s"
                self._story.that(taken >= due, "COM-10", words, taken)
        if status.sample_sequence is not None:
            self._sampled = boot_id, uptime_ms, status.sample_sequence

    def _check_faults(self) -> None:
        """Nothing that happened here is a reason for logic to fail."""
        for logged in self._probe.notices_of(m.EventLogged):
            if logged.entry.kind is EventKind.FIRMWARE_FAULT:
                raise self._story.violated(
                    "RST-11", "logic that keeps its contract", str(logged.entry)
                )
        self._probe.notices.clear()

    def _check_list(self, status: m.StatusPart, listed: list[m.AlarmOccurrence]) -> None:
        """Status and list tell the same."""
        present = [one for one in listed if one.present]
        highest = max((one.priority for one in present), default=None)
        self._story.that(
            status.highest_priority == highest, "ALM-02", str(highest), status.highest_priority
        )
        told = status.alarms_present, status.alarms_unacknowledged
        counted = len(present), sum(not one.acknowledged for one in listed)
        self._story.that(told == counted, "ALM-02", f"{counted} present and unacknowledged", told)

    def _check_sound(self, listed: list[m.AlarmOccurrence], truth: Mapping[str, Any]) -> None:
        """What nobody acknowledged or paused is heard; what is acknowledged, as a reminder only."""
        heard = Sounder(truth["actuation"]["sounder"])
        free = [one for one in listed if not one.audio_paused]
        least = max((one.priority for one in free if not one.acknowledged), default=0)
        most = max((one.priority for one in free), default=0)
        words = f"a sounder from {Sounder(least).name.lower()} to {Sounder(most).name.lower()}"
        self._story.that(least <= heard <= most, "ALM-05", words, heard.name.lower())

    def _check_harm(self, listed: list[m.AlarmOccurrence], truth: Mapping[str, Any]) -> None:
        """Too much or nothing at all never goes on in silence.

        What a restrictor does, the fill level alone shows. Where that is silent and told to be, the
        pump has said that it cannot see harm.
        """
        standing = {one.alarm for one in listed}
        blind = "fill_level_nl" in truth["sensor_faults"] and AlarmId.SENSOR_FAULT in standing
        dose_nl = self._doses.within(DAY_S)
        limit, nominal = self._in_force()
        limit_nl = limit * nominal * DAY_S / 3_600 * (1 + FLOW_ERROR)
        told = blind or bool(standing & OVERDOSE)
        words = f"an alarm: {dose_nl:.0f} nL reached the artery in a day, {limit_nl:.0f} may"
        self._story.that(dose_nl <= limit_nl or told, "DOS-02", words, _names(standing))
        rows = self._volumes.rows
        if rows[-1][0] - rows[0][0] < UNDELIVERED_S:
            return
        given_nl = self._volumes.within(UNDELIVERED_S)
        told = blind or any(one.priority is Priority.HIGH for one in listed)
        little = given_nl < DELIVERS * nominal * UNDELIVERED_S / 3_600
        words = f"an alarm of HIGH priority: {given_nl:.0f} nL in the last 8 h"
        self._story.that(not little or told, "FLW-04", words, _names(standing))

    def _check_beliefs(self, status: m.StatusPart, truth: Mapping[str, Any]) -> None:
        """While sensors keep their word, intervals hold the truth and totals follow it."""
        if not self.healthy or status.refill_open or status.bolus_access_open:
            return
        left_nl = truth["ledger"]["reservoir_fl"] / FL_PER_NL
        told = status.residual_volume_nl
        if told is not None:
            words = f"an interval with {left_nl:.0f} nL, which are left"
            self._story.that(told.low <= left_nl <= told.high, "RES-01", words, told)
        if self.filled or status.sample_sequence is None:
            return  # RST-03: what left since the last record is known with a life's first sample
        true_nl = _delivered_nl(truth) - self._began_nl
        slack_nl = VOLUME_ERROR * true_nl + VOLUME_SLACK_NL
        excess_nl = slack_nl + (LEVEL_DOUBT_NL if self.clock_moved else 0)
        off_nl = status.delivered_total_nl - true_nl
        words = f"about {true_nl:.0f} nL delivered"
        self._story.that(
            -slack_nl <= off_nl <= excess_nl, "DOS-01", words, status.delivered_total_nl
        )
        between = status.delivered_total_between_nl
        if between is not None:
            words = f"bounds with {true_nl:.0f} nL, which were delivered"
            self._story.that(between.low <= true_nl <= between.high, "DOS-01", words, between)

    def _effects(self) -> Effects:
        """Of all that was done until the pump was seen last."""
        alarms = tuple(
            Listed(one.alarm, one.occurrence, one.acknowledged, one.audio_paused)
            for one in self.listed
        )
        windows = self.seen.refill_open, self.seen.bolus_access_open
        return Effects(self._probe.config_id, self._refill_id, *windows, alarms)

    def _last_refill(self) -> int | None:
        """Its number, if there was one that the pump knows of."""
        report = self._probe.ask(m.ReadConfiguration())
        return report.last_refill_id if isinstance(report, m.ConfigurationReport) else None

    def _in_force(self) -> tuple[float, int]:
        """The largest limit and flow that were prescribed at any time of the last day."""
        while (
            len(self._prescriptions) > 1 and self._prescriptions[1][0] < self._story.now_s() - DAY_S
        ):
            del self._prescriptions[0]
        _, limits, flows = zip(*self._prescriptions, strict=True)
        return max(limits), max(flows)


def _delivered_nl(truth: Mapping[str, Any]) -> float:
    return float(truth["ledger"]["delivered_fl"]) / FL_PER_NL


def _names(alarms: set[AlarmId]) -> str:
    return ", ".join(sorted(alarm.name.lower() for alarm in alarms)) or "no alarm"
