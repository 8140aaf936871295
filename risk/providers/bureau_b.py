"""Protocol bureau-b, the second bureau: form fields out; back a return code at HTTP 200, and all values as text.

Amounts are yuan ("1250.00"), classes of the record are numbers. `data` is the report in the catalogue's words and
units; `raw` is the reply as it came.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp

from lending.common import http
from lending.common.errors import Malformed, PermanentError, TransientError
from lending.common.vendor_codes import Codes, failure
from risk.providers.base import Subject
from users.queries import SourceView

OK = "0000"
CODES: Codes = {
    "1001": (PermanentError, "no_record"),
    "2001": (PermanentError, "bad_contract"),
    "2002": (PermanentError, "bad_certificate"),
    "3001": (TransientError, "in_progress"),  # the same reqNo is one report and one bill, however often it is asked
    "9001": (TransientError, "busy"),
    "9002": (TransientError, "over_quota"),
}
RECORDS = {
    "1": "none_or_all_paid",
    "2": "all_paid_here",
    "3": "existing_paid",
    "4": "past_delay",
    "5": "critical_or_elsewhere",
}
PLANS = {"0": "none", "1": "bank", "2": "stores"}


def _number(text: str) -> int:
    """Raises ValueError; TypeError for what is no text."""
    if not re.fullmatch("[0-9]{1,9}", text):
        raise ValueError("no number")
    return int(text)


def _cents(yuan: str) -> int:
    """Raises ValueError; TypeError for what is no text."""
    if not re.fullmatch(r"[0-9]{1,12}\.[0-9]{2}", yuan):
        raise ValueError("no amount")
    return int(yuan.replace(".", ""))


REPORT: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "credit_history": ("recordClass", RECORDS.__getitem__),
    "open_credits": ("accountNum", _number),
    "instalment_plans": ("planType", PLANS.__getitem__),
    "overdue_now_cents": ("overdueAmt", _cents),
    "worst_days_late_24m": ("maxOverdueDays", _number),
    "monthly_instalments_cents": ("monthPay", _cents),
}


async def query(*, client: aiohttp.ClientSession, source: SourceView, key: str, subject: Subject) -> Mapping[str, Any]:
    reply = await http.acall(
        client=client,
        vendor=source.code,
        method="POST",
        url=source.endpoint,
        client_id=source.client_id,
        secret=source.secret,
        timeout_ms=source.timeout_ms,
        form={"reqNo": key, "custName": subject.name, "certNo": subject.id_number},
    )
    if not isinstance(reply.get("retCode"), str) or reply.get("reqNo") != key:
        raise Malformed("not an answer to this question", vendor=source.code, raw=reply)
    if reply["retCode"] != OK:
        raise failure(CODES, reply["retCode"], vendor=source.code)
    report = reply.get("report")
    if not isinstance(report, dict):
        raise Malformed("no report", vendor=source.code, raw=reply)
    data: dict[str, Any] = {}
    for variable, (name, read) in REPORT.items():
        try:
            data[variable] = read(report[name])
        except (KeyError, TypeError, ValueError):
            raise Malformed(f"report.{name}", vendor=source.code, raw=reply) from None
    return {"request_id": key, "vendor_ref": reply.get("flowNo"), "data": data, "raw": reply}
