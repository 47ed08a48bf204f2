"""The device under test, one typed method per request.

A refused request comes back as a `Refused`, like any other reply. What can be raised is PeerError
(an answer the protocol does not allow) and LinkError (no answer).
"""

from collections.abc import Iterator
from typing import Final

from hil.errors import LinkError, PeerError
from hil.exchange import Exchange, must_be, one_of
from protocol import messages as m
from protocol.vocabulary import AlarmId, RefillReason

PAGE: Final = m.MAX_LIST


class Client:
    """One device. Raw requests, notices and the barrier are its `exchange`'s."""

    def __init__(self, exchange: Exchange) -> None:
        """Nothing is sent yet. What was begun is noted, so that it, and no more, can be ended."""
        self.exchange = exchange
        self.telemetry = self.samples = self.actuated = False

    # ---- asks

    def identify(self) -> m.Identity:
        """Which device it is."""
        return must_be(self.exchange.ask(m.Identify()), m.Identity)

    def status(self) -> m.Status | m.Refused:
        """What the pump believes now; a bare device refuses."""
        return one_of(self.exchange.ask(m.GetStatus()), m.Status)

    def subscribe_telemetry(self, period_ms: int) -> m.Done | m.Refused:
        """Telemetry on this link at a period of device time; 0 ends it.

        A broker's clients share their device's link: it is theirs as well.
        """
        self.telemetry = period_ms > 0
        return one_of(self.exchange.ask(m.SubscribeTelemetry(period_ms=period_ms)), m.Done)

    def subscribe_samples(self, *, enabled: bool) -> m.Done | m.Refused:
        """Every raw sample on this link, or no longer; shared likewise."""
        self.samples = enabled
        return one_of(self.exchange.ask(m.SubscribeSamples(enabled=enabled)), m.Done)

    def alarms(self) -> tuple[m.AlarmOccurrence, ...] | m.Refused:
        """All occurrences that are present or unacknowledged, oldest first."""
        found: list[m.AlarmOccurrence] = []
        while True:
            behind = found[-1].occurrence if found else 0
            page = one_of(self.exchange.ask(m.ListAlarms(after_occurrence=behind)), m.AlarmList)
            if isinstance(page, m.Refused):
                return page
            found += page.alarms
            if not page.more:
                return tuple(found)
            if not page.alarms or page.alarms[-1].occurrence <= behind:
                raise PeerError(f"the alarm list does not go on behind occurrence {behind}")

    def read_configuration(self) -> m.ConfigurationReport | m.Refused:
        """The configuration in force; a bare device tells its factory's."""
        return one_of(self.exchange.ask(m.ReadConfiguration()), m.ConfigurationReport)

    def read_log(self, from_sequence: int = 0) -> Iterator[m.LogEntry]:
        """The event log from a sequence number to its end, a page at a time."""
        following = from_sequence
        while True:
            page = must_be(
                self.exchange.ask(m.ReadLog(from_sequence=following, limit=PAGE)), m.LogPage
            )
            yield from page.entries
            if page.next_sequence >= page.end_sequence:
                return
            if page.next_sequence <= following:
                raise PeerError(f"the event log does not go on behind entry {following}")
            following = page.next_sequence

    def query_outcome(self, command_id: int) -> m.CommandOutcome:
        """What became of a command."""
        return must_be(self.exchange.ask(m.QueryOutcome(command_id=command_id)), m.CommandOutcome)

    def read_readings(self) -> m.ReadingsReport | m.Refused:
        """The latest raw sample."""
        return one_of(self.exchange.ask(m.ReadReadings()), m.ReadingsReport)

    # ---- commands

    def close_session(self) -> None:
        """End the session, if one is open; the next command opens another."""
        self.exchange.close_session()

    def acknowledge_alarm(self, alarm: AlarmId, occurrence: int) -> m.Done | m.Refused:
        """Acknowledge one occurrence."""
        return self._do(m.AcknowledgeAlarm(alarm=alarm, occurrence=occurrence))

    def pause_audio(self, alarm: AlarmId, occurrence: int, duration_ms: int) -> m.Done | m.Refused:
        """Pause the sound of one alarm for a while of device time."""
        body = m.PauseAudio(alarm=alarm, occurrence=occurrence, duration_ms=duration_ms)
        return self._do(body)

    def begin_refill(self) -> m.Done | m.Refused:
        """Open the refill window."""
        return self._do(m.BeginRefill())

    def commit_refill(
        self,
        refill: m.Refill,
        reason: RefillReason | None = None,
        previous_refill_id: int | None = None,
    ) -> m.Done | m.Refused:
        """Declare the refill that was made."""
        body = m.CommitRefill(refill=refill, reason=reason, previous_refill_id=previous_refill_id)
        return self._do(body)

    def abort_refill(self) -> m.Done | m.Refused:
        """Close the refill window: nothing was put in."""
        return self._do(m.AbortRefill())

    def begin_bolus_access(self, drug: str, concentration_ng_per_ml: int) -> m.Done | m.Refused:
        """Announce an injection through the bolus path."""
        body = m.BeginBolusAccess(drug=drug, concentration_ng_per_ml=concentration_ng_per_ml)
        return self._do(body)

    def end_bolus_access(self, injected_nl: int) -> m.Done | m.Refused:
        """The injection is over."""
        return self._do(m.EndBolusAccess(injected_nl=injected_nl))

    def write_configuration(
        self, configuration: m.Configuration, base_config_id: int
    ) -> m.Done | m.Refused:
        """Replace the configuration as one block."""
        body = m.WriteConfiguration(base_config_id=base_config_id, configuration=configuration)
        return self._do(body)

    def set_clock(self, rtc_s: int) -> m.Done | m.Refused:
        """Set the real-time clock, unix seconds."""
        return self._do(m.SetClock(rtc_s=rtc_s))

    def run_self_test(self) -> m.SelfTestReport | m.Refused:
        """Test memory, sensors and configuration now."""
        reply = self.exchange.command(m.RunSelfTest())
        if isinstance(reply, m.Done):
            raise LinkError("the self-test was done, but its report was lost on the way")
        return one_of(reply, m.SelfTestReport)

    def explant(self) -> m.Done | m.Refused:
        """Write into the log that the pump is taken out; refused while drug is in it."""
        return self._do(m.Explant())

    def actuate(self, body: m.Actuate) -> m.Done | m.Refused:
        """Set the outputs of a bare device."""
        self.actuated = True
        return self._do(body)

    def _do(self, body: m.Command) -> m.Done | m.Refused:
        return one_of(self.exchange.command(body), m.Done)
