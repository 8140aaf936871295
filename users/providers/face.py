"""Comparison of a face with the person's official picture, protocol face-v1.

The vendor's own page (or kit inside an app) looks at who is before the camera, keeps the picture, and gives a token for
it: we never have the picture. The page stands beside the endpoint, under `live`. A token works once.
"""

from urllib.parse import urlencode, urljoin

from lending.common import http
from lending.common.errors import PermanentError
from users.providers.base import RESULTS, Subject, Verdict, malformed
from users.queries import SourceView

LEAST_SCORE = 80  # of 100; below it two faces are not taken for one
OF_THE_TOKEN = ("bad_token", "token_expired", "token_used")


def page(source: SourceView, *, return_url: str, state: str) -> str:
    """Where a browser is sent; it comes back to `return_url` with `state` and `liveness_token`."""
    query = urlencode({"client_id": source.client_id, "return_url": return_url, "state": state})
    return f"{urljoin(source.endpoint, 'live')}?{query}"


def check(source: SourceView, subject: Subject) -> Verdict:
    """Whether it was a living person, and the one of this name and number."""
    try:
        reply = http.call(
            vendor=source.code,
            method="POST",
            url=source.endpoint,
            json={
                "request_id": subject.key,
                "name": subject.name,
                "id_number": subject.id_number,
                "liveness_token": subject.liveness,
            },
            client_id=source.client_id,
            secret=source.secret,
            timeout_ms=source.timeout_ms,
        )
    except PermanentError as error:
        if error.code in OF_THE_TOKEN:
            return Verdict(result="not_live", raw={"error": error.code})
        raise
    if reply.get("request_id") != subject.key:
        raise malformed(source, "request_id")
    if reply.get("liveness") not in ("passed", "failed") or reply.get("result") not in RESULTS:
        raise malformed(source, "liveness or result")
    score = reply.get("score")
    if type(score) is not int or not 0 <= score <= 100:
        raise malformed(source, "score")
    if reply["liveness"] == "failed":
        return Verdict(result="not_live", raw=reply)
    too_far = reply["result"] == "match" and score < LEAST_SCORE
    return Verdict(result="mismatch" if too_far else reply["result"], raw=reply)
