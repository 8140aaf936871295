"""The file with everything held about a borrower: nothing is forgotten, nobody else's is in it."""

import io
import json
import re
import zipfile
from datetime import datetime
from typing import Any

import pytest
from django.apps import apps
from django.db.models import ForeignKey, Model
from django.test import Client

from lending import queries
from lending.models import SupplementItem
from lending.overview import export
from lending.overview.export import APPS
from lending.services import supplements
from tests.conftest import Clock
from tests.factories import drawdowns as drawn
from tests.factories import loans as factory
from tests.factories.applications import judged
from tests.factories.borrowers import borrower, consent, one_time_code
from tests.factories.configuration import configure
from tests.factories.loans import Taker
from tests.factories.pictures import picture
from tests.factories.tokens import access_token
from users.models import AccessLog, Message, Profile, User
from users.services import certificates


@pytest.fixture
def at(clock: Clock, db: None) -> datetime:
    configure(clock.at, apps=("lending", "users", "funding", "traffic"))
    return clock.at


STAFF_ONLY = {"admin.LogEntry", "otp_totp.TOTPDevice"}  # rows of staff accounts; a borrower cannot have one


def about_people() -> set[type[Model]]:
    """Every table that leads to a person, by any way of foreign keys."""
    reached: set[type[Model]] = {User}
    while True:
        more = {
            model
            for model in apps.get_models()
            if any(isinstance(field, ForeignKey) and field.related_model in reached for field in model._meta.fields)
        }
        if more <= reached:
            return reached
        reached |= more


def test_every_table_about_people_is_in_the_file_or_says_why_not() -> None:
    told = {table.model._meta.label for app in APPS for table in app.HELD}
    told |= {name for app in APPS for name in app.LEFT_OUT}
    assert {model._meta.label for model in about_people()} - STAFF_ONLY - told == set()


def opened(file: Any) -> tuple[dict[str, Any], zipfile.ZipFile]:
    archive = zipfile.ZipFile(file)
    return json.loads(archive.read("data.json")), archive


class TestExport:
    def test_holds_what_is_the_borrowers_and_nothing_else(self, at: datetime, settings: Any, tmp_path: Any) -> None:
        settings.MEDIA_ROOT = tmp_path
        allocation = drawn.signing(at)
        other = borrower(at, name="赵铁柱")
        asked = judged(at, "refer", user_id=allocation.user_id, product_code="BIZ", purpose="business")
        supplements.request(application_id=asked, items=[("income_proof", "流水")], by="staff:1", at=at)
        supplements.answer(application_id=asked, texts={}, files={"income_proof": picture()}, by="user:1", at=at)
        consent(allocation.user_id, "certificates", at)
        certificates.add(user_id=allocation.user_id, kind="address_proof", content=picture(7), at=at)
        data, archive = opened(export(user_id=allocation.user_id, at=at))
        held, mine = data["held"], Profile.objects.get(user_id=allocation.user_id)
        assert held["users.Profile"][0]["id_number"] == mine.id_number
        assert [row["code"] for row in held["users.Consent"]][:2] == ["service", "privacy"]
        assert held["lending.Drawdown"][0]["amount_cents"] == 1_000_000
        assert held["funding.Allocation"][0]["recipient"] == "HYF"
        assert held["users.BankCard"][0]["last4"]
        assert "number" not in held["users.BankCard"][0]
        text = archive.read("data.json").decode()
        assert "赵铁柱" not in text
        assert str(Profile.objects.get(user_id=other).id_number) not in text
        assert mine.id_index not in text
        assert "staff:1" not in text
        item = SupplementItem.objects.get()
        name = next(name for name in archive.namelist() if name.startswith(f"brought/income_proof-{item.pk}."))
        assert archive.read(name) == queries.brought_file(item.file.name)
        assert held["users.Certificate"][0]["kind"] == "address_proof"
        kept = next(name for name in archive.namelist() if name.startswith("documents/address_proof-"))
        assert archive.read(kept)[:3] == b"\xff\xd8\xff"

    def test_needs_a_code_of_its_own_and_leaves_a_trace(self, at: datetime, who: Taker, clock: Clock) -> None:
        factory.paid_out(at, who, factory.granted(at, who))
        client, token = Client(), access_token(who.user_id, at)

        def ask(code: str) -> Any:
            headers = {"Authorization": f"Bearer {token}"}
            body = {"data": {"code": code}, "content_type": "application/json", "headers": headers}
            return client.post("/api/v1/me/export", **body)

        assert ask("123456").json()["code"] == "wrong_code"
        assert ask("x").status_code == 422
        signing = one_time_code(who.user_id, "erase", "", clock.move(minutes=2))
        assert ask(signing).json()["code"] == "wrong_code"
        assert not AccessLog.objects.exists()
        code = one_time_code(who.user_id, "export", "", clock.at)
        answer = ask(code)
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
        assert 'attachment; filename="my-data.zip"' in answer["Content-Disposition"]
        data, _ = opened(io.BytesIO(b"".join(answer.streaming_content)))
        assert data["held"]["lending.Loan"][0]["principal_cents"] == 1_000_000
        log = AccessLog.objects.get()
        assert (log.by, log.subject, log.fields) == (f"user:{who.user_id}", f"user:{who.user_id}", ["everything"])
        assert Message.objects.latest("pk").template == "data_taken"
        assert ask(code).json()["code"] == "wrong_code"  # once

    def test_the_page_sends_the_code_and_gives_the_file(self, at: datetime, who: Taker) -> None:
        client = Client(headers={"Accept-Language": "en"})
        client.force_login(User.objects.get(pk=who.user_id))
        assert "Send me the code to download" in client.get("/me/export/").content.decode()
        assert client.post("/me/export/", {"send": "1"}).status_code == 302
        assert client.post("/me/export/", {"code": "000000"}).status_code == 422
        found = re.search(r"[0-9]{6}", Message.objects.latest("pk").text)
        assert found
        answer = client.post("/me/export/", {"code": found.group()})
        assert answer["Content-Type"] == "application/zip"
        assert opened(io.BytesIO(b"".join(answer.streaming_content)))[0]["left_out"]
