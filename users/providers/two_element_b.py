"""Name and ID number, protocol two-element-b: pinyin initials, an inner code beside HTTP's, the result as a number."""

from lending.common import http
from lending.common.vendor_codes import HENGZHENG, failure
from users.providers.base import Subject, Verdict, malformed
from users.queries import SourceView

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
        raise malformed(source, "code", reply)
    if reply["code"] != 0:
        raise failure(HENGZHENG, reply["code"], vendor=source.code)
    data = reply.get("data")
    if not isinstance(data, dict) or data.get("verdict") not in RESULTS:
        raise malformed(source, "verdict", reply)
    return Verdict(result=RESULTS[data["verdict"]], raw=reply)
