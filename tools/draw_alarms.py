"""The page about the alarms, written out of the firmware's tables: docs/alarms.md (ALM-01).

    python -m tools.draw_alarms [--write]

Without `--write` it says whether the page is stale.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from protocol.messages import MAX_AUDIO_PAUSE_MS
from protocol.vocabulary import AlarmId, Priority
from pumpsim.firmware.alarms import REMINDERS, TABLE, AlarmSpec, Reminder
from pumpsim.firmware.occurrence import (
    AUDIBLE,
    BURST_S,
    CLOSED,
    RAISED,
    TRANSITIONS,
    Happening,
    Life,
    Step,
)

PAUSE_MIN: Final = MAX_AUDIO_PAUSE_MS // 60_000
PAGE: Final = Path(__file__).parents[1] / "docs" / "alarms.md"

TEXT: Final = """# Alarms

Written out of `pumpsim/firmware/alarms.py` and `occurrence.py` by
`python -m tools.draw_alarms --write`; not to be edited.

## Conditions

*Within* is the largest time from the beginning of a condition, at the severity that
[domain.md](domain.md) states, to its alarm. The sounder follows in the same sample, a live session
hears of it at once. An alarm that **latches** stays, and sounds, after its condition has ended,
until a clinician or a service engineer has acknowledged it; whoever carries the pump can pause its
sound. Any other alarm ends with its condition; the log has its start and its end, and the patient
may acknowledge it, too.

The refill date moves nearer when the pump will be low before it (a leak, a fast pump), and stays
there until the next refill (RES-04): so `refill_due` and `refill_overdue` may come while there is
drug left.
"""

LIFE: Final = f"""
## The life of an occurrence

Each raising is an occurrence with a number of its own, counted over all alarms and resets. People
acknowledge and pause occurrences, never alarms: what is said of an old one does not touch the next.
A condition has at most one open occurrence. One that comes back while its last occurrence is still
latched gets a new number, which takes the place of the old one, at no lower priority. Some
conditions have forms: which channels fail, which ones contradict each other, loss or rest, free
flow beside too much of it. When a form joins those that hold, a new occurrence takes over as well:
whoever acknowledged the old one knew nothing of it. So no storm can fill the book: it has room for
every alarm at once ({len(TABLE)}), and nothing is ever dropped. (The event `alarms_dropped` of the
protocol is for logic whose book has less room; this one never tells it.)

- **Highest priority:** over all conditions present, acknowledged or not. The sounder plays the
  burst of the highest priority that is to be heard.
- **Rising:** a priority rises as the table says and never falls while the condition lasts. A rise
  lifts acknowledgement and pause.
- **Pause:** of one occurrence, at most {PAUSE_MIN} minutes; it belongs to the session that asked,
  and ends with it. Longer ones are refused: `pause_too_long`.
- **Reminders:** acknowledged, and still present, an alarm sounds for {BURST_S} seconds from time to
  time, as below. Neither acknowledging it again nor a pause moves them.
- **Reset:** occurrences and acknowledgements outlive it, pauses do not; reminders start anew.
- **Order:** an occurrence is kept in memory, then heard, then told. Between the raising and the
  sound stand six memory operations, the totals' own record being the same one, so that a memory has
  16 ms for each; where reads fail and are tried again at most 22, of 4 ms. It must say by then that
  it failed: what could not be kept is heard and told all the same, and kept with the next sample.
"""

EVENTS: Final = """
Each arrow: what happens, and the event that tells of it. What no arrow shows changes nothing.
"""


def page() -> str:
    """The whole page, in Markdown."""
    return "\n".join((TEXT, *_table(), LIFE, *_reminders(), EVENTS, *_diagram())) + "\n"


def _table() -> Iterator[str]:
    yield "| Id | Alarm | Condition | Priority | Latches | Within |"
    yield "|---|---|---|---|---|---|"
    for alarm, spec in TABLE.items():
        latches = "yes" if spec.latching else "no"
        cells = (int(alarm), f"`{alarm.name.lower()}`", spec.condition, _priority(spec), latches)
        yield "| " + " | ".join(map(str, cells)) + f" | {_within(alarm, spec)} |"


def _priority(spec: AlarmSpec) -> str:
    rises = f", rises to {spec.rises_to.name}" if spec.rises_to is not None else ""
    return spec.priority.name + rises


def _within(alarm: AlarmId, spec: AlarmSpec) -> str:
    if spec.within_s == 0:
        return "at boot"
    assert spec.within_s % 60 == 0, alarm
    hours, rest_s = divmod(spec.within_s, 3_600)
    return f"{spec.within_s // 60} min" if rest_s else f"{hours} h"


def _reminders() -> Iterator[str]:
    yield "| Priority | Reminders, from the acknowledging on |"
    yield "|---|---|"
    for priority, reminder in REMINDERS.items():
        yield f"| {priority.name} | {_rhythm(priority, reminder)} |"


def _rhythm(priority: Priority, reminder: Reminder) -> str:
    first, longest = reminder.first_s // 60, reminder.longest_s // 60
    if first == longest:
        return f"every {first} min"
    assert reminder.first_s % 60 == reminder.longest_s % 60 == 0, priority
    return (
        f"{reminder.steady} times every {first} min, then twice as long each, up to {longest} min"
    )


def _diagram() -> Iterator[str]:
    yield from ("```mermaid", "stateDiagram-v2")
    for life in Life:
        if life not in CLOSED:
            yield f"    {life.name}: {life.name.lower().replace('_', ', ')}{_sound(life)}"
    yield f"    [*] --> {RAISED.to.name}: {_label('raised', RAISED)}"
    for (life, happening), step in TRANSITIONS.items():
        to = "[*]" if step.to in CLOSED else step.to.name
        yield f"    {life.name} --> {to}: {_label(_words(happening), step)}"
    yield from ("```", "", "| State | Meaning |", "|---|---|")
    yield from (f"| {life.name.lower().replace('_', ', ')} | {life.meaning} |" for life in Life)
    yield from ("", "| What happens | Meaning |", "|---|---|")
    yield from (f"| {_words(happening)} | {happening.meaning} |" for happening in Happening)


def _sound(life: Life) -> str:
    return " (heard)" if life in AUDIBLE else ""


def _words(happening: Happening) -> str:
    return happening.name.lower().replace("_", " ")


def _label(what: str, step: Step) -> str:
    return what if step.event is None else f"{what} / {step.event.name}"


def main(arguments: Sequence[str], path: Path = PAGE) -> int:
    """Write the page, or say whether it is stale."""
    if "--write" in arguments:
        path.write_text(page(), encoding="utf-8", newline="\n")
    elif path.read_text(encoding="utf-8") != page():
        print(f"{path} is stale: run python -m tools.draw_alarms --write", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
