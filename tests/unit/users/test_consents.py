"""me/consents, and what stands on them."""

from collections.abc import Callable

import pytest
from django.test import Client

from tests.conftest import Clock
from tests.unit.users.conftest import Borrower, newest_code
from users import queries
from users.models import Check, Consent, Document, LoginCode, Message, User
from users.rules import withdrawal


def user_id(borrower: Borrower) -> int:
    return Consent.objects.filter(code="service").latest("pk").user_id


class TestGive:
    def test_keeps_version_recipients_time_and_address(self, borrower: Borrower, clock: Clock) -> None:
        answer = borrower.consent("identity")
        assert answer.status_code == 201
        row = Consent.objects.get(code="identity")
        assert row.recipients == ["platform", "identity_vendor", "phone_vendor", "card_vendor"]
        assert (row.version, row.given_at, row.ip, row.accepted_by) == ("1", clock.at, "127.0.0.1", "checkbox")
        assert answer.json()["id"] == str(row.public_id)

    def test_twice_is_one(self, borrower: Borrower) -> None:
        assert borrower.consent("identity").json() == borrower.consent("identity").json()

    def test_with_a_code_where_the_document_asks_for_one(self, borrower: Borrower) -> None:
        answer = borrower.consent("credit_query")
        assert (answer.status_code, answer.json()["code"]) == (422, "code_required")
        assert borrower.consent("credit_query", otp="000000").json()["code"] == "wrong_code"
        assert borrower.consent("credit_query", with_code=True).status_code == 201
        assert Consent.objects.get(code="credit_query").otp == LoginCode.objects.get(subject="credit_query")

    def test_a_code_for_one_document_signs_no_other(self, borrower: Borrower) -> None:
        borrower.call("post", "auth/otp", {"purpose": "consent", "subject": "credit_query"})
        answer = borrower.consent("bureau_query", otp=newest_code())
        assert answer.json()["code"] == "wrong_code"
        assert not Consent.objects.filter(code="bureau_query").exists()

    def test_the_message_names_the_document(self, borrower: Borrower) -> None:
        borrower.call("post", "auth/otp", {"purpose": "consent", "subject": "bureau_query"})
        assert "个人征信查询授权书" in Message.objects.latest("pk").text

    @pytest.mark.parametrize("subject", ["identity", "nothing", ""])
    def test_no_code_is_sent_for_a_document_that_needs_none(self, borrower: Borrower, subject: str) -> None:
        answer = borrower.call("post", "auth/otp", {"purpose": "consent", "subject": subject})
        assert (answer.status_code, answer.json()["code"]) == (409, "code_not_available")

    def test_refuses_an_outdated_version(self, borrower: Borrower, clock: Clock) -> None:
        row = Document.objects.get(code="identity")
        row.pk, row.version, row.valid_from = None, "2", clock.at
        row.save()
        answer = borrower.consent("identity")
        assert (answer.status_code, answer.json()["code"], answer.json()["version"]) == (409, "document_outdated", "2")
        assert borrower.consent("identity", version="2").status_code == 201

    @pytest.mark.parametrize("code", ["nothing", "loan_agreement", "note"])
    def test_refuses_what_is_not_given_as_a_consent(self, borrower: Borrower, code: str) -> None:
        answer = borrower.consent(code)
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_document")

    def test_refuses_other_recipients_than_the_documents(self, borrower: Borrower) -> None:
        answer = borrower.consent("identity", recipients=["platform", "somebody"])
        assert (answer.status_code, answer.json()["code"]) == (422, "wrong_recipients")

    def test_names_the_lenders_where_the_document_leaves_them_open(self, borrower: Borrower, clock: Clock) -> None:
        assert borrower.consent("funder_share", with_code=True).json()["code"] == "wrong_recipients"
        five = ["A", "B", "C", "D", "E"]
        assert borrower.consent("funder_share", otp="123456", recipients=five).json()["code"] == "wrong_recipients"
        named = borrower.consent("funder_share", otp=newest_code(), recipients=["HYF", "QTX"])
        assert named.status_code == 201
        live = queries.live_consent(user_id(borrower), "funder_share", "QTX", clock.at)
        assert live is not None
        assert str(live.public_id) == named.json()["id"]
        assert queries.live_consent(user_id(borrower), "funder_share", "LJB", clock.at) is None


class TestAsRead:
    def test_shows_the_words_that_were_agreed_to_whatever_is_in_force(self, borrower: Borrower, clock: Clock) -> None:
        given = borrower.consent("operator").json()["id"]
        row = Document.objects.get(code="operator")
        read = row.body_zh
        row.pk, row.version, row.valid_from, row.body_zh = None, "2", clock.at, "另一份文本"
        row.save()
        shown = borrower.call("get", f"me/consents/{given}").json()
        assert (shown["version"], shown["body_zh"], shown["is_newest"]) == ("1", read, False)
        again = borrower.consent("operator", version="2").json()["id"]
        shown = borrower.call("get", f"me/consents/{again}").json()
        assert (shown["version"], shown["body_zh"], shown["is_newest"]) == ("2", "另一份文本", True)
        assert "without it" in shown["stops_en"]

    def test_another_borrowers_is_not_found(self, declared: Borrower, another: Callable[[str], Borrower]) -> None:
        given = Consent.objects.get(code="identity").public_id
        assert another("13800138000").call("get", f"me/consents/{given}").status_code == 404

    def test_every_consent_says_what_withdrawing_it_stops(self, tables: None) -> None:
        asked = set(Document.objects.filter(is_consent=True).values_list("code", flat=True))
        assert asked == set(withdrawal.STOPS)


class TestWithdraw:
    def test_takes_the_same_consent_given_before_with_it(self, borrower: Borrower, clock: Clock) -> None:
        """A code signs a second time: two rows are live, and neither may go on allowing what was forbidden."""
        first = borrower.consent("credit_query", with_code=True).json()["id"]
        clock.move(minutes=2)
        second = borrower.consent("credit_query", with_code=True).json()["id"]
        assert first != second
        assert borrower.call("post", f"me/consents/{first}/withdraw").status_code == 200
        owner = user_id(borrower)
        assert queries.live_consent(owner, "credit_query", "platform", clock.at) is None
        answer = borrower.call("post", f"me/consents/{second}/withdraw")
        assert (answer.status_code, answer.json()["code"]) == (409, "already_withdrawn")

    def test_of_named_lenders_leaves_the_others(self, borrower: Borrower, clock: Clock) -> None:
        one = borrower.consent("funder_share", with_code=True, recipients=["HYF"]).json()["id"]
        clock.move(minutes=2)
        borrower.consent("funder_share", with_code=True, recipients=["QTX"])
        borrower.call("post", f"me/consents/{one}/withdraw")
        owner = user_id(borrower)
        assert queries.live_consent(owner, "funder_share", "HYF", clock.at) is None
        assert queries.live_consent(owner, "funder_share", "QTX", clock.at) is not None

    def test_of_the_account_s_agreements_ends_every_sign_in(self, borrower: Borrower, clock: Clock) -> None:
        owner = user_id(borrower)
        page = Client()
        page.force_login(User.objects.get(pk=owner))
        assert page.get("/me/").status_code == 200
        given = Consent.objects.get(code="privacy").public_id
        assert borrower.call("post", f"me/consents/{given}/withdraw").status_code == 200
        assert borrower.call("get", "me").status_code == 401
        assert borrower.call("post", "auth/refresh", {"refresh": borrower.tokens["refresh"]}).status_code == 401
        assert page.get("/me/").status_code == 302
        clock.move(minutes=2)
        assert borrower.sign_in().call("get", "me").status_code == 200
        assert queries.live_consent(owner, "privacy", "platform", clock.at) is not None

    def test_ends_it_at_that_moment(self, borrower: Borrower, clock: Clock) -> None:
        given = borrower.consent("identity").json()["id"]
        before = clock.at
        clock.move(hours=1)
        tokens = borrower.call("post", "auth/refresh", {"refresh": borrower.tokens["refresh"]}, token="").json()
        answer = borrower.call("post", f"me/consents/{given}/withdraw", token=tokens["access"])
        assert answer.status_code == 200
        owner = user_id(borrower)
        assert queries.live_consent(owner, "identity", "platform", clock.at) is None
        assert queries.live_consent(owner, "identity", "platform", before) is not None
        assert Consent.objects.get(public_id=given).withdrawn_by == f"user:{owner}"

    def test_a_check_still_waiting_is_never_sent(self, declared: Borrower, clock: Clock) -> None:
        declared.call("post", "me/checks", {})
        given = Consent.objects.get(code="identity").public_id
        declared.call("post", f"me/consents/{given}/withdraw")
        check = Check.objects.get()
        assert (check.state, check.failure, check.checked_at) == ("dead", "consent withdrawn", clock.at)
        answer = declared.call("post", "me/checks", {})
        assert (answer.status_code, answer.json()["code"]) == (409, "consent_missing")

    def test_twice_is_refused(self, borrower: Borrower) -> None:
        given = borrower.consent("identity").json()["id"]
        borrower.call("post", f"me/consents/{given}/withdraw")
        answer = borrower.call("post", f"me/consents/{given}/withdraw")
        assert (answer.status_code, answer.json()["code"]) == (409, "already_withdrawn")

    def test_another_borrowers_is_not_found(self, declared: Borrower, another: Callable[[str], Borrower]) -> None:
        given = Consent.objects.get(code="identity").public_id
        answer = another("13800138000").call("post", f"me/consents/{given}/withdraw")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert Consent.objects.get(public_id=given).withdrawn_at is None
