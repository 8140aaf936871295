"""Name, ID number, phone and card, protocol four-element-b: form fields out; back one response code for both the
verdict and what went wrong, at HTTP 200, as the card networks have it.
"""

from lending.common import http
from lending.common.errors import PermanentError, TransientError
from lending.common.vendor_codes import Codes, failure
from users.providers.base import Subject, Verdict, malformed
from users.queries import SourceView

RESULTS = {"00": "match", "05": "mismatch", "25": "no_record"}
CARD_TYPES = {"01": "debit", "02": "credit"}
CODES: Codes = {
    "03": (PermanentError, "bad_contract"),
    "14": (PermanentError, "bad_number"),
    "61": (TransientError, "over_quota"),
    "98": (TransientError, "busy"),
}


def check(source: SourceView, subject: Subject) -> Verdict:
    reply = http.call(
        vendor=source.code,
        method="POST",
        url=source.endpoint,
        form={
            "orderId": subject.key,
            "accNo": subject.card_number,
            "customerNm": subject.name,
            "certifId": subject.id_number,
            "phoneNo": subject.phone,
        },
        client_id=source.client_id,
        secret=source.secret,
        timeout_ms=source.timeout_ms,
    )
    if not isinstance(reply.get("respCode"), str) or reply.get("orderId") != subject.key:
        raise malformed(source, "respCode or orderId")
    if reply["respCode"] not in RESULTS:
        raise failure(CODES, reply["respCode"], vendor=source.code)
    result = RESULTS[reply["respCode"]]
    bank, kind = reply.get("issInsName"), reply.get("accType")
    if result != "match":
        return Verdict(result=result, raw=reply, bank=bank if isinstance(bank, str) else "")
    if not (isinstance(bank, str) and bank and isinstance(kind, str) and kind in CARD_TYPES):
        raise malformed(source, "issInsName or accType")
    return Verdict(result=result, raw=reply, bank=bank, card_type=CARD_TYPES[kind])
