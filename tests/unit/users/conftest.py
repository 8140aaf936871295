"""What users' tests share: the loaded tables, a borrower's way in, and codes read where the borrower reads them."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from tests.conftest import Clock
from tests.factories.snapshot import loaded
from users.models import Message
from users.services import configuration

PHONE = "13912345678"
ID_NUMBER = "33010619900615001X"
CARD = "6222020000000000000"
PROFILE = {
    "name": "王建国",
    "id_number": ID_NUMBER,
    "province": "ZJ",
    "city": "杭州",
    "employment": "4_7y",
    "employer": "杭州木器厂",
    "net_income_cents": 1_200_000,
    "instalments_elsewhere_cents": 0,
}


@pytest.fixture
def at(clock: Clock) -> datetime:
    return clock.at


@pytest.fixture
def tables(db: None, clock: Clock) -> None:
    """What the API reads; groups are for staff alone."""
    loaded(("tables", clock.at), lambda: _load(clock.at))


def _load(at: datetime) -> None:
    configuration.load_sources()
    configuration.load_levels()
    configuration.load_tags()
    configuration.load_documents(at=at)
    configuration.load_collection(at=at)


def newest_code() -> str:
    """The digits in the newest message."""
    found = re.search(r"\d{6}", Message.objects.latest("pk").text)
    assert found is not None
    return found.group()


class Borrower:
    """Somebody with a phone at the API."""

    def __init__(self, client: Client, phone: str = PHONE) -> None:
        self.client, self.phone, self.tokens = client, phone, {"access": ""}

    def call(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        token = self.tokens["access"] if token is None else token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        sent = {} if body is None else {"data": body, "content_type": "application/json"}
        return getattr(self.client, method)(f"/api/v1/{path}", headers=headers, **sent)

    def ask_code(self, **body: Any) -> Any:
        return self.call("post", "auth/otp", {"phone": self.phone, "accept_notice": True} | body, token="")

    def sign_in(self) -> "Borrower":
        assert self.ask_code().status_code == 202
        body = {"phone": self.phone, "code": newest_code(), "accepted": {"service": "1", "privacy": "1"}}
        answer = self.call("post", "auth/token", body, token="")
        assert answer.status_code == 200, answer.json()
        self.tokens = answer.json()
        return self

    def consent(self, code: str, **more: Any) -> Any:
        if more.pop("with_code", False):
            assert self.call("post", "auth/otp", {"purpose": "consent", "subject": code}).status_code == 202
            more["otp"] = newest_code()
        version = "2" if code == "certificates" else "1"
        return self.call("post", "me/consents", {"code": code, "version": version} | more)


@pytest.fixture
def stranger(tables: None, client: Client) -> Borrower:
    """Not signed in."""
    return Borrower(client)


@pytest.fixture
def borrower(stranger: Borrower) -> Borrower:
    """Signed in for the first time, nothing declared."""
    return stranger.sign_in()


@pytest.fixture
def declared(borrower: Borrower) -> Borrower:
    """Details saved and the identity consent given."""
    assert borrower.call("put", "me/profile", PROFILE).status_code == 200
    assert borrower.consent("identity").status_code == 201
    return borrower


@pytest.fixture
def another(declared: Borrower) -> Callable[[str], Borrower]:
    """Makes further borrowers."""
    return lambda phone: Borrower(declared.client, phone).sign_in()
