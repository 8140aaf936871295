"""What a reviewer sees of a case: read from every app's queries, personal data masked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, groupby
from typing import Any

from lending import queries as lending
from lending.common.crypto import mask_id, mask_name, mask_phone
from lending.common.logs import redact
from lending.common.money import format_cents, format_known, percent
from review import queries
from review.admin.forms import Codes
from review.rules import contradictions
from risk import queries as risk
from risk.queries.lineage import Line, Lineage, lineage
from users import queries as users
from users.models import Province

FACES, DOCUMENTS = ("face", "face_photo"), ("id_front", "id_back", "id_document")
EARLIER = 20


@dataclass(frozen=True)
class Fact:
    """One line of a list; `late` draws the eye."""

    label: str
    value: Any
    late: bool = False


@dataclass(frozen=True)
class Step:
    """One decision of the machine. `page`: the number under which the risk pages know it."""

    name: str
    outcome: str
    release: str
    score: int | None
    grade: str
    reasons: tuple[str, ...]
    hits: tuple[str, ...]
    at: datetime
    page: int


@dataclass(frozen=True)
class SourceRows:
    """The variables that one source gave, and how old its answer was when the machine decided."""

    code: str
    state: str
    vendor: str
    answered_at: datetime | None
    age_days: int | None
    price_cents: int | None
    consent: str
    note: str
    rows: tuple[tuple[str, str, str, str], ...]


@dataclass(frozen=True)
class Earlier:
    application: lending.ApplicationView
    case_id: int | None


@dataclass(frozen=True)
class Picture:
    """Something that can be looked at for a reason: where it came from, and the file in the vault."""

    title: str
    source: str
    at: datetime | None
    file: str = field(repr=False)


@dataclass(frozen=True)
class Evidence:
    """Everything on the left of the page."""

    application: lending.ApplicationView
    inputs: Mapping[str, Any] = field(repr=False)
    reasons: Sequence[lending.ReasonView]
    asked: Sequence[Fact]
    person: Sequence[Fact]
    contradictions: Sequence[contradictions.Contradiction]
    steps: Sequence[Step]
    sources: Sequence[SourceRows]
    unanswered: Mapping[str, str]
    earlier: Sequence[Earlier]
    loans: Sequence[lending.LoanView]
    ties: Sequence[users.Tie]
    documents: Sequence[Picture]
    faces: Sequence[Picture]
    supplements: Sequence[lending.SupplementView]
    notes: Sequence[queries.NoteView]
    attachments: Sequence[queries.AttachmentView]
    history: Sequence[queries.ActionView]
    why: queries.WhyView | None
    timeline: Sequence[lending.EventView]
    names: Mapping[str, str]
    codes: Codes


def evidence(case: queries.CaseView, *, at: datetime) -> Evidence:
    application = lending.application(case.application_id)
    person = users.person(application.user_id)
    decisions = risk.decisions_of(application.id)
    inputs = _inputs(decisions)
    ties = users.network(application.user_id)
    notes, attachments = queries.notes_of(application.id), queries.attachments_of(application.id)
    supplements = lending.supplements_of(application.id)
    rounds = queries.rounds_of(application.id)
    history = [row for _, rows in rounds for row in rows]
    events = lending.timeline(application.id)
    actors = {row.actor for row in history} | {row.actor for row in events}
    actors |= {row.by for row in notes} | {row.by for row in attachments}
    found = _sorted(_brought(supplements), _kept(application.user_id), _attached(attachments))
    codes = Codes(decisions)
    reasons = {row.code: row for row in codes.reasons}
    return Evidence(
        application=application,
        inputs=inputs,
        reasons=[reasons[code] for code in application.reasons],
        asked=_asked(application),
        person=_person(person, at),
        contradictions=contradictions.found(_facts(person, inputs, ties), format_cents),
        steps=[_step(row) for row in decisions],
        sources=_sources(_lineage(application.decision_id, decisions)),
        unanswered=risk.sources_silent(application.id),
        earlier=_earlier(application),
        loans=lending.loans_of(application.user_id),
        ties=ties,
        documents=found[DOCUMENTS],
        faces=found[FACES],
        supplements=supplements,
        notes=notes,
        attachments=attachments,
        history=history,
        why=queries.why_of(row for one, rows in rounds if one.id == case.id for row in rows),
        timeline=events,
        names=users.actor_names(actors),
        codes=codes,
    )


def inputs_of(application_id: int) -> dict[str, Any]:
    """What the machine knew, by variable, as it last knew it."""
    return _inputs(risk.decisions_of(application_id))


def _inputs(decisions: Sequence[risk.DecisionView]) -> dict[str, Any]:
    return {name: value for decision in decisions for name, value in decision.inputs.items()}


def _asked(application: lending.ApplicationView) -> list[Fact]:
    offer = application.terms
    return [
        Fact("产品 Product", application.product_code),
        Fact("渠道 Channel", application.channel_code),
        Fact("申请金额 Asked", f"{format_known(application.amount_cents)}, {application.months or '-'} months"),
        Fact("还款方式 Method", application.method.replace("_", " ") or "-"),
        Fact("用途 Purpose", f"{application.purpose} ({application.purpose_category or '-'})"),
        Fact("机审额度 Offered", f"{format_known(application.offered_cents)}, grade {application.grade or '-'}"),
        Fact("年利率 Price a year", percent(offer.annual_rate) if offer else "-"),
    ]


def _person(person: users.Person, at: datetime) -> list[Fact]:
    identity = users.identity_result(person.user_id, at, declared=person)
    hits = users.list_hits(person.user_id, at)
    checked = identity.state if identity else "not checked"
    listed = ", ".join(f"{hit.kind} {hit.subject}" for hit in hits) or "none"
    contacts = ", ".join(f"{row.relation} {mask_name(row.name)} {mask_phone(row.phone)}" for row in person.contacts)
    return [
        Fact("姓名 Name", mask_name(person.name)),
        Fact("身份证 ID number", mask_id(person.id_number)),
        Fact("手机 Phone", mask_phone(person.phone)),
        Fact("实名核验 Identity", checked, checked != "passed"),
        Fact("名单 Lists", listed, any(hit.kind != "white" for hit in hits)),
        Fact("地区 Lives in", f"{_province(person.province)} {person.city}"),
        Fact("工作 Employment", f"{person.employment.replace('_', ' ')} {person.job}"),
        Fact("单位 Employer", "•••" if person.employer else "not given"),
        Fact("月收入 Net income a month", format_known(person.net_income_cents)),
        Fact("其他月还 Instalments elsewhere", format_known(person.instalments_elsewhere_cents)),
        Fact("等级 Level", person.level.code or "-"),
        Fact("标签 Tags", " ".join(users.live_tags(person.user_id, at)) or "-"),
        Fact("联系人 Contacts", contacts or "none"),
    ]


def _province(code: str) -> str:
    return str(Province(code).label) if code in Province.values else code


def _facts(person: users.Person, inputs: Mapping[str, Any], ties: Sequence[users.Tie]) -> contradictions.Facts:
    shared = {tie.kind: len(tie.people) for tie in ties}
    numbers = [row.phone_index for row in person.contacts]
    return contradictions.Facts(
        declared_income_cents=person.net_income_cents,
        verified_income_cents=inputs.get("verified_income_cents"),
        declared_instalments_cents=person.instalments_elsewhere_cents,
        reported_instalments_cents=inputs.get("monthly_instalments_cents"),
        open_credits=inputs.get("open_credits"),
        home_place=_province(person.province),
        phone_place=users.phone_place(person.phone),
        employment=person.employment,
        employer=person.employer,
        work_months=inputs.get("work_months"),
        home_months=inputs.get("home_months"),
        phone_match=inputs.get("phone_match"),
        identity_state=inputs.get("identity_state"),
        contacts=len(numbers),
        contact_numbers=len(set(numbers)),
        own_number_named=bool(person.phone_index) and person.phone_index in numbers,
        named_by=shared["named_by"],
        device_accounts=inputs.get("device_accounts_7d"),
        device_emulator=inputs.get("device_emulator"),
        same_device=shared["device"],
        same_contact=shared["contact"],
        same_card=shared["card"],
        same_address=shared["address"],
    )


def _step(row: risk.DecisionView) -> Step:
    hits = tuple(" ".join(str(value) for value in hit.values() if value not in ("", None)) for hit in row.hits)
    return Step(row.step, row.outcome, row.release, row.score, row.grade, row.reasons, hits, row.decided_at, row.id)


def _lineage(decision_id: int | None, decisions: Sequence[risk.DecisionView]) -> Lineage | None:
    """None where the id, which has no foreign key, leads nowhere."""
    return lineage(decision_id) if decision_id in {row.id for row in decisions} and decision_id else None


def _sources(found: Lineage | None) -> list[SourceRows]:
    lines = sorted(found.lines, key=lambda line: line.source) if found else []
    return [_source(code, list(group)) for code, group in groupby(lines, key=lambda line: line.source)]


def _source(code: str, lines: list[Line]) -> SourceRows:
    answered = next((line for line in lines if line.answered_at), lines[0])
    consent = answered.consent
    return SourceRows(
        code=code or "-",
        state=answered.how,
        vendor=answered.vendor_name or answered.own,
        answered_at=answered.answered_at,
        age_days=answered.age_days,
        price_cents=answered.price_cents,
        consent=f"{consent.code} {consent.version}" if consent else "",
        note=answered.note,
        rows=tuple((line.name, _value(line), line.description_zh, line.description_en) for line in lines),
    )


def _value(line: Line) -> str:
    """As people read it; numbers that could be a person's are hidden."""
    if line.value is None:
        return "unknown"
    if line.unit == "cents" and isinstance(line.value, int):
        return format_cents(line.value)
    if isinstance(line.value, bool):
        return "yes" if line.value else "no"
    shown = ", ".join(map(str, line.value)) or "none" if isinstance(line.value, list) else str(line.value)
    return f"{redact(shown)} {line.unit}".strip()


def _earlier(application: lending.ApplicationView) -> list[Earlier]:
    """The borrower's other applications, newest first."""
    others = sorted(lending.applications_of(application.user_id), key=lambda row: row.created_at, reverse=True)
    others = [row for row in others if row.id != application.id][:EARLIER]
    cases = queries.cases_of([row.id for row in others])
    return [Earlier(row, cases.get(row.id)) for row in others]


def pictures(application_id: int) -> dict[tuple[str, ...], list[Picture]]:
    """Of an application: DOCUMENTS and FACES."""
    user_id = lending.application(application_id).user_id
    return _sorted(
        _brought(lending.supplements_of(application_id)),
        _kept(user_id),
        _attached(queries.attachments_of(application_id)),
    )


Kinds = Iterable[tuple[str, Picture]]


def _sorted(*places: Kinds) -> dict[tuple[str, ...], list[Picture]]:
    """`places`: where pictures come from, what is looked at first before the others."""
    found = [*chain(*places)]
    return {kinds: [picture for kind, picture in found if kind in kinds] for kinds in (DOCUMENTS, FACES)}


def _brought(supplements: Sequence[lending.SupplementView]) -> Kinds:
    for row in supplements:
        for item in row.items:
            if item.file:
                yield item.kind, Picture(item.request_text, "sent by the borrower", row.answered_at, item.file)


def _kept(user_id: int) -> Kinds:
    for row in users.certificates_in_use(user_id):
        yield row.kind, Picture(row.title, "kept by the borrower", row.uploaded_at, row.file)


def _attached(attachments: Sequence[queries.AttachmentView]) -> Kinds:
    for row in attachments:
        yield row.kind, Picture(row.title, "put here by staff", row.at, row.file)
