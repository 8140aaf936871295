"""Protocol phone3-b, Hengzheng's three elements: pinyin initials, an inner code beside HTTP's, the verdict as a number.

Out go `lsh` (our number), `xm`, `sfzh` and `sjh`; back come `code` and, where it is 0, `data` with `verdict` and
`zwys`, the months in use as text; empty where the number is on no register.
"""

import re
from collections.abc import Mapping
from typing import Any

import aiohttp

from lending.common import http
from lending.common.errors import Malformed
from lending.common.vendor_codes import HENGZHENG, failure
from risk.providers.base import Subject
from users.queries import SourceView

VERDICTS = {1: "consistent", 2: "inconsistent", 3: "no_record"}


async def query(*, client: aiohttp.ClientSession, source: SourceView, key: str, subject: Subject) -> Mapping[str, Any]:
    reply = await http.acall(
        client=client,
        vendor=source.code,
        method="POST",
        url=source.endpoint,
        client_id=source.client_id,
        secret=source.secret,
        timeout_ms=source.timeout_ms,
        json={"lsh": key, "xm": subject.name, "sfzh": subject.id_number, "sjh": subject.phone},
    )
    if type(reply.get("code")) is not int or reply.get("lsh") != key:
        raise Malformed("not an answer to this question", vendor=source.code, raw=reply)
    if reply["code"] != 0:
        raise failure(HENGZHENG, reply["code"], vendor=source.code)
    told = reply.get("data")
    if not isinstance(told, dict) or type(told.get("verdict")) is not int or told["verdict"] not in VERDICTS:
        raise Malformed("data.verdict", vendor=source.code, raw=reply)
    data: dict[str, Any] = {"match": VERDICTS[told["verdict"]]}
    match told.get("zwys"):
        case str(months) if re.fullmatch("[0-9]{1,4}", months):
            data["online_months"] = int(months)
        case "" if data["match"] == "no_record":
            pass
        case _:
            raise Malformed("data.zwys", vendor=source.code, raw=reply)
    return {"request_id": key, "vendor_ref": told.get("seq"), "data": data, "raw": reply}
