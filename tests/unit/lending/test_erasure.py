"""An account that is erased is nowhere any more: every column of every table is looked at, and every file."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.test import Client

from contracts.models import Contract, Template
from lending import flow
from lending.common import vault
from lending.common.crypto import blind_index
from lending.models import Event, Grant, IdempotencyKey, Loan, SupplementItem
from lending.overview import customer_page
from lending.services import applications, drawdowns, repayments, supplements
from tests.conftest import Clock
from tests.factories import drawdowns as drawn
from tests.factories import loans as factory
from tests.factories.applications import judged
from tests.factories.borrowers import borrower, consent, one_time_code, operator_authorised
from tests.factories.configuration import configure
from tests.factories.pictures import picture
from tests.factories.tokens import access_token
from tests.unit.lending.test_export import about_people
from users import queries as users
from users.models import (
    AccessLog,
    BankCard,
    Certificate,
    Check,
    Consent,
    Erasure,
    LoginCode,
    Message,
    Profile,
    StaffAct,
    User,
    UserLevelChange,
)
from users.providers.wechat import WechatUser, app_id
from users.queries.sources import identity_index
from users.rules.levels import LoanHistory
from users.services import access, accounts, certificates, checks, devices, levels, lists, profiles, wechat_identities

NAME, ADDRESS, EMPLOYER = "欧阳无双", "无名巷九十九号", "独一无二木器厂"


@pytest.fixture
def at(clock: Clock, db: None, settings: Any, tmp_path: Any) -> datetime:
    settings.MEDIA_ROOT = tmp_path
    configure(clock.at, apps=("lending", "users", "funding", "traffic"))
    return clock.at


def known(at: datetime) -> int:
    """A borrower of whom everything is held that somebody without a loan can leave behind."""
    user_id = borrower(at, name=NAME, address=ADDRESS, employer=EMPLOYER)
    consent(user_id, "device", at)
    devices.see(user_id=user_id, fingerprint="the-only-device", platform="ios", ip="10.9.8.7", at=at)
    seen = wechat_identities.remember(app="mini", user=WechatUser(app_id("mini"), "the-only-openid", None), at=at)
    ticket = wechat_identities.issue_ticket(identity_id=seen.identity_id, at=at)
    wechat_identities.bind(ticket=ticket.ticket, user_id=user_id, at=at)
    drawn.card(user_id, at)
    consent(user_id, "certificates", at)
    certificates.add(user_id=user_id, kind="address_proof", content=picture(7), at=at)
    access_token(user_id, at)
    consent(user_id, "biometric", at)
    checks.request(user_id=user_id, kind="face", liveness="the-only-liveness", at=at)
    operator_authorised(user_id, at)
    check = Check.objects.get(user_id=user_id, kind="id2")
    check.reply = {"name": NAME}
    check.save(update_fields=["reply"])
    return user_id


def needles(user_id: int) -> dict[str, str]:
    """Whatever names this person, in clear and as a blind index."""
    person = users.person(user_id)
    profile = Profile.objects.get(user_id=user_id)
    found = {
        "name": person.name,
        "phone": person.phone,
        "id number": person.id_number,
        "address": person.address,
        "employer": person.employer,
        "device": "the-only-device",
        "address of the device": "10.9.8.7",
        "openid": "the-only-openid",
        "liveness token": "the-only-liveness",
        "operator's token": getattr(users.operator_token(user_id, profile.updated_at), "token", ""),
        "contact's phone": person.contacts[0].phone,
        "index of the phone": person.phone_index,
        "index of the id number": person.id_index,
        "index of the address": profile.address_index,
        "index of the identity": identity_index(profile),
        "index of the device": blind_index("the-only-device", "device"),
        "index of the contact": person.contacts[0].phone_index,
    }
    for card in BankCard.objects.filter(user_id=user_id):
        found |= {f"card {card.pk}": card.number, f"index of card {card.pk}": card.number_index}
    return {what: text for what, text in found.items() if text}


def places(wanted: dict[str, str]) -> Iterator[tuple[str, str]]:
    """(what, model.column) wherever one of them stands: every table there is, decrypted."""
    for model in apps.get_models():
        for row in model._default_manager.all():
            for field in model._meta.concrete_fields:
                text = str(getattr(row, field.attname))
                yield from (
                    (what, f"{model.__name__}.{field.name}") for what, needle in wanted.items() if needle in text
                )


def paper(drawdown_id: int, at: datetime, number: str, *, void: bool = False) -> Contract:
    """A document of a drawdown that was printed, and sealed or made void."""
    author = User.objects.get(pk=accounts.make_staff(username="author", password="a long passphrase", at=at))
    template, _ = Template.objects.get_or_create(
        code="note",
        version=1,
        defaults={"kind": "note", "valid_from": at.date(), "variables": {}, "author": author, "created_at": at},
    )
    row = Contract(key=number, number=number, drawdown_id=drawdown_id, kind="note", template=template, created_at=at)
    row.values, row.file = {"borrower": NAME}, vault.save(f"contracts/{number}.enc", f"%PDF of {number}".encode())
    row.rendered_sha256 = row.sha256 = "ab" * 32
    row.rendered_size = row.size = 1
    row.rendered_at = row.sealed_at = at
    row.save()
    row.render()
    row.save()
    if void:
        row.void()
        row.voided_at, row.sealed_at = at, None
    else:
        row.seal()
    row.save()
    return row


def erase(user_id: int, at: datetime) -> flow.Erasing:
    code = one_time_code(user_id, "erase", "", at)
    return flow.erase(user_id=user_id, code=code, by=f"user:{user_id}", at=at)


# Every table that leads to a person: what erasing does to it. One that is not here is a decision not yet made.
DELETED = "users.Profile users.Contact users.Device users.Tag users.UserLevel users.Token users.WechatIdentity"
DELETED += " users.WechatTicket users.CollectedFeatures traffic.PrecheckSubject traffic.JoinLink traffic.Touch"
EMPTIED = "users.User users.BankCard users.Check users.Message lending.SupplementItem lending.Event contracts.Contract"
EMPTIED += " users.Certificate users.OperatorAuthorisation users.FaceReview"
EMPTIED += " funding.Allocation funding.Collection funding.Payout traffic.Lead"
EMPTIED += " risk.DataPull risk.Exemption review.CaseNote review.PhoneAttempt review.PhoneAnswer review.Attachment"
KEPT = (
    "lending.Application lending.Drawdown lending.Entry lending.Grant lending.Instalment lending.Journal lending.Loan"
)
KEPT += " lending.LoanCreditor lending.Repayment lending.Supplement contracts.Signature"
KEPT += " funding.Reservation funding.Routing risk.Assessment risk.Decision"
KEPT += " risk.ShadowDecision review.Case review.CaseAction review.ChecklistTick review.Override review.PhoneCheck"
KEPT += " review.Recusal review.SecondLook review.Skip traffic.OfferSearch traffic.StatusPush users.Consent"
KEPT += " users.Erasure users.UserLevelChange traffic.ChannelOrder traffic.Attribution"
KEPT += " funding.HeadroomBorrower funding.Claim funding.FunderLine funding.FunderStatement"
KEPT += " traffic.SettlementLine traffic.ChannelStatement traffic.Offer traffic.PlatformLine"
KEPT += " traffic.PlatformPayment"
OF_STAFF = "admin.LogEntry otp_totp.TOTPDevice contracts.Template review.QueueMember review.ReviewDay review.Reviewer"
OF_STAFF += " review.SavedFilter"


def test_every_table_about_people_is_deleted_emptied_or_kept_for_a_reason() -> None:
    decided = {name for names in (DELETED, EMPTIED, KEPT, OF_STAFF) for name in names.split()}
    assert {model._meta.label for model in about_people()} == decided


class TestErase:
    def test_nothing_is_left_of_somebody_without_a_loan(
        self, at: datetime, clock: Clock, django_capture_on_commit_callbacks: Any
    ) -> None:
        user_id = known(at)
        asked = judged(at, "refer", grade="C", user_id=user_id, product_code="LINE")
        supplements.request(application_id=asked, items=[("income", "流水"), ("words", "说明")], by="staff:1", at=at)
        supplements.answer(
            application_id=asked, texts={"words": f"我是{NAME}"}, files={"income": picture()}, by="user:1", at=at
        )
        brought, kept = SupplementItem.objects.get(kind="income").file.name, Certificate.objects.get().file
        IdempotencyKey.objects.create(
            caller=f"user:{user_id}",
            key="k",
            request_sha256="",
            status_code=201,
            response={"name": NAME},
            created_at=at,
        )
        Event.objects.update(handled_at=at)
        applications.withdraw(application_id=asked, by=f"user:{user_id}", at=at)
        Event.objects.update(handled_at=at)
        wanted = needles(user_id)
        assert {what for what, _ in places(wanted)} == set(wanted)  # the search finds what there is
        lists.add(kind="black", subject="phone", value=wanted["phone"], reason="fraud", by="system", at=at)
        lists.add(kind="white", subject="id_number", value=wanted["id number"], reason="vip", by="system", at=at)
        with django_capture_on_commit_callbacks(execute=True):
            found = erase(user_id, clock.move(minutes=2))
        left = set(places(wanted))
        assert left == {("index of the phone", "ListEntry.subject_index")}  # the law on fraud: told, and nobody's
        document = Certificate.objects.get()
        assert (document.state, document.file, document.sha256) == ("removed", "", "")
        for name in (brought, kept):
            with pytest.raises(FileNotFoundError):
                vault.load(name)
        assert (found.kept, str(found.keep_until)) == (("consents", "accesses", "lists"), "2029-03-02")
        assert not LoginCode.objects.exclude(ip=None).exists()
        row = Erasure.objects.get()
        assert (row.user_id, row.kept, row.by) == (user_id, ["consents", "accesses", "lists"], f"user:{user_id}")
        assert not Consent.objects.filter(user_id=user_id, withdrawn_at=None).exists()

    def test_of_loans_the_sealed_papers_stay_and_no_row_names_anybody(
        self, at: datetime, clock: Clock, django_capture_on_commit_callbacks: Any
    ) -> None:
        who = factory.taker(at)
        grant_id = factory.granted(at, who)
        dropped = factory.requested(at, who, grant_id)
        drawdowns.cancel(drawdown_id=dropped, by=who.by, at=at)
        loan = factory.paid_out(at, who, grant_id)
        kept, gone = paper(loan.drawdown_id, at, "n1"), paper(dropped, at, "n2", void=True)
        repayments.post(loan_id=loan.pk, amount_cents=loan.principal_cents, received_at=at, key="all", at=at)
        Event.objects.update(handled_at=at)
        wanted = {what: text for what, text in needles(who.user_id).items() if what not in ("name", "employer")}
        with django_capture_on_commit_callbacks(execute=True):
            found = erase(who.user_id, clock.move(minutes=2))
        assert set(places(wanted)) == set()
        assert found.kept[0] == "loans"
        assert str(found.keep_until) == "2031-03-02"
        card = BankCard.objects.get(pk=who.card_id)
        assert (card.state, len(card.last4), card.holder) == ("removed", 4, "")
        assert Grant.objects.get(pk=grant_id).status == "CLOSED"
        assert vault.load(kept.file) == b"%PDF of n1"
        with pytest.raises(FileNotFoundError):
            vault.load(gone.file)
        assert [row.values for row in Contract.objects.all()] == [{}, {}]
        assert list(vault.under_older_key([kept.file, gone.file])) == []  # a change of keys passes over what is gone
        factory.check_books(loan)
        shown = customer_page(who.user_id, may=lambda _: True, at=clock.at)  # the office still has its page
        assert (shown.who.name, shown.who.is_active, len(shown.loans or ())) == ("", False, 1)

    def test_after_the_kept_years_nothing_is_left_that_leads_to_anybody(
        self, at: datetime, clock: Clock, django_capture_on_commit_callbacks: Any
    ) -> None:
        who = factory.taker(at)
        loan = factory.paid_out(at, who, factory.granted(at, who))
        kept = paper(loan.drawdown_id, at, "n1")
        levels.recompute(user_id=who.user_id, history=LoanHistory(on_time_instalments=3), at=at)
        access.record(by="staff:1", subject=f"user:{who.user_id}", fields=["phone"], reason="a call back", at=at)
        access.record(by="staff:1", subject="user:999", fields=["phone"], reason="another's", at=at)
        repayments.post(loan_id=loan.pk, amount_cents=loan.principal_cents, received_at=at, key="all", at=at)
        Event.objects.update(handled_at=at)
        until = erase(who.user_id, clock.move(minutes=2)).keep_until
        for rows in (AccessLog.objects.all(), UserLevelChange.objects.all()):
            with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
                rows.delete()

        last = clock.move(days=(until - clock.at.date()).days)
        assert (last.date(), flow.forget_due(at=last)) == (until, 0)  # the last day is a kept one
        with django_capture_on_commit_callbacks(execute=True):
            assert flow.forget_due(at=clock.move(days=1)) == 1
        with pytest.raises(FileNotFoundError):
            vault.load(kept.file)
        assert not Consent.objects.filter(user_id=who.user_id, ip__isnull=False).exists()
        assert BankCard.objects.get(pk=who.card_id).last4 == ""
        assert not UserLevelChange.objects.exists()
        assert [row.subject for row in AccessLog.objects.all()] == ["user:999"]
        factory.check_books(loan)
        act = StaffAct.objects.get(act="end_keeping")
        assert (act.by, act.subject) == ("system", f"user:{who.user_id}")
        told = "1 files of contracts, 1 cards, 7 internet addresses of consents, 2 changes of level, 1 rows"
        assert told in act.reason
        assert (flow.forget_due(at=clock.move(days=1)), StaffAct.objects.filter(act="end_keeping").count()) == (0, 1)
        assert customer_page(who.user_id, may=lambda _: True, at=clock.at).who.name == ""

    def test_is_refused_while_something_is_open(self, at: datetime, clock: Clock) -> None:
        who = factory.taker(at)
        loan = factory.paid_out(at, who, factory.granted(at, who))
        token = access_token(who.user_id, at)
        code = one_time_code(who.user_id, "erase", "", clock.move(minutes=2))
        headers = {"Authorization": f"Bearer {token}"}
        told = Client().get("/api/v1/me/erase", headers=headers).json()
        assert "loan" in [row["code"] for row in told["in_the_way"]]
        answer = Client().post(
            "/api/v1/me/erase", data={"code": code}, content_type="application/json", headers=headers
        )
        assert (answer.status_code, answer.json()["code"]) == (409, "still_open")
        assert "loan" in answer.json()["in_the_way"]
        assert users.person(who.user_id).name
        assert Loan.objects.get().status == loan.status

    def test_the_page_erases_and_the_number_begins_again(self, at: datetime, clock: Clock) -> None:
        user_id = known(at)
        before, later = users.person(user_id), clock.move(minutes=2)
        client = Client(headers={"Accept-Language": "en"})
        client.force_login(User.objects.get(pk=user_id))
        other = Client()
        other.force_login(User.objects.get(pk=user_id))
        assert "What stays, and why" in client.get("/me/erase/").content.decode()
        client.post("/me/erase/", {"send": "1"})
        assert client.post("/me/erase/", {"code": "000000"}).status_code == 422
        found = re.search(r"[0-9]{6}", Message.objects.latest("pk").text)
        assert found
        answer = client.post("/me/erase/", {"code": found.group()}, follow=True)
        assert "Your account is erased." in answer.content.decode()
        assert [each.get("/me/").status_code for each in (client, other)] == [302, 302]
        again = accounts.ensure_user(phone=before.phone, at=later)
        assert again != user_id
        assert users.person(again).name == ""
        profiles.save(user_id=again, name=NAME, id_number=before.id_number, by=f"user:{again}", at=later)


class TestDatabase:
    def test_an_account_without_a_phone_is_an_erased_one(self, at: datetime) -> None:
        user = User.objects.get(pk=accounts.ensure_user(phone="13900001234", at=at))
        user.phone = user.phone_index = None
        with pytest.raises(IntegrityError), transaction.atomic():
            user.save(update_fields=["phone", "phone_index"])
