"""The back office of users: every list and page opens, masks, and edits nothing."""

from datetime import datetime
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from tests.unit.users.conftest import CARD, ID_NUMBER, PHONE, Borrower
from users.models import AccessLog, ListEntry, Notice, Source, StaffAct, User
from users.services import accounts, configuration, lists, notices, tags

MODELS = [model for model in apps.get_app_config("users").get_models() if model in admin.site._registry]
CLEAR = (PHONE, ID_NUMBER, CARD, "王建国", "杭州木器厂")


@pytest.fixture
def rows(declared: Borrower, at: datetime) -> None:
    declared.call("post", "me/bank-cards", {"number": CARD, "phone": PHONE})
    declared.call("post", "me/checks", {})
    declared.call("put", "me/contacts", [{"relation": "spouse", "name": "李梅", "phone": "13700000001"}])
    declared.consent("device")
    declared.call("post", "me/devices", {"fingerprint": "a" * 32, "platform": "web"})
    user_id = User.objects.get().pk
    tags.put(user_id=user_id, tag="t", source="s", at=at)
    lists.add(kind="grey", subject="phone", value=PHONE, reason="shared", by="system", at=at)
    notices.raise_notice(kind="k", subject="s", text="t", at=at)


def signed_in(username: str, at: datetime) -> Client:
    configuration.load_groups()
    configuration.load_staff(at=at, password="demo-only-2026")
    client = Client()
    assert client.login(username=username, password="demo-only-2026")
    return client


@pytest.fixture
def desk(rows: None, at: datetime) -> Client:
    return signed_in("admin", at)


def page(model: Any, name: str, *args: Any) -> str:
    return reverse(f"admin:users_{model._meta.model_name}_{name}", args=args)


def test_every_table_is_there() -> None:
    assert {model.__name__ for model in MODELS} == {
        model.__name__ for model in apps.get_app_config("users").get_models()
    }


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_lists_and_pages_open_masked_and_are_not_to_be_edited(model: Any, desk: Client) -> None:
    answer = desk.get(page(model, "changelist"))
    assert answer.status_code == 200
    text = answer.content.decode()
    for row in model.objects.all()[:3]:
        shown = desk.get(page(model, "change", row.pk))
        assert shown.status_code == 200
        text += shown.content.decode()
        assert desk.post(page(model, "change", row.pk), {"x": "y"}).status_code == 403
        assert desk.post(page(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert not [value for value in CLEAR if value in text]


class TestSearch:
    @pytest.mark.parametrize("term", [PHONE, "+86 " + PHONE, ID_NUMBER, CARD])
    def test_finds_a_borrower_by_a_whole_number_only(self, desk: Client, term: str) -> None:
        user = User.objects.get(kind="borrower")
        found = desk.get(page(User, "changelist"), {"q": term}).context["cl"].queryset
        assert list(found) == [user]
        assert not desk.get(page(User, "changelist"), {"q": term[:-1]}).context["cl"].queryset.exists()

    def test_finds_staff_by_the_whole_user_name(self, desk: Client) -> None:
        found = desk.get(page(User, "changelist"), {"q": "senior.zhao"}).context["cl"].queryset
        assert [user.username for user in found] == ["senior.zhao"]


class TestReveal:
    def url(self) -> str:
        return page(User, "revealed", User.objects.get(kind="borrower").pk)

    def test_asks_why_records_it_and_shows(self, desk: Client, at: datetime) -> None:
        assert PHONE not in desk.get(self.url()).content.decode()
        assert PHONE not in desk.post(self.url(), {"reason": "x"}).content.decode()
        assert not AccessLog.objects.exists()
        answer = desk.post(self.url(), {"reason": "borrower asked for a call"})
        for value in (PHONE, ID_NUMBER, "王建国", "13700000001"):
            assert value in answer.content.decode()
        assert "no-store" in answer["Cache-Control"]
        row = AccessLog.objects.get()
        assert (row.subject, row.reason) == (
            f"user:{User.objects.get(kind='borrower').pk}",
            "borrower asked for a call",
        )
        assert (row.by, row.at) == (f"staff:{User.objects.get(username='admin').pk}", at)
        assert "id_number" in row.fields

    def test_has_a_button_on_the_page(self, desk: Client) -> None:
        user = User.objects.get(kind="borrower")
        button = reverse("admin:users_user_reveal", args=[user.pk])
        assert button in desk.get(page(User, "change", user.pk)).content.decode()
        assert desk.get(button)["Location"] == self.url()

    def test_needs_the_permission(self, rows: None, at: datetime) -> None:
        auditor = signed_in("audit.xu", at)
        assert auditor.get(page(User, "changelist")).status_code == 200
        answer = auditor.post(self.url(), {"reason": "just looking around"})
        assert answer.status_code == 403
        assert not AccessLog.objects.exists()

    def test_nobody_without_a_session(self, rows: None) -> None:
        assert Client().get(self.url()).status_code == 302


class TestLists:
    ENTRY = {
        "kind": "black",
        "subject": "phone",
        "value": "13800138000",
        "source": "court",
        "reason": "confirmed fraud",
        "until": "2027-01-31",
    }

    def test_an_entry_is_added_by_its_value_and_keeps_only_the_index(self, desk: Client) -> None:
        answer = desk.post(page(ListEntry, "add"), self.ENTRY)
        assert answer.status_code == 302, answer.content.decode()
        entry = ListEntry.objects.get(kind="black")
        assert entry.subject_index == lists.subject_index("phone", "13800138000")
        assert entry.added_by == f"staff:{User.objects.get(username='admin').pk}"

    def test_a_wrong_value_is_said_in_the_form(self, desk: Client) -> None:
        for wrong in ({"value": "12"}, {"value": PHONE, "kind": "grey"}, {"until": ""}, {"until": "2026-01-01"}):
            assert desk.post(page(ListEntry, "add"), self.ENTRY | wrong).status_code == 200
        assert ListEntry.objects.count() == 1

    def test_is_taken_off_with_a_reason(self, desk: Client) -> None:
        entry = ListEntry.objects.get()
        asked = desk.post(page(ListEntry, "changelist"), {"action": "take_off", "_selected_action": [entry.pk]})
        desk.post(asked["Location"], {"reason": "it was a shared phone of a shop"})
        entry.refresh_from_db()
        by = f"staff:{User.objects.get(username='admin').pk}"
        assert entry.removed_by == by
        assert (kept().act, kept().by, kept().subject) == ("take_off_list", by, f"listentry:{entry.pk}")


def kept() -> StaffAct:
    return StaffAct.objects.latest("pk")


class TestAddingASource:
    FORM = {
        "code": "bureau_c",
        "stage": "3",
        "scenario": "credit",
        "protocol": "risk-v1",
        "endpoint": "/c/v1/query",
        "name_en": "Third bureau",
        "name_zh": "第三征信",
        "vendor": "Third",
        "product": "Report",
        "price": "2.99",
        "currency": "CNY",
        "timeout_ms": "4000",
        "retries": "1",
        "pause_ms": "100",
        "max_parallel": "20",
        "fresh_days": "30",
        "freshness": "drawdown 7",
        "retention_days": "365",
        "fallback": "",
        "dead": "refer",
        "consent_code": "bureau_query",
        "recipient": "bureau",
        "reason": "a third contract",
    }

    def test_says_by_field_what_is_wrong_and_ends_on_its_page(self, tables: None, at: datetime) -> None:
        desk, address = signed_in("admin", at), page(Source, "add")
        assert 'name="protocol"' in desk.get(address).content.decode()
        wrong = desk.post(address, self.FORM | {"code": "bureau", "freshness": "now and then"})
        assert "now and then" in wrong.content.decode()
        wrong = desk.post(address, self.FORM | {"code": "bureau"})
        assert "There is a source of this code already" in wrong.content.decode()
        done = desk.post(address, self.FORM)
        row = Source.objects.get(code="bureau_c")
        assert (done.status_code, done["Location"], row.enabled) == (302, page(Source, "change", row.pk), False)
        assert "a third contract" in desk.get(done["Location"]).content.decode()

    def test_is_for_who_may_connect_too(self, tables: None, at: datetime) -> None:
        analyst = signed_in("analyst.lin", at)
        assert page(Source, "add") not in analyst.get(page(Source, "changelist")).content.decode()
        assert analyst.post(page(Source, "add"), self.FORM).status_code == 403
        assert not Source.objects.filter(code="bureau_c").exists()


class TestClosingANotice:
    def ask(self, desk: Client, notice: Notice) -> str:
        chosen = {"action": "close", "_selected_action": [notice.pk]}
        return str(desk.post(page(Notice, "changelist"), chosen)["Location"])

    def test_asks_why_and_keeps_it(self, desk: Client, at: datetime) -> None:
        notice, by = Notice.objects.get(), f"staff:{User.objects.get(username='admin').pk}"
        place = self.ask(desk, notice)
        for short in ("", "ok"):
            assert desk.post(place, {"reason": short}).status_code == 200
        notice.refresh_from_db()
        assert notice.closed_at is None
        assert desk.post(place, {"reason": "the vendor is back"}).status_code == 302
        notice.refresh_from_db()
        assert (notice.closed_at, notice.closed_by, notice.closed_reason) == (at, by, "the vendor is back")
        assert (kept().subject, kept().reason, kept().by, kept().at) == (
            f"notice:{notice.pk}",
            "the vendor is back",
            by,
            at,
        )
        shown = desk.get(page(Notice, "change", notice.pk)).content.decode()
        assert shown.count("the vendor is back") == 2  # on the notice, and under what staff did
        assert "the vendor is back" in desk.get(page(StaffAct, "changelist")).content.decode()

    def test_a_second_time_says_that_there_is_nothing_to_do(self, desk: Client) -> None:
        place = self.ask(desk, Notice.objects.get())
        for _ in range(2):
            desk.post(place, {"reason": "the vendor is back"})
        assert StaffAct.objects.count() == 1

    def test_has_a_button_while_it_is_open(self, desk: Client) -> None:
        notice = Notice.objects.get()
        button = reverse("admin:users_notice_ask_close", args=[notice.pk])
        assert button in desk.get(page(Notice, "change", notice.pk)).content.decode()
        desk.post(desk.get(button)["Location"], {"reason": "the vendor is back"})
        assert button not in desk.get(page(Notice, "change", notice.pk)).content.decode()


def test_a_borrower_cannot_enter(rows: None, at: datetime) -> None:
    borrower = accounts.ensure_user(phone=PHONE, at=at)
    client = Client()
    client.force_login(User.objects.get(pk=borrower))
    assert client.get(reverse("admin:index")).status_code == 302
