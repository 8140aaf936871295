"""From a variable in a stored decision back to the answer it came from.

A decision keeps its inputs and nothing about them, so lineage is found out when somebody looks: from the catalogue,
the assessment's pulls, the checks and the register of sources. It holds for old decisions as for new ones. What was
read is compared with what the raw answer says; a payload itself is shown nowhere here.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from lending import queries as lending
from lending.common.errors import NotFound
from risk.models import DataPull, Decision, PullState, Variable
from risk.queries.variables import OWN
from risk.rules.catalogue import VariableSpec, WrongType, value_at
from users import queries as users
from users.queries import SourceFacts

CHECKS = {"id2": "id2", "card4": "card4"}  # sources that are asked by a check: its kind
AFTER_STAGE = re.compile(r" after stage (\d+)$")
STATES = {
    "answered": "answered",
    "reused": "an earlier answer, still fresh",
    "absent": "not in the answer",
    "purged": "answered; the raw answer was deleted after its time",
    "later": "asked only after this step",
    "dead": "no answer",
    "no_consent": "not asked: no consent",
    "not_authorised": "not asked: not authorised by the borrower",
    "switched_off": "not asked: switched off",
    "no_device": "not asked: no device is known",
    "not_asked": "not asked",
    "no_check": "no answered check",
    "own": "own record",
    "unlisted": "no longer in the catalogue",
}


@dataclass(frozen=True, slots=True)
class ConsentLine:
    id: int
    code: str
    version: str
    given_at: datetime
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class Line:
    """One input and where it came from.

    state: a key of STATES. vendor: the source that really answered, maybe a fallback's or an earlier one's.
    price_cents: paid for this assessment; paid_then_cents: what the earlier answer cost. age_days: whole days between
    the answer and the decision. origin_pull_id: the pull that holds the raw answer, None once it is deleted. agrees:
    the raw answer still says the value; None where there is nothing to compare.
    """

    name: str
    value: Any = field(repr=False)
    type: str
    unit: str
    description_en: str
    description_zh: str
    source: str
    path: str
    state: str
    defaulted: bool = False
    own: str = ""
    vendor: str = ""
    vendor_name: str = ""
    recipient: str = ""
    note: str = ""
    price_cents: int | None = None
    paid_then_cents: int | None = None
    consent: ConsentLine | None = None
    consent_then: ConsentLine | None = None
    answered_at: datetime | None = None
    age_days: int | None = None
    pull_id: int | None = None
    origin_pull_id: int | None = None
    check_id: int | None = None
    agrees: bool | None = None

    @property
    def how(self) -> str:
        return STATES[self.state]


@dataclass(frozen=True, slots=True)
class Lineage:
    """`lines` in the order of the catalogue, then what is no longer in it."""

    decision_id: int
    public_id: UUID
    step: str
    decided_at: datetime
    user_id: int
    assessment_id: int
    application_id: int
    drawdown_id: int | None
    lines: tuple[Line, ...]


def lineage(decision_id: int) -> Lineage:
    """Raises NotFound."""
    row = Decision.objects.select_related("assessment").filter(pk=decision_id).first()
    if row is None:
        raise NotFound("There is no such decision.")
    return Lineage(
        decision_id=row.pk,
        public_id=row.public_id,
        step=row.step,
        decided_at=row.decided_at,
        user_id=row.assessment.user_id,
        assessment_id=row.assessment_id,
        application_id=row.assessment.application_id,
        drawdown_id=row.assessment.drawdown_id,
        lines=tuple(_Reader(row).lines()),
    )


def line(decision_id: int, name: str) -> Line:
    """Raises NotFound: the decision, or an input of that name."""
    found = next((each for each in lineage(decision_id).lines if each.name == name), None)
    if found is None:
        raise NotFound("The decision has no such input.")
    return found


class _Reader:
    """What lies around one decision, read once for all of its inputs."""

    def __init__(self, row: Decision) -> None:
        self.row = row
        self.inputs: Mapping[str, Any] = json.loads(row.inputs)
        self.sources = users.source_facts()
        pulls = DataPull.objects.filter(assessment_id=row.assessment_id).order_by("pk")
        self.pulls = list(pulls.select_related("consent", "reused_from__consent"))
        stage = AFTER_STAGE.search(row.step)
        self.last_stage = int(stage.group(1)) if stage else None

    def lines(self) -> list[Line]:
        known = {each.name: each for each in Variable.objects.filter(name__in=list(self.inputs))}
        listed = [self._line(variable) for variable in known.values()]
        gone = sorted(set(self.inputs) - set(known))
        return listed + [Line(name, self.inputs[name], "", "", "", "", "", "", "unlisted") for name in gone]

    def _line(self, variable: Variable) -> Line:
        plain = Line(
            name=variable.name,
            value=self.inputs[variable.name],
            type=variable.type,
            unit=variable.unit,
            description_en=variable.description_en,
            description_zh=variable.description_zh,
            source=variable.source,
            path=variable.path,
            state="own",
            defaulted=variable.name in self.row.defaulted,
            own=OWN.get(variable.source, ""),
        )
        if variable.source in CHECKS:
            return self._of_check(plain)
        if variable.source in OWN or variable.source not in self.sources:
            return plain
        return self._of_pull(plain, VariableSpec(*(getattr(variable, name) for name in SPEC)))

    def _of_pull(self, plain: Line, spec: VariableSpec) -> Line:
        asked = [pull for pull in self.pulls if pull.answers_for == plain.source]
        answering = [pull for pull in asked if pull.state == PullState.ANSWERED]
        if not answering:
            return self._silent(plain, asked)
        pull = answering[-1]
        if self._comes_later(pull):
            return replace(plain, state="later", pull_id=pull.pk)
        origin = pull.reused_from or pull
        is_gone = origin.purged_at is not None
        raw = _raw(spec, origin)
        known = None if plain.defaulted else plain.value
        if known is None and raw is not None:
            return replace(plain, state="later", pull_id=pull.pk)
        state = "absent" if raw is None else "reused" if pull.reused_from_id else "answered"
        state = "purged" if is_gone else state
        failed = [other for other in asked if other.state == PullState.DEAD]
        answered_at = origin.settled_at or origin.created_at
        return replace(
            self._vendor(plain, origin.source_code, origin.recipient),
            state=state,
            note="; ".join(_instead(other) for other in failed),
            price_cents=pull.price_cents,
            paid_then_cents=origin.price_cents if pull.reused_from_id else None,
            consent=_consent(pull),
            consent_then=_consent(origin) if pull.reused_from_id else None,
            answered_at=answered_at,
            age_days=(self.row.decided_at - answered_at).days,
            pull_id=pull.pk,
            origin_pull_id=None if is_gone else origin.pk,
            agrees=None if is_gone else raw == known,
        )

    def _silent(self, plain: Line, asked: list[DataPull]) -> Line:
        if not asked:
            why = self.row.assessment.skipped.get(plain.source, "not_asked")
            return replace(plain, state=why if why in STATES else "not_asked")
        last = asked[-1]
        if self._comes_later(last):
            return replace(plain, state="later", pull_id=last.pk)
        return replace(
            self._vendor(plain, last.source_code, last.recipient),
            state="dead",
            note="; ".join(f"{each.source_code}: {each.failure or each.state}" for each in asked),
            price_cents=sum(each.price_cents for each in asked),
            consent=_consent(last),
            pull_id=last.pk,
        )

    def _of_check(self, plain: Line) -> Line:
        assessment = self.row.assessment
        card_id = lending.drawdown(assessment.drawdown_id).card_id if assessment.drawdown_id else None
        kind = CHECKS[plain.source]
        found = None
        if isinstance(plain.value, str) and not plain.defaulted:
            of_card = card_id if kind == "card4" else None
            found = users.check_behind(assessment.user_id, kind, plain.value, self.row.decided_at, of_card)
        if found is None:
            return replace(plain, state="no_check")
        consent = users.consent(found.consent_id)
        given = ConsentLine(consent.id, consent.code, consent.version, consent.given_at, consent.withdrawn_at)
        vendor = found.source_code or plain.source
        recipient = self.sources[vendor].recipient if vendor in self.sources else ""
        return replace(
            self._vendor(plain, vendor, recipient),
            state="answered",
            note="a check of its own, before the assessment",
            price_cents=found.price_cents,
            consent=given,
            answered_at=found.checked_at,
            age_days=(self.row.decided_at - found.checked_at).days,
            check_id=found.id,
        )

    def _vendor(self, plain: Line, code: str, recipient: str) -> Line:
        facts: SourceFacts | None = self.sources.get(code)
        return replace(plain, vendor=code, vendor_name=facts.name_en if facts else code, recipient=recipient)

    def _comes_later(self, pull: DataPull) -> bool:
        """A run has one instant, so what a knock-out had not yet seen is told by its stage."""
        if self.last_stage is not None and pull.stage > self.last_stage:
            return True
        return bool(pull.settled_at and pull.settled_at > self.row.decided_at)


SPEC = ("name", "type", "nullable", "source", "path", "unit", "default")


def _raw(spec: VariableSpec, origin: DataPull) -> Any:
    """The variable in the raw answer; None where it is not there, or is of another type by now."""
    try:
        return value_at(spec, (origin.payload or {}).get("data") or {})
    except WrongType:
        return None


def _consent(pull: DataPull) -> ConsentLine:
    given = pull.consent
    return ConsentLine(given.pk, given.code, given.version, given.given_at, given.withdrawn_at)


def _instead(pull: DataPull) -> str:
    spent = f", {pull.price_cents / 100:.2f} spent" if pull.price_cents else ""
    return f"in place of {pull.source_code}, which gave no answer ({pull.failure}{spent})"
