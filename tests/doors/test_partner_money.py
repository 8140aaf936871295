"""From agreements to repayment by API: what a full_api channel may do for its own borrowers, and nobody else for them.

Codes are read where the borrower would: in the message. The whole way is tests/journeys/test_partner.py.
"""

import re
from datetime import date, datetime
from typing import Any
from uuid import uuid4

import pytest

from lending.models import Application, Drawdown
from lending.services import applications
from tests.conftest import Clock
from tests.doors.test_partner_api import CONFIGURED, order, problem
from tests.factories import loans as factory
from tests.factories.borrowers import borrower, id_number
from tests.factories.configuration import configure
from tests.factories.drawdowns import luhn
from tests.factories.partners import Partner, cardmate, loanhub, pocket
from traffic import services
from traffic.models import ChannelOrder
from users.models import BankCard, Check, Consent, LoginCode, Message
from users.services import consents

NEEDED = ("service", "privacy", "identity", "credit_query", "bureau_query")


@pytest.fixture
def at(clock: Clock, db: None) -> datetime:
    configure(clock.at, CONFIGURED)
    return clock.at


def brought(number: int = 1, **change: Any) -> str:
    """The application's id."""
    own = {"phone": f"1370000{number:04d}", "id_number": id_number(number, date(1985, 5, 5))}  # no factory's
    answer = loanhub().call("POST", "applications", order(number, **(own | change)))
    assert answer.status_code == 201, answer.content
    return str(answer.json()["application_id"])


def shown(application_id: str, moment: str = "apply", **about: Any) -> list[dict[str, Any]]:
    query = "&".join(
        f"{name}={value}" for name, value in ({"application_id": application_id, "moment": moment} | about).items()
    )
    answer = loanhub().call("GET", "agreements", query=query)
    assert answer.status_code == 200, answer.content
    return list(answer.json())


def documents(application_id: str, *names: str, moment: str = "apply", **about: Any) -> list[dict[str, Any]]:
    """As they are sent back; `names`: which, all that are needed without."""
    found = shown(application_id, moment, **about)
    wanted = names or tuple(one["code"] for one in found if not one["optional"])
    return [
        {"code": one["code"], "version": one["version"]}
        | ({"recipients": one["recipients"]} if moment == "drawdown" and one["accepted_by"] == "otp" else {})
        for one in found
        if one["code"] in wanted
    ]


def code_for(purpose: str, subject: str) -> str:
    sent = LoginCode.objects.filter(purpose=purpose, subject=subject).latest("pk")
    found = re.search(r"\b\d{6}\b", Message.objects.get(key=f"code-{sent.pk}").text)
    assert found
    return found.group()


def give(application_id: str, given: list[dict[str, Any]], partner: Partner | None = None) -> Any:
    return (partner or loanhub()).call("POST", "agreements", {"application_id": application_id, "documents": given})


def with_codes(given: list[dict[str, Any]], sent: Any) -> list[dict[str, Any]]:
    assert sent.status_code == 202, sent.content
    coded = sent.json()["codes_sent"]
    return [one | ({"otp": code_for("consent", one["code"])} if one["code"] in coded else {}) for one in given]


def agree(application_id: str, moment: str = "apply", **about: Any) -> Any:
    """The borrower accepts all that the moment needs: once without codes, once with them."""
    given = documents(application_id, moment=moment, **about)
    answer = give(application_id, with_codes(given, give(application_id, given)))
    assert answer.status_code == 201, answer.content
    return answer.json()


class TestAgreements:
    def test_are_shown_whole_and_only_those_a_channel_can_bring(self, at: datetime) -> None:
        found = shown(brought())
        assert [one["code"] for one in found] == [*NEEDED, "operator", "bankflow"]
        assert [one["accepted_by"] for one in found] == ["checkbox"] * 3 + ["otp"] * 2 + ["checkbox"] * 2
        assert all(one["body_zh"] and not one["given"] for one in found)

    def test_code_first_then_all_at_once_and_the_application_is_on_its_way(self, at: datetime) -> None:
        application_id = brought()
        given = documents(application_id)
        sent = give(application_id, given)
        assert (sent.status_code, sent.json()["codes_sent"]) == (202, ["credit_query", "bureau_query"])
        assert sent.json()["phone"] == "137****0001"
        assert not Consent.objects.exists()
        answer = give(application_id, with_codes(given, sent))
        assert (answer.status_code, answer.json()["status"]) == (201, "RECEIVED")
        assert [row.code for row in Consent.objects.order_by("pk")] == list(NEEDED)
        assert {row.context for row in Consent.objects.all()} == {f"order:{application_id}"}
        assert all(one["given"] for one in shown(application_id) if not one["optional"])
        assert ChannelOrder.objects.get().waits_since == at
        services.submit_due(now=at)
        assert Application.objects.get().status == "DRAFT"  # the check has no answer yet
        check = Check.objects.get()
        check.passed()
        check.checked_at = at
        check.save()
        assert (services.submit_due(now=at), services.submit_due(now=at)) == (1, 0)
        application = Application.objects.get()
        assert (application.status, ChannelOrder.objects.get().waits_since) == ("SUBMITTED", None)

    def test_a_wrong_code_or_a_tick_alone_records_nothing(self, at: datetime) -> None:
        application_id = brought()
        given = documents(application_id)
        coded = with_codes(given, give(application_id, given))
        coded[-1]["otp"] = "000000" if coded[-1]["otp"] != "000000" else "111111"
        assert problem(give(application_id, coded)) == (422, "wrong_code")
        assert problem(give(application_id, given[:3])) == (422, "code_needed_first")
        assert problem(give(application_id, given)) == (429, "code_too_soon")
        assert not Consent.objects.exists()

    def test_no_code_is_sent_before_the_notice_is_accepted(self, at: datetime) -> None:
        application_id = brought()
        answer = give(application_id, documents(application_id, "credit_query"))
        assert problem(answer) == (422, "agreements_not_accepted")
        assert set(answer.json()["fields"]) == {"service", "privacy"}
        assert not Message.objects.exists()

    def test_what_the_borrower_gave_elsewhere_before_is_not_for_this_order(self, at: datetime, clock: Clock) -> None:
        """Whoever knows a phone could else send somebody's application on their old consents."""
        borrower(at, phone="13700000001")
        clock.move(minutes=2)
        application_id = brought()
        assert not any(one["given"] for one in shown(application_id))
        assert problem(give(application_id, documents(application_id, "identity"))) == (422, "code_needed_first")
        agree(application_id)
        assert Application.objects.get().status == "SUBMITTED"  # the identity check of before is still fresh

    def test_what_is_missing_is_said_and_can_be_brought_by_who_brought_the_rest(self, at: datetime) -> None:
        application_id = brought(contacts=None, employment=None)
        status = loanhub().call("GET", f"applications/{application_id}").json()
        assert status["missing"] == ["employment", "contacts"]
        refused = give(application_id, documents(application_id))
        assert (problem(refused), refused.json()["missing"]) == (
            (409, "profile_incomplete"),
            ["employment", "contacts"],
        )
        assert not Message.objects.exists()
        loanhub().call("POST", f"applications/{application_id}/cancel")
        again = loanhub().call("POST", "applications", order(1, order_id="LH-1-again", phone="13700000001")).json()
        assert (again["details_taken"], again["missing"]) == (True, [])

    def test_a_consent_withdrawn_meanwhile_keeps_the_draft_a_draft(self, at: datetime) -> None:
        application_id = brought()
        agree(application_id)
        given = Consent.objects.get(code="credit_query")
        consents.withdraw(user_id=given.user_id, consent_id=given.pk, by=f"user:{given.user_id}", at=at)
        check = Check.objects.get()
        check.passed()
        check.checked_at = at
        check.save()
        services.submit_due(now=at)
        assert (Application.objects.get().status, ChannelOrder.objects.get().waits_since) == ("DRAFT", None)

    @pytest.mark.parametrize(
        ("given", "code"),
        [
            ([], "invalid"),
            ([{"code": "credit_query", "version": "1", "otp": "12345"}], "invalid"),
            ([{"code": "sms", "version": "2"}], "unknown_document"),
            ([{"code": "loan_agreement", "version": "1"}], "unknown_document"),
            ([{"code": "a\x00b", "version": "1"}], "invalid"),
            ([{"code": "service", "version": "1"}] * 13, "invalid"),
        ],
    )
    def test_bad_input_is_named(self, at: datetime, given: list[dict[str, Any]], code: str) -> None:
        assert problem(give(brought(), given)) == (422, code)
        assert not Consent.objects.exists()

    def test_an_older_version_is_refused(self, at: datetime) -> None:
        answer = give(brought(), [{"code": "service", "version": "0"}])
        assert (problem(answer), answer.json()["version"]) == ((409, "document_outdated"), "1")

    def test_another_s_order_is_nobody_s(self, at: datetime) -> None:
        mine = brought()
        body = {"outOrderNo": "1", "mobile": "13700000009", "productType": "cash", "loanAmount": 8000, "loanTerm": 6}
        theirs = pocket().call("POST", "applications", body).json()["application_id"]
        user_id = borrower(at)
        applications.start(user_id=user_id, product_code="LINE", channel_code="LOANHUB", by="user:1", at=at)
        joined = str(
            Application.objects.get(user_id=user_id).public_id
        )  # by a link: the borrower acts, not the channel
        for stranger in (theirs, joined, str(uuid4())):
            assert problem(give(stranger, documents(mine))) == (404, "not_found")
            answer = loanhub().call("GET", "agreements", query=f"application_id={stranger}&moment=apply")
            assert problem(answer) == (404, "not_found")

    @pytest.mark.parametrize("partner", [pocket, cardmate])
    def test_other_flows_do_not_open_them(self, at: datetime, partner: Any) -> None:
        for method, operation in (("GET", "agreements"), ("POST", "agreements"), ("POST", "quote")):
            assert problem(partner().call(method, operation, {})) == (403, "not_in_your_flow")


class TestQuote:
    def test_before_and_after_there_is_a_limit(self, at: datetime) -> None:
        asked = {"amount_cents": 1_000_000, "months": 12}
        before = loanhub().call("POST", "quote", asked | {"product": "LINE"}).json()
        assert (before["annual_rate"], len(before["schedule"])) == ("0.204000", 12)
        assert sum(line["principal_cents"] for line in before["schedule"]) == 1_000_000
        application_id = granted(at)
        after = loanhub().call("POST", "quote", asked | {"application_id": application_id}).json()
        assert after["annual_rate"] < before["annual_rate"]

    @pytest.mark.parametrize(
        ("asked", "answer", "field"),
        [
            ({"product": "BIZ"}, (422, "invalid"), "product"),
            ({}, (422, "invalid"), "product"),
            ({"product": "LINE", "application_id": str(uuid4())}, (422, "invalid"), "product"),
            ({"product": "LINE", "months": 7}, (422, "invalid"), "months"),
            ({"product": "LINE", "amount_cents": 1_000_001}, (422, "invalid"), "amount_cents"),
            ({"application_id": str(uuid4())}, (404, "not_found"), ""),
        ],
    )
    def test_bad_input_is_named(self, at: datetime, asked: dict[str, Any], answer: tuple[int, str], field: str) -> None:
        found = loanhub().call("POST", "quote", {"amount_cents": 1_000_000, "months": 12} | asked)
        assert problem(found) == answer
        assert not field or field in found.json()["fields"]

    def test_a_draft_has_no_price_of_its_own(self, at: datetime) -> None:
        asked = {"amount_cents": 1_000_000, "months": 12, "application_id": brought()}
        assert problem(loanhub().call("POST", "quote", asked)) == (409, "not_granted")


def granted(at: datetime, who: factory.Taker | None = None) -> str:
    """An application of LOANHUB's own with a limit of 50,000, grade B; its id."""
    who = who or factory.taker(at)
    factory.granted(at, who)
    application = Application.objects.get(user_id=who.user_id)
    Application.objects.filter(pk=application.pk).update(channel_code="LOANHUB")
    ChannelOrder.objects.create(
        channel_id="LOANHUB",
        external_id=f"granted-{application.pk}",
        application=application,
        request_sha256="0" * 64,
        details_taken=True,
        received_at=at,
    )
    return str(application.public_id)


def take(own_application: str, own_card_id: str, **change: Any) -> Any:
    """POST drawdowns; `key`: its Idempotency-Key."""
    key = {"Idempotency-Key": change.pop("key", str(uuid4()))}
    asked = {"application_id": own_application, "card_id": own_card_id, "amount_cents": 1_000_000, "months": 12}
    return loanhub().call("POST", "drawdowns", asked | {"purpose": "consumer"} | change, headers=key)


def repay(loan_id: str, amount_cents: Any, key: str = "r-1", **more: Any) -> Any:
    body = {"amount_cents": amount_cents} | more
    return loanhub().call("POST", f"loans/{loan_id}/repayments", body, headers={"Idempotency-Key": key})


def own_card(application_id: str) -> str:
    """The borrower's confirmed card, as one that the channel added."""
    order = ChannelOrder.objects.get(application__public_id=application_id)
    card = BankCard.objects.get(user_id=order.application.user_id)
    order.cards.add(card)
    return str(card.public_id)


class TestCards:
    def test_only_for_whom_the_borrower_has_agreed_and_only_its_own(self, at: datetime) -> None:
        body = {"application_id": brought(), "number": luhn("622848000000002"), "phone": "13900000001"}
        assert problem(loanhub().call("POST", "bank-cards", body)) == (409, "not_agreed")
        application_id = granted(at)  # has a card, added elsewhere
        card = BankCard.objects.get()
        assert loanhub().call("GET", "bank-cards", query=f"application_id={application_id}").json() == []
        assert problem(loanhub().call("POST", f"bank-cards/{card.public_id}/confirm", {})) == (404, "not_found")
        assert problem(take(application_id, str(card.public_id))) == (404, "not_found")

    @pytest.mark.parametrize(
        ("change", "code"),
        [({"number": "123"}, "invalid_card_number"), ({"phone": "1"}, "invalid_phone"), ({"number": None}, "invalid")],
    )
    def test_bad_input_is_named(self, at: datetime, change: dict[str, Any], code: str) -> None:
        application_id = brought()
        agree(application_id)
        body = {"application_id": application_id, "number": luhn("622848000000002"), "phone": "13900000001"}
        assert problem(loanhub().call("POST", "bank-cards", body | change)) == (422, code)
        assert not BankCard.objects.exists()


class TestMoney:
    def test_consents_given_elsewhere_let_a_channel_take_nothing(self, at: datetime) -> None:
        application_id = granted(at)  # its borrower has named the lenders, at our own door
        answer = take(application_id, own_card(application_id))
        assert problem(answer) == (409, "consent_not_live")
        assert not Drawdown.objects.exists()

    @pytest.mark.parametrize(
        ("change", "answer"),
        [
            ({"amount_cents": 0}, (422, "invalid")),
            ({"amount_cents": 10**13}, (422, "invalid")),
            ({"months": 361}, (422, "invalid")),
            ({"purpose": "a yacht"}, (422, "invalid")),
            ({"card_id": str(uuid4())}, (404, "not_found")),
            ({"application_id": str(uuid4())}, (404, "not_found")),
            ({"key": ""}, (422, "idempotency_key_missing")),
        ],
    )
    def test_bad_input_is_named(self, at: datetime, change: dict[str, Any], answer: tuple[int, str]) -> None:
        application_id = granted(at)
        assert problem(take(application_id, own_card(application_id), **change)) == answer
        assert not Drawdown.objects.exists()

    def test_a_draft_has_nothing_to_take(self, at: datetime) -> None:
        application_id = brought()
        agree(application_id)
        body = {"application_id": application_id, "number": luhn("622848000000002"), "phone": "13900000001"}
        card_id = loanhub().call("POST", "bank-cards", body).json()["card_id"]
        assert problem(take(application_id, card_id)) == (409, "not_granted")
        assert loanhub().call("GET", "limits", query=f"application_id={application_id}").json() == []

    def test_another_s_drawdown_and_loan_are_nobody_s(self, at: datetime) -> None:
        """Nor are those of a borrower who came to the same channel by a link, and acts themselves."""
        who = factory.taker(at)
        loan = factory.paid_out(at, who, factory.granted(at, who))
        drawdown = f"drawdowns/{loan.drawdown.public_id}"
        asked = [
            ("GET", drawdown, None),
            ("POST", f"{drawdown}/cancel", None),
            ("POST", f"{drawdown}/card", {"card_id": str(uuid4())}),
            ("GET", f"{drawdown}/contracts", None),
            ("GET", f"{drawdown}/contracts/{uuid4()}", None),
            ("POST", f"{drawdown}/sign", {}),
            ("GET", f"loans/{loan.public_id}/repayment-plan", None),
            ("GET", f"loans/{loan.public_id}/repayments", None),
            ("GET", f"loans/{loan.public_id}/settlement-quote", None),
        ]
        for channel in ("OWN", "LOANHUB"):
            Application.objects.update(channel_code=channel)
            for method, operation, body in asked:
                assert problem(loanhub().call(method, operation, body)) == (404, "not_found"), operation
            assert problem(repay(str(loan.public_id), 100)) == (404, "not_found")

    def test_a_key_says_one_thing_and_belongs_to_the_channel(self, at: datetime, clock: Clock) -> None:
        application_id = granted(at)
        card_id = own_card(application_id)
        clock.move(minutes=2)  # for another code
        agree(application_id, "drawdown", amount_cents=1_000_000, months=12)
        assert take(application_id, card_id, key="k").status_code == 201
        assert problem(take(application_id, card_id, key="k", months=6)) == (422, "idempotency_key_reused")
        drawdown_id = take(application_id, card_id, key="k").json()["drawdown_id"]
        gone = loanhub().call("POST", f"drawdowns/{drawdown_id}/cancel")
        assert (gone.status_code, gone.json()["status"]) == (200, "CANCELLED")
        assert problem(loanhub().call("POST", f"drawdowns/{drawdown_id}/cancel")) == (409, "wrong_state")
        assert problem(loanhub().call("POST", f"drawdowns/{drawdown_id}/sign", {})) == (409, "not_signable")
        change = loanhub().call("POST", f"drawdowns/{drawdown_id}/card", {"card_id": card_id})
        assert problem(change) == (409, "wrong_state")

    @pytest.mark.parametrize("partner", [pocket, cardmate])
    def test_other_flows_do_not_open_them(self, at: datetime, partner: Any) -> None:
        some = uuid4()
        for method, operation in (
            ("GET", "bank-cards"), ("POST", f"bank-cards/{some}/confirm"), ("GET", "limits"), ("POST", "drawdowns"),
            ("GET", f"drawdowns/{some}"), ("GET", f"drawdowns/{some}/contracts"), ("POST", f"drawdowns/{some}/sign"),
            ("GET", f"loans/{some}/repayment-plan"),
        ):  # fmt: skip
            assert problem(partner().call(method, operation, {})) == (403, "not_in_your_flow"), operation
