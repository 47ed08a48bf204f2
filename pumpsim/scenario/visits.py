"""What clinicians do at a visit: hands move liquid, a programmer tells the pump.

The two may disagree: what is declared stands beside what the syringe really did.
"""

import json
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, field_validator

from protocol import configfile as c
from protocol import messages as m
from protocol.control import Between
from protocol.plain import BY_NAME, from_plain
from protocol.vocabulary import RefillReason
from pumpsim import stimuli
from pumpsim.pumpfile import FillSection, PumpFile
from pumpsim.scenario.bedside import Bedside, RefusedError

REQUESTS: Final = [name for name, kind in BY_NAME.items() if issubclass(kind, m.Ask | m.Command)]
"""What a programmer can send, by the names of JSON."""
REASONS: Final = {reason.name.lower(): reason for reason in RefillReason}


@dataclass(frozen=True, slots=True)
class RefillRow:
    """A refill as it was, as it was declared, and what the pump had believed."""

    at_ns: int
    drug: str
    into: str
    residual_nl: int
    believed_residual_nl: int | None
    withdrawn_nl: int
    filled_nl: int
    declared_withdrawn_nl: int
    declared_filled_nl: int


@dataclass(slots=True)
class Journal:
    """What is written down at visits."""

    refills: list[RefillRow] = field(default_factory=list)
    refusals: list[tuple[int, str]] = field(default_factory=list)
    drug: str = ""  # in the reservoir, as last declared
    doses_ng: dict[str, tuple[int, Between | None]] = field(default_factory=dict)
    """By drug, as the pump last told: the dose, and its bounds."""

    def note_dose(self, dose_ng: int | None, between_ng: Between | None) -> None:
        """The pump tells the dose of the drug it holds; a later one replaces it."""
        if dose_ng is not None:
            self.doses_ng[self.drug] = dose_ng, between_ng


class Clinic:
    """The room where a pump, a programmer and syringes meet."""

    def __init__(self, bedside: Bedside, pump: PumpFile, fills: dict[str, FillSection]) -> None:
        """`pump` is what was implanted; `fills` are the syringes that stand ready, by name."""
        self.bedside = bedside
        self.programmer = bedside.programmer
        self.fills = fills
        self.journal = Journal(drug=pump.fill.drug)
        self._start_s = int(pump.clock.start.timestamp())

    def receive(self, visit: "Visit") -> None:
        """A visit, from the first word to the last; a refusal ends it and is written down."""
        self.programmer.open()
        try:
            visit.take_place(self)
        except RefusedError as refused:
            self.journal.refusals.append((self.bedside.now_ns(), str(refused)))
        finally:
            self.programmer.close()

    def wait(self, duration_ns: int) -> None:
        """Let the pump run on."""
        self.bedside.wait_until(self.bedside.now_ns() + duration_ns)

    def act(self, kind: str, **fields: str | float) -> dict[str, int]:
        """Move liquid with the hand: a stimulus of that kind, now."""
        return self.bedside.act(stimuli.ADAPTER.validate_python({"kind": kind, **fields}))

    def calendar_s(self) -> int:
        """The date, in unix seconds."""
        return self._start_s + self.bedside.now_ns() // stimuli.SECOND

    def status(self) -> m.StatusPart:
        """The state as the pump believes it."""
        reply = self.programmer.ask(m.GetStatus())
        assert isinstance(reply, m.Status)
        return reply.status


class Implant(c.Section):
    """After surgery: the programmer sets the pump's clock and has it test itself."""

    SPAN_NS: ClassVar[int] = 0
    kind: Literal["implant"]

    def take_place(self, clinic: Clinic) -> None:
        """Once, at the beginning."""
        clinic.programmer.ask(m.Identify())
        clinic.programmer.command(m.SetClock(rtc_s=clinic.calendar_s()))
        clinic.programmer.command(m.RunSelfTest())


class Refill(c.Section):
    """Withdraw what is left, fill, and declare both; the declaration may be wrong."""

    SPAN_NS: ClassVar[int] = 8 * stimuli.MINUTE
    kind: Literal["refill"]
    fill: str = Field(
        description="name of a [fill.NAME] table: what is declared and, by default, done"
    )
    volume: c.VolumeNl | None = Field(
        default=None, description="what the syringe really puts in", gt=0
    )
    into: Literal["reservoir", "pocket", "bolus_path", "nowhere"] = Field(
        default="reservoir", description="where the needle really is; nowhere: it is never used"
    )
    push: c.DurationNs = Field(
        default=c.text("2 min"),
        description="through the bolus path",
        ge=stimuli.SECOND,
        le=5 * stimuli.MINUTE,
    )
    viscosity_ratio: float | None = Field(
        default=None, description="what the syringe really holds, against water", ge=0.5, le=100
    )
    declared_volume: c.VolumeNl | None = Field(
        default=None, description="what is typed into the programmer", gt=0
    )
    declared_withdrawn: c.VolumeNl | None = Field(
        default=None, description="likewise; by default what really came", ge=0
    )
    reason: Literal["drug_change", "verify_pump", "drug_expired", "explant", "other"] | None = (
        Field(default=None, description="needed for a refill sooner than usual")
    )

    def take_place(self, clinic: Clinic) -> None:
        """Announce, withdraw, fill, declare: eight minutes."""
        fill = clinic.fills[self.fill]
        at_ns, residual_nl = clinic.bedside.now_ns(), clinic.bedside.residual_nl()
        status = clinic.status()
        bounds = status.dose_total_between_ng
        between_ng = None if bounds is None else (bounds.low, bounds.high)
        clinic.journal.note_dose(status.dose_total_ng, between_ng)
        clinic.programmer.command(m.BeginRefill())
        clinic.wait(2 * stimuli.MINUTE)
        used = self.into != "nowhere"
        withdrawn_nl = clinic.act("withdraw")["withdrawn_nl"] if used else 0
        clinic.wait(5 * stimuli.MINUTE - self.push)
        filled_nl = self.volume or fill.volume
        self._push(clinic, fill, filled_nl)
        clinic.wait(self.push + stimuli.MINUTE)
        believed = status.residual_volume_nl
        row = RefillRow(
            at_ns=at_ns,
            drug=fill.drug,
            into=self.into,
            residual_nl=residual_nl,
            believed_residual_nl=None if believed is None else believed.estimate,
            withdrawn_nl=withdrawn_nl,
            filled_nl=filled_nl,
            declared_withdrawn_nl=_or(self.declared_withdrawn, withdrawn_nl),
            declared_filled_nl=_or(self.declared_volume, fill.volume),
        )
        clinic.journal.refills.append(row)
        self._declare(clinic, fill, row)

    def _push(self, clinic: Clinic, fill: FillSection, volume_nl: int) -> None:
        liquid: dict[str, str | float] = {
            "volume": f"{volume_nl} nL",
            "drug": fill.drug,
            "concentration": f"{fill.concentration} ng/mL",
            "viscosity_ratio": self.viscosity_ratio or fill.viscosity_ratio,
        }
        match self.into:
            case "nowhere":
                pass
            case "reservoir":
                clinic.act("fill", **liquid)
            case "pocket":
                clinic.act("fill_pocket", volume=f"{volume_nl} nL")
            case "bolus_path":
                clinic.act("inject_bolus", **liquid, duration=f"{self.push // 10**6} ms")

    def _declare(self, clinic: Clinic, fill: FillSection, row: RefillRow) -> None:
        programmer = clinic.programmer
        declared = m.Refill(
            withdrawn_nl=row.declared_withdrawn_nl,
            filled_nl=row.declared_filled_nl,
            drug=fill.drug,
            concentration_ng_per_ml=fill.concentration,
            viscosity_permille=round(fill.viscosity_ratio * 1_000),
            batch=fill.batch,
            stability_s=fill.stability_s,
        )
        report = programmer.ask(m.ReadConfiguration())
        assert isinstance(report, m.ConfigurationReport)
        early = self.reason is not None
        commit = m.CommitRefill(
            refill=declared,
            reason=REASONS[self.reason] if self.reason is not None else None,
            previous_refill_id=report.last_refill_id if early else None,
        )
        try:
            programmer.command(commit)
        except RefusedError:
            programmer.command(m.AbortRefill())
            raise
        clinic.journal.drug = fill.drug


class PerfusionCheck(c.Section):
    """Radiology injects a tracer through the bolus path and sees where it goes."""

    SPAN_NS: ClassVar[int] = 4 * stimuli.MINUTE
    kind: Literal["perfusion_check"]
    tracer: c.Name = Field(default="Tc-99m MAA", description="what")
    volume: c.VolumeNl = Field(default=c.text("3 mL"), description="put in", gt=0, le=10_000_000)

    def take_place(self, clinic: Clinic) -> None:
        """Announce, inject over a minute, declare: four minutes."""
        programmer = clinic.programmer
        programmer.command(m.BeginBolusAccess(drug=self.tracer, concentration_ng_per_ml=0))
        clinic.wait(stimuli.MINUTE)
        clinic.act("inject_bolus", volume=f"{self.volume} nL", drug=self.tracer, duration="1 min")
        clinic.wait(3 * stimuli.MINUTE)
        programmer.command(m.EndBolusAccess(injected_nl=self.volume))


class Acknowledge(c.Section):
    """The clinician reads the alarms and acknowledges each one."""

    SPAN_NS: ClassVar[int] = 0
    kind: Literal["acknowledge"]

    def take_place(self, clinic: Clinic) -> None:
        """Page by page, oldest first."""
        after, more = 0, True
        while more:
            page = clinic.programmer.ask(m.ListAlarms(after_occurrence=after))
            assert isinstance(page, m.AlarmList)
            for alarm in page.alarms:
                after = alarm.occurrence
                if not alarm.acknowledged:
                    clinic.programmer.command(
                        m.AcknowledgeAlarm(alarm=alarm.alarm, occurrence=alarm.occurrence)
                    )
            more = page.more


class Explant(c.Section):
    """The pump is taken out: the run ends here. It refuses while drug is in it (RES-13)."""

    SPAN_NS: ClassVar[int] = 0
    kind: Literal["explant"]

    def take_place(self, clinic: Clinic) -> None:
        """Once, at the end."""
        clinic.programmer.command(m.Explant())


class Say(c.Section):
    """A programmer sends one message, whatever it is; a refusal is written down."""

    SPAN_NS: ClassVar[int] = 0
    kind: Literal["request"]
    send: str = Field(
        description='a request without its header, as MQTT carries it: {"type": "begin_refill"}'
    )

    @field_validator("send")
    @classmethod
    def _is_request(cls, value: str) -> str:
        _request(value)
        return value

    def take_place(self, clinic: Clinic) -> None:
        """Once."""
        body = _request(self.send)
        if isinstance(body, m.Command):
            clinic.programmer.command(body)
        else:
            clinic.programmer.ask(body)


def _request(text: str) -> m.Ask | m.Command:
    """The message; ValueError when it is none that can be sent."""
    content = json.loads(text)
    name = content.pop("type", None) if isinstance(content, dict) else None
    kind = BY_NAME.get(name) if isinstance(name, str) else None
    if kind is None or not issubclass(kind, m.Ask | m.Command):
        raise ValueError(f"{name!r} is no request; {c.suggest(str(name), REQUESTS)}")
    body = kind.model_validate(from_plain(kind, content))
    assert isinstance(body, m.Ask | m.Command)
    return body


Visit = Implant | Refill | PerfusionCheck | Acknowledge | Say | Explant
AnyVisit = Annotated[Visit, Field(discriminator="kind")]


def _or(typed: int | None, default: int) -> int:
    return default if typed is None else typed
