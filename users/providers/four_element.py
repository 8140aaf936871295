"""Name, ID number, phone and card, protocol four-element-v1."""

from lending.common import http
from users.providers.base import RESULTS, Subject, Verdict, malformed
from users.queries import SourceView


def check(source: SourceView, subject: Subject) -> Verdict:
    reply = http.call(
        vendor=source.code,
        method="POST",
        url=source.endpoint,
        json={
            "name": subject.name,
            "id_number": subject.id_number,
            "phone": subject.phone,
            "card_number": subject.card_number,
        },
        client_id=source.client_id,
        secret=source.secret,
        timeout_ms=source.timeout_ms,
    )
    if reply.get("result") not in RESULTS:
        raise malformed(source, "result", reply)
    bank, card_type = reply.get("bank"), reply.get("card_type")
    if reply["result"] == "match" and not (isinstance(bank, str) and card_type in ("debit", "credit")):
        raise malformed(source, "bank or card_type", reply)
    return Verdict(result=reply["result"], raw=reply, bank=bank or "", card_type=card_type or "")
