"""Defects of the alarm system: lost, masked, silenced, out of order, of a wrong priority."""

from protocol.vocabulary import AlarmId, EventKind, Priority
from pumpsim.firmware import alarm_book, alarms, conditions, occurrence, reference, requests
from pumpsim.firmware.occurrence import TRANSITIONS, Happening, Life, Step
from tests.defects.defect import defect
from tests.defects.patching import Edit, Entry

Book = alarm_book.AlarmBook


DEFECTS = (
    defect(
        "hazard-without-row",
        "ALM-01",
        "an alarm of the vocabulary is missing from the table",
        Entry(alarms.TABLE, AlarmId.MEMORY_FAULT, None),
    ),
    defect(
        "deadliest-error-is-medium",
        "ALM-01",
        "a refill through the bolus path has a middling row in the table",
        Entry(
            alarms.TABLE,
            AlarmId.BOLUS_PATH_INJECTION,
            alarms.TABLE[AlarmId.BOLUS_PATH_INJECTION]._replace(priority=Priority.MEDIUM),
        ),
    ),
    defect(
        "highest-that-sounds",
        "ALM-02",
        "the highest priority is that of the alarms to be heard: a pause hides it",
        Edit(Book, "highest", "if o.present", "if o.life in AUDIBLE"),
    ),
    defect(
        "highest-is-the-latest",
        "ALM-02",
        "the highest priority is that of the latest alarm",
        Edit(
            Book,
            "highest",
            "max((o.priority for o in self.open if o.present), default=0)",
            "next((o.priority for o in reversed(self.open) if o.present), 0)",
        ),
    ),
    defect(
        "the-oldest-goes",
        "ALM-03",
        "an occurrence that is closed takes the oldest one off the book",
        Edit(Book, "_step", "self.open.remove(occurrence)", "del self.open[0]"),
    ),
    defect(
        "sounder-of-the-first",
        "ALM-03",
        "when the loudest alarm ends, the next one is not heard",
        Edit(Book, "sounder", "for o in self.open", "for o in self.open[:1]"),
    ),
    defect(
        "acknowledged-by-type",
        "ALM-04",
        "an acknowledgement meets whatever occurrence stands",
        Edit(Book, "_find", "found.number == number", "number"),
    ),
    defect(
        "known-once-known-for-ever",
        "ALM-04",
        "a sensor that recovers and fails again is still taken for the one that was acknowledged",
        Edit(Book, "update", "standing.parts = parts", "standing.parts |= parts"),
    ),
    defect(
        "pause-outlives-rise",
        "ALM-05",
        "an alarm that rises while it is paused stays paused",
        Entry(
            TRANSITIONS,
            (Life.PAUSED, Happening.RISES),
            Step(Life.PAUSED, EventKind.ALARM_RAISED),
        ),
    ),
    defect(
        "pause-of-any-length",
        "ALM-05",
        "a pause may be as long as anybody asks",
        Edit(Book, "pause", "duration > MAX_PAUSE", "duration < 0"),
    ),
    defect(
        "pause-silences-all",
        "ALM-05",
        "while one alarm is paused, none is heard",
        Edit(
            Book,
            "sounder",
            "return Sounder(",
            "return Sounder.OFF if any(o.audio_paused for o in self.open) else Sounder(",
        ),
    ),
    defect(
        "pause-put-off",
        "ALM-06",
        "who pauses again and again never hears it",
        Edit(Book, "pause", "min(ends, now + duration)", "now + duration"),
    ),
    defect(
        "pause-for-good",
        "ALM-06",
        "when its pause is over, an alarm stays silent",
        Entry(
            TRANSITIONS,
            (Life.PAUSED, Happening.TIME_UP),
            Step(Life.ACKNOWLEDGED, EventKind.AUDIO_RESUMED),
        ),
    ),
    defect(
        "reminder-doubles-early",
        "ALM-07",
        "the interval doubles after nine reminders",
        Edit(alarms.Reminder, "interval", "self.steady + 1", "self.steady + 2"),
    ),
    defect(
        "reminder-drifts",
        "ALM-07",
        "each interval begins when the burst before it has ended",
        Edit(
            occurrence.Occurrence,
            "meet",
            "now - BURST if self.life is Life.REMINDING else now",
            "now",
        ),
    ),
    defect(
        "acknowledged-again",
        "ALM-07",
        "who acknowledges again puts the reminder off",
        Entry(
            TRANSITIONS,
            (Life.ACKNOWLEDGED, Happening.ACKNOWLEDGE),
            Step(Life.ACKNOWLEDGED, EventKind.ALARM_ACKNOWLEDGED),
        ),
    ),
    defect(
        "pulse-unseen",
        "ALM-08",
        "an alarm that latches ends with its condition",
        Edit(Book, "update", "if latching else", "if not latching else"),
    ),
    defect(
        "anybody-acknowledges",
        "ALM-08",
        "whoever carries the pump may acknowledge what latches",
        Edit(requests, "_acknowledge", "not in CARERS", "not in EVERYBODY"),
    ),
    defect(
        "latched-lost-by-reset",
        "ALM-09",
        "only what holds is kept: what latches is lost by a reset",
        Edit(Book, "save", "for o in self.open", "for o in self.open if o.present"),
    ),
    defect(
        "boot-begins-calm",
        "ALM-09",
        "conditions that were restored end at boot, and are raised anew",
        Edit(conditions, "at_boot", "judged.get(alarm, was)", "judged.get(alarm)"),
    ),
    defect(
        "acknowledged-by-reset",
        "ALM-09",
        "a reset acknowledges what stands",
        Edit(Book, "load", "if acknowledged", "if acknowledged or present"),
    ),
    defect(
        "boot-tells-nothing",
        "ALM-09",
        "an alarm that was kept and not yet told is never told",
        Edit(reference.ReferenceLogic, "boot", "alarms=standing, ", ""),
    ),
    defect(
        "full-book-drops-the-oldest",
        "ALM-11",
        "of more than eight the oldest is dropped, of whatever priority",
        Edit(
            Book,
            "_raise",
            "self.open.append(occurrence)",
            "self.open.append(occurrence)\n    del self.open[:-8]",
        ),
    ),
    defect(
        "pause-without-owner",
        "ALM-12",
        "the end of a session leaves its pauses",
        Edit(Book, "end_session", "== session_id", "== -session_id"),
    ),
    defect(
        "numbers-come-again",
        "ALM-13",
        "an occurrence is numbered by its place in the book",
        Edit(Book, "_raise", "self.count += 1", "self.count = len(self.open) + 1"),
    ),
    defect(
        "told-newest-first",
        "ALM-13",
        "alarms of one sample are told the last one first",
        Edit(Book, "drain", "for occurrence in changed]", "for occurrence in changed[::-1]]"),
    ),
    defect(
        "heard-a-sample-late",
        "ALM-14",
        "the conditions of a sample are judged with the next one",
        Edit(
            reference.ReferenceLogic,
            "sample",
            "self._judge(conditions.evaluate(state, now))",
            'self._judge(vars(self).get("late", self._conditions))\n'
            "    self.late = conditions.evaluate(state, now)",
        ),
    ),
    defect(
        "priority-follows",
        "ALM-18",
        "an alarm's priority falls while its condition lasts",
        Edit(Book, "update", "priority > standing.priority", "priority != standing.priority"),
    ),
    defect(
        "stop-is-low",
        "ALM-18",
        "a pump that has stopped is told with a priority the table does not give",
        Edit(conditions, "evaluate", "HIGH if deviation.stop", "LOW if deviation.stop"),
    ),
    defect(
        "latched-counts-as-known",
        "ALM-08",
        "the status counts only those unacknowledged whose condition still holds",
        Edit(
            requests,
            "status_part",
            "not o.acknowledged for",
            "not o.acknowledged and o.present for",
        ),
    ),
    defect(
        "page-begins-with-the-last",
        "ALM-13",
        "each page of a list begins with the last alarm of the page before",
        Edit(requests, "_list_alarms", "o.number > body", "o.number >= body"),
    ),
)
