"""Faults of clock and supply, and of the link."""

from typing import Final

from protocol.vocabulary import AlarmId
from pumpsim.catalogue.entry import HOUR_S, SEVERITY, Fault, Severity, Step, at_once, samples

POWER_CYCLE: Final = {"kind": "power_cycle", "cause": "brown_out"}

LINK: Final = tuple(
    Fault(f"link_{name}", sentence, not_promised=reason)
    for name, sentence, reason in (
        (
            "silent",
            "No programmer and no relay is near for days.",
            "normal for an implant: monitoring goes on alone (COM-03)",
        ),
        (
            "loss",
            "Requests, or the replies to them, get lost.",
            "whoever asked asks for the outcome by the command's number (COM-09)",
        ),
        (
            "corruption",
            "Bits of a frame flip, its end is missing, or something else is between two frames.",
            "what is no frame is dropped, and the next one is read (COM-01)",
        ),
        (
            "duplicates",
            "A request arrives twice.",
            "twice is once, and both are told the one result (COM-04)",
        ),
        (
            "replay",
            "A request comes late, out of its order, or again in another session or life.",
            "it is refused, with its reason, and the log has it (COM-06, LOG-01)",
        ),
        (
            "stalled",
            "Whoever is connected reads nothing any more.",
            "it holds up neither sampling nor alarms, and loses telemetry (COM-10)",
        ),
    )
)
"""What chaos does (`pumpsim serve --chaos`): no alarm is about a link, and none waits for one."""

ELECTRONICS: Final = (
    Fault(
        "clock_jump_forward",
        "The real-time clock jumps ahead, and calls itself valid.",
        (AlarmId.CLOCK_INVALID,),
        HOUR_S,
        at_once("clock_fault", forward=SEVERITY, valid=True),
        severity=Severity(1.0, 400.0, "d"),
    ),
    Fault(
        "clock_jump_back",
        "The real-time clock jumps back, and calls itself valid.",
        (AlarmId.CLOCK_INVALID,),
        HOUR_S,
        at_once("clock_fault", back=SEVERITY, valid=True),
        severity=Severity(1.0, 400.0, "d"),
    ),
    Fault(
        "clock_frozen",
        "The real-time clock stands still, and calls itself valid.",
        (AlarmId.CLOCK_INVALID,),
        HOUR_S,
        at_once("clock_fault", how="frozen", valid=True),
    ),
    Fault(
        "clock_garbage",
        "The real-time clock tells another arbitrary second each time, and calls itself valid.",
        (AlarmId.CLOCK_INVALID,),
        HOUR_S,
        at_once("clock_fault", how="garbage", valid=True),
    ),
    Fault(
        "clock_flag_invalid",
        "The real-time clock no longer calls itself valid.",
        (AlarmId.CLOCK_INVALID,),
        HOUR_S,
        at_once("clock_fault", valid=False),
    ),
    Fault(
        "oscillator_stopped",
        "The crystal stands still; sensors are still read.",
        (AlarmId.CLOCK_INVALID,),
        HOUR_S,
        at_once("oscillator_fault", stopped=True),
    ),
    Fault(
        "oscillator_off",
        "The crystal runs 500 ppm off.",
        steps=at_once("oscillator_fault", error_ppm=500.0),
        not_promised="the real-time clock counts the same crystal; a host sees it (TIM-06)",
    ),
    Fault(
        "power_cycles",
        "The supply fails three times within a day.",
        (AlarmId.RESETS,),
        samples(1),
        (Step(0, POWER_CYCLE), Step(2 * HOUR_S, POWER_CYCLE), Step(2 * HOUR_S, POWER_CYCLE)),
    ),
    *LINK,
)
