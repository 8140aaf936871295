"""Name and ID number, protocol two-element-v1: English words, the result as a word."""

from lending.common import http
from users.providers.base import RESULTS, Subject, Verdict, malformed
from users.queries import SourceView


def check(source: SourceView, subject: Subject) -> Verdict:
    reply = http.call(
        vendor=source.code,
        method="POST",
        url=source.endpoint,
        json={"name": subject.name, "id_number": subject.id_number},
        client_id=source.client_id,
        secret=source.secret,
        timeout_ms=source.timeout_ms,
    )
    if reply.get("result") not in RESULTS:
        raise malformed(source, "result", reply)
    return Verdict(result=reply["result"], raw=reply)
