"""The second bureau, in a wire of its own: form fields, a return code at HTTP 200, all values as text, money in yuan.

It knows what the first one does. `force` by person: no_record, busy, over_quota, in_progress, bad_contract, or any
return code that it has not told us of ("7777").
"""

from decimal import Decimal
from hashlib import sha256
from typing import Any

from risk.rules import sample

from .. import applicants
from ..door import Answer, Call

CODES = {
    "no_record": ("1001", "no record of this person"),
    "bad_contract": ("2001", "product not bought"),
    "in_progress": ("3001", "the report is being made"),
    "busy": ("9001", "system busy"),
    "over_quota": ("9002", "too many requests"),
}
BAD_CERTIFICATE = ("2002", "certNo is wrong")
RECORDS = ("none_or_all_paid", "all_paid_here", "existing_paid", "past_delay", "critical_or_elsewhere")
PLANS = ("none", "bank", "stores")


def report(call: Call) -> Answer:
    request_id, person = call.text("reqNo"), call.person()
    call.text("custName")
    forced = call.forced(person)
    code, words = CODES.get(forced or "", (forced, "") if forced and forced.isdecimal() else ("0000", "OK"))
    if person is None or not applicants.is_id_number(call.text("certNo")):
        code, words = BAD_CERTIFICATE
    said: dict[str, Any] = {"retCode": code, "retMsg": words, "reqNo": request_id}
    if code == "0000" and person is not None:
        known = sample.vendor_answers(applicants.rows()[person.row - 1])["bureau"]
        said |= {"flowNo": sha256(f"bureau_b {request_id}".encode()).hexdigest()[:20].upper(), "report": _told(known)}
    return Answer(said)


def _told(known: dict[str, Any]) -> dict[str, str]:
    return {
        "recordClass": str(RECORDS.index(known["credit_history"]) + 1),
        "accountNum": str(known["open_credits"]),
        "planType": str(PLANS.index(known["instalment_plans"])),
        "overdueAmt": f"{Decimal(known['overdue_now_cents']) / 100:.2f}",
        "maxOverdueDays": str(known["worst_days_late_24m"]),
        "monthPay": f"{Decimal(known['monthly_instalments_cents']) / 100:.2f}",
    }


ROUTES = (("bureau_b", "POST", "/bureau2/report", report),)
