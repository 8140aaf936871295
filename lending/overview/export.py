"""Everything held about a borrower, as one file for them: a list of rows by table, and the documents themselves."""

import json
import tempfile
import zipfile
from datetime import datetime
from types import ModuleType
from typing import IO, Any

import contracts.queries
import funding.queries
import review.queries.held
import risk.queries.held
import traffic.queries
import users.queries.held
from lending.queries import held as lending_held
from users import queries as users_queries

APPS: tuple[ModuleType, ...] = (
    users.queries.held,
    lending_held,
    risk.queries.held,
    review.queries.held,
    funding.queries,
    contracts.queries,
    traffic.queries,
)
IN_MEMORY = 4 * 1024 * 1024  # bytes; beyond, the file is built on the disk and goes with its last reader
READ_ME = """This is what we hold about you, made at {at} at your request.
data.json: every row by its table. Amounts are whole cents, times are UTC. "left_out" says what is not here, and why.
contracts/: the documents of your loans. brought/: what you sent us when asked. documents/: what you keep with us.
It is not encrypted. Keep it where only you can read it.

以下是我们持有的关于您的全部信息，应您的请求于{at}生成。
data.json：各表中的每一行，金额以分为单位，时间为协调世界时；“left_out”列明未包含的内容及原因。
contracts/：您的借款文件。brought/：您应要求提交的材料；documents/：您留存的材料。
本文件未加密，请妥善保管。
"""


def held(user_id: int) -> dict[str, Any]:
    """{held: {table: [row]}, left_out: {what: why}}"""
    found: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    for app in APPS:
        found |= app.held(user_id)
        left_out |= app.LEFT_OUT
    return {"held": found, "left_out": left_out}


def export(*, user_id: int, at: datetime) -> IO[bytes]:
    """The file, at its beginning; closing it removes it. Raises NotFound."""
    account = users_queries.account(user_id)
    about = {"made_at": at.isoformat(), "account": str(account.public_id)} | held(user_id)
    file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  the answer closes it
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", READ_ME.format(at=at.isoformat(timespec="minutes")))
        archive.writestr("data.json", json.dumps(about, ensure_ascii=False, indent=1))
        for name, content in contracts.queries.files_of(user_id):
            archive.writestr(f"contracts/{name}", content)
        for name, content in lending_held.files_of(user_id):
            archive.writestr(f"brought/{name}", content)
        for name, content in users.queries.held.files_of(user_id):
            archive.writestr(f"documents/{name}", content)
    file.seek(0)
    return file
