"""What a reviewer sees of a case: read from every app's queries, personal data masked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lending import queries as lending
from lending.common.crypto import mask_id, mask_name, mask_phone
from lending.common.errors import NotFound
from lending.common.logs import redact
from lending.common.money import format_cents, percent
from review import queries
from review.admin.acts import buttons
from risk import queries as risk
from users import queries as users


@dataclass(frozen=True)
class Section:
    title: str
    rows: tuple[tuple[str, Any], ...]


def context(case: queries.CaseView, *, user_id: int, at: datetime) -> dict[str, Any]:
    application = lending.application(case.application_id)
    sections = [_case(case, at), _application(application), _offer(application), _person(application.user_id, at)]
    decision = _decision(application.decision_id)
    return {
        "case": case,
        "sections": sections,
        "reasons": lending.reasons(list(application.reasons)),
        "decision": decision,
        "variables": sorted(_flat(decision.inputs)) if decision else [],
        "supplements": lending.supplements_of(case.application_id),
        "history": [(row, users.actor_name(row.actor)) for row in queries.actions_of(case.id)],
        "buttons": buttons(case, user_id),
    }


def _decision(decision_id: int | None) -> risk.DecisionView | None:
    """None where the id, which has no foreign key, leads nowhere."""
    try:
        return risk.decision(decision_id) if decision_id else None
    except NotFound:
        return None


def _money(amount_cents: int | None) -> str:
    return "-" if amount_cents is None else format_cents(amount_cents)


def _case(case: queries.CaseView, at: datetime) -> Section:
    return Section(
        "信审 Review",
        (
            ("队列 Queue", case.queue),
            ("轮次 Round", f"{case.round}{' 复议 appeal' if case.is_appeal else ''}"),
            ("优先级 Priority", case.priority(at) if case.closed_at is None else "-"),
            ("截止 Due", case.due_at),
            ("需要级别 Level needed", f"R{case.level_needed}"),
            ("例外 Exception", "是 yes" if case.is_exception else "否 no"),
            ("初审 Initial", _staff(case.initial_reviewer_id)),
            ("初审意见 Recommended", case.recommendation or "-"),
            ("终审 Final", _staff(case.final_reviewer_id)),
            ("持有人 Held by", _staff(case.claimed_by_id)),
            ("持有至 Held until", case.leased_until or "-"),
        ),
    )


def _staff(user_id: int | None) -> str:
    return users.actor_name(f"staff:{user_id}") if user_id else "-"


def _application(application: lending.ApplicationView) -> Section:
    return Section(
        "申请 Application",
        (
            ("编号 Number", application.public_id),
            ("状态 Status", application.status),
            ("产品 Product", application.product_code),
            ("渠道 Channel", application.channel_code),
            ("申请金额 Asked", _money(application.amount_cents)),
            ("期限 Months", application.months),
            ("还款方式 Method", application.method),
            ("用途 Purpose", application.purpose),
            ("提交 Submitted", application.submitted_at),
        ),
    )


def _offer(application: lending.ApplicationView) -> Section:
    offer = application.terms
    return Section(
        "机审结果 Offer of the machine",
        (
            ("等级 Grade", application.grade or "-"),
            ("金额 Amount", _money(offer.amount_cents if offer else None)),
            ("期限 Months", offer.months if offer else "-"),
            ("年利率 Price a year", percent(offer.annual_rate) if offer else "-"),
        ),
    )


def _person(user_id: int, at: datetime) -> Section:
    person = users.person(user_id)
    identity = users.identity_result(user_id, at)
    return Section(
        "借款人 Borrower",
        (
            ("姓名 Name", mask_name(person.name)),
            ("身份证 ID number", mask_id(person.id_number)),
            ("手机 Phone", mask_phone(person.phone)),
            ("实名核验 Identity", identity.state if identity else "-"),
            ("地区 Place", f"{person.province} {person.city}"),
            ("工作 Employment", f"{person.employment} {person.job}"),
            ("月收入 Net income", _money(person.net_income_cents)),
            ("其他月还 Instalments elsewhere", _money(person.instalments_elsewhere_cents)),
            ("等级 Level", person.level.code or "-"),
            ("标签 Tags", " ".join(person.tags) or "-"),
            (
                "联系人 Contacts",
                ", ".join(f"{row.relation} {mask_name(row.name)} {mask_phone(row.phone)}" for row in person.contacts),
            ),
        ),
    )


def _flat(value: Any, name: str = "") -> list[tuple[str, str]]:
    """Nested variables as dotted names; numbers that could be a person's are hidden."""
    if isinstance(value, Mapping):
        return [pair for key, inner in value.items() for pair in _flat(inner, f"{name}.{key}" if name else str(key))]
    return [(name, redact(str(value)))]
