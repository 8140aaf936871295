"""Name and ID number, protocol two-element-b: pinyin initials, an inner code beside HTTP's, the result as a number."""

from lending.common import http
from lending.common.errors import PermanentError, TransientError
from lending.common.vendor_codes import Codes, failure
from users.providers.base import Subject, Verdict, malformed
from users.queries import SourceView

CODES: Codes = {
    "4001": (PermanentError, "bad_contract"),
    "4002": (PermanentError, "bad_number"),
    "5001": (TransientError, "busy"),
    "5002": (TransientError, "over_quota"),
}
RESULTS = {1: "match", 2: "mismatch", 3: "no_record"}


def check(source: SourceView, subject: Subject) -> Verdict:
    reply = http.call(
        vendor=source.code,
        method="POST",
        url=source.endpoint,
        json={"xm": subject.name, "sfzh": subject.id_number},
        client_id=source.client_id,
        secret=source.secret,
        timeout_ms=source.timeout_ms,
    )
    if type(reply.get("code")) is not int:
        raise malformed(source, "code")
    if reply["code"] != 0:
        raise failure(CODES, reply["code"], vendor=source.code)
    data = reply.get("data")
    if not isinstance(data, dict) or data.get("verdict") not in RESULTS:
        raise malformed(source, "verdict")
    return Verdict(result=RESULTS[data["verdict"]], raw=reply)
