"""What a checker judges by: the case as the reviewers found it, without what they, or anybody after them, said.

The state, amount and reasons of the application are of after the verdict, so they are taken from what was offered and
from what the machine said. Personal data is masked.
"""

from collections.abc import Mapping
from typing import Any

from lending import queries as lending
from lending.common.crypto import mask_id, mask_name, mask_phone
from lending.common.errors import NotFound
from lending.common.logs import redact
from lending.common.money import format_known, percent
from review.models import Action, SecondLook
from review.queries import actions_of
from risk import queries as risk
from users import queries as users

Rows = tuple[tuple[str, Any], ...]


def of(look: SecondLook) -> dict[str, Any]:
    application = lending.application(look.case.application_id)
    decision = _decision(application.decision_id)
    first = next((row for row in actions_of(look.case_id) if row.action == Action.OPEN), None)
    codes = list(decision.reasons if decision else first.reasons if first else ())
    return {
        "sections": [
            ("申请 Application", _application(application)),
            ("机审 What the machine offered", _offer(application, decision)),
            ("借款人 Borrower", _person(application.user_id)),
        ],
        "machine_reasons": lending.reasons(codes),
        "hits": decision.hits if decision else (),
        "variables": sorted(_flat(decision.inputs)) if decision else [],
        "supplements": lending.supplements_of(application.id),
    }


def _decision(decision_id: int | None) -> risk.DecisionView | None:
    try:
        return risk.decision(decision_id) if decision_id else None
    except NotFound:
        return None


def _application(row: lending.ApplicationView) -> Rows:
    return (
        ("产品 Product", row.product_code),
        ("渠道 Channel", row.channel_code),
        ("申请金额 Asked", format_known(row.amount_cents)),
        ("期限 Months", row.months),
        ("还款方式 Method", row.method),
        ("用途 Purpose", row.purpose),
        ("提交 Submitted", row.submitted_at),
    )


def _offer(row: lending.ApplicationView, decision: risk.DecisionView | None) -> Rows:
    price = percent(decision.annual_rate) if decision and decision.annual_rate is not None else "-"
    return (
        ("等级 Grade", row.grade or "-"),
        ("评分 Score", decision.score if decision and decision.score is not None else "-"),
        ("额度 Amount", format_known(row.offered_cents)),
        ("年利率 Price a year", price),
    )


def _person(user_id: int) -> Rows:
    person = users.person(user_id)
    contacts = ", ".join(f"{row.relation} {mask_name(row.name)} {mask_phone(row.phone)}" for row in person.contacts)
    return (
        ("姓名 Name", mask_name(person.name)),
        ("身份证 ID number", mask_id(person.id_number)),
        ("手机 Phone", mask_phone(person.phone)),
        ("地区 Place", f"{person.province} {person.city}"),
        ("工作 Employment", f"{person.employment} {person.job}"),
        ("月收入 Net income", format_known(person.net_income_cents)),
        ("其他月还 Instalments elsewhere", format_known(person.instalments_elsewhere_cents)),
        ("联系人 Contacts", contacts or "-"),
    )


def _flat(value: Any, name: str = "") -> list[tuple[str, str]]:
    if isinstance(value, Mapping):
        return [pair for key, inner in value.items() for pair in _flat(inner, f"{name}.{key}" if name else str(key))]
    return [(name, redact(str(value)))]
