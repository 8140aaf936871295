"""Protocol risk-v1: `{request_id, subject}` → `{request_id, vendor_ref, data}`; a source gets only its own fields.

A source that needs the person's authorisation is sent its token, too, as `authorisation`.
"""

from collections.abc import Mapping
from typing import Any

import aiohttp

from lending.common import http
from lending.common.errors import Malformed, PermanentError
from risk.providers.base import Subject
from users.queries import SourceView

FIELDS: dict[str, tuple[str, ...]] = {
    "phone_vendor": ("name", "id_number", "phone"),
    "phone_list_vendor": ("id_number", "phone"),
    "device_vendor": ("device_id",),
    "blacklist_vendor": ("name", "id_number", "phone"),
    "aml_vendor": ("name", "id_number", "birth_date"),
    "multi_lender_vendor": ("id_number", "phone"),
    "operator_vendor": ("name", "id_number", "phone"),
    "bureau": ("name", "id_number"),
    "bankflow_vendor": ("name", "id_number"),
}


async def query(*, client: aiohttp.ClientSession, source: SourceView, key: str, subject: Subject) -> Mapping[str, Any]:
    try:
        fields = FIELDS[source.recipient]
    except KeyError:
        raise PermanentError("no fields agreed", vendor=source.code, code="not_agreed") from None
    values = {name: getattr(subject, name) for name in fields}
    if values.get("birth_date"):
        values["birth_date"] = values["birth_date"].isoformat()
    body: dict[str, Any] = {"request_id": key, "subject": values}
    if source.authorisation:
        if source.authorisation not in subject.tokens:
            raise PermanentError("no authorisation", vendor=source.code, code="not_authorised")
        body["authorisation"] = subject.tokens[source.authorisation]
    answer = await http.acall(
        client=client,
        vendor=source.code,
        method="POST",
        url=source.endpoint,
        client_id=source.client_id,
        secret=source.secret,
        timeout_ms=source.timeout_ms,
        json=body,
    )
    if answer.get("request_id") != key or not isinstance(answer.get("data"), dict):
        raise Malformed("not an answer to this question", vendor=source.code, raw=answer)
    return answer
