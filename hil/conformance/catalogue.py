"""All sections, in the order they run."""

from typing import Final

from hil.conformance.case import Case, Section, section
from hil.conformance.cases import (
    alarms,
    configuration,
    delivery,
    event_log,
    framing,
    refill,
    reset,
    session,
    texts,
    times,
)
from hil.errors import LocalError

SECTIONS: Final = (
    section("framing", "what is a message, what is dropped, what is refused", framing, texts),
    section("session", "who may speak, and in what order it is checked", session),
    section("delivery", "each command acts once, or not at all", delivery),
    section("configuration", "one block, or nothing", configuration),
    section("refill", "refills and bolus access as declared", refill),
    section("alarms", "raised, told, acknowledged, paused, ended", alarms),
    section("time", "uptime, calendar, periods", times),
    section("reset", "what ends with the supply, and what does not", reset),
    section("log", "all that was done or refused, in order", event_log),
)


def chosen(section_name: str | None = None, case_id: str | None = None) -> tuple[Section, ...]:
    """The sections with the cases asked for; LocalError when there are none such."""
    if section_name is not None and section_name not in {one.name for one in SECTIONS}:
        names = ", ".join(one.name for one in SECTIONS)
        raise LocalError(f"no section is named {section_name!r}: there are {names}")
    found = [
        Section(one.name, one.about, tuple(c for c in one.cases if case_id in (None, c.id)))
        for one in SECTIONS
        if section_name in (None, one.name)
    ]
    left = tuple(one for one in found if one.cases)
    if not left:
        raise LocalError(f"no case has the id {case_id!r}: hil conformance --list shows them all")
    return left


def all_cases() -> list[tuple[Section, Case]]:
    """Every case, with its section."""
    return [(one, case) for one in SECTIONS for case in one.cases]
