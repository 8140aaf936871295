"""A partner at our door: signs as the guide says, and keeps what it got."""

import itertools
import json
import time
from typing import Any

from django.test import Client

from lending.common import signed

_numbers = itertools.count()


class Partner:
    """`app_id` with `secret`; every call signed anew."""

    def __init__(self, app_id: str, secret: str) -> None:
        self.app_id, self.secret, self.client = app_id, secret, Client()

    def headers(self, method: str, path: str, query: str, body: bytes, **other: str) -> dict[str, str]:
        said = {"X-Timestamp": str(int(time.time())), "X-Nonce": f"nonce-{next(_numbers):020d}"} | other
        text = signed.canonical(
            method=method, path=path, query=query, timestamp=said["X-Timestamp"], nonce=said["X-Nonce"], body=body
        )
        return {"X-App-Id": self.app_id, "X-Signature": signed.sign(self.secret, text)} | said

    def call(self, method: str, operation: str, body: Any = None, *, query: str = "", **kwargs: Any) -> Any:
        """The answer of /partner/v1/`operation`. `headers`: some to replace."""
        path = f"/partner/v1/{operation}"
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        headers = self.headers(method, path, query, content) | kwargs.pop("headers", {})
        kind = kwargs.pop("content_type", "application/json")
        return self.client.generic(
            method, path, content, content_type=kind, headers=headers, QUERY_STRING=query, **kwargs
        )


def loanhub() -> Partner:
    return Partner("loanhub", "sandbox-LOANHUB")


def cardmate() -> Partner:
    return Partner("cardmate", "sandbox-CARDMATE")


def pocket() -> Partner:
    return Partner("pocket", "sandbox-POCKET")
