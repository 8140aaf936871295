"""me/bank-cards: added, checked by the bank, confirmed with the code of the bank's phone."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Clock
from tests.sandbox_server import SandboxClient
from tests.unit.users.conftest import CARD, ID_NUMBER, Borrower, newest_code
from users import queries
from users.models import BankCard, Check, Consent, Message
from users.services import checks

BANK_PHONE = "13600000009"


@pytest.fixture
def added(declared: Borrower, sandbox: SandboxClient) -> Borrower:
    answer = declared.call("post", "me/bank-cards", {"number": CARD, "phone": BANK_PHONE})
    assert (answer.status_code, answer.json()["state"]) == (201, "added")
    return declared


@pytest.fixture
def checked(added: Borrower, clock: Clock) -> Borrower:
    checks.run_due(now=clock.at)
    assert BankCard.objects.get().state == "checked"
    return added


def confirm(borrower: Borrower, code: str, card_id: Any = None) -> Any:
    card_id = card_id or BankCard.objects.latest("pk").public_id
    return borrower.call("post", f"me/bank-cards/{card_id}/confirm", {"code": code})


class TestAdd:
    @pytest.mark.parametrize("number", ["6222020000000000001", "1234", "", "6222 0200 0000 000x", "0" * 25])
    def test_refuses_what_is_no_card_number(self, declared: Borrower, number: str) -> None:
        answer = declared.call("post", "me/bank-cards", {"number": number, "phone": BANK_PHONE})
        assert answer.status_code == 422
        assert "number" in answer.json()["fields"]
        assert not BankCard.objects.exists()

    def test_needs_details_and_the_consent(self, borrower: Borrower) -> None:
        body = {"number": CARD, "phone": BANK_PHONE}
        assert borrower.call("post", "me/bank-cards", body).json()["code"] == "profile_incomplete"
        borrower.call("put", "me/profile", {"name": "王建国", "id_number": ID_NUMBER})
        assert borrower.call("post", "me/bank-cards", body).json()["code"] == "consent_missing"
        assert not BankCard.objects.exists()

    def test_shows_four_digits_only(self, added: Borrower) -> None:
        (card,) = added.call("get", "me/bank-cards").json()
        assert card == {"id": str(BankCard.objects.get().public_id), "bank": "", "last4": "0000", "state": "added"}

    def test_spaces_do_not_matter(self, added: Borrower) -> None:
        answer = added.call("post", "me/bank-cards", {"number": "6222 0200 0000 0000 000", "phone": BANK_PHONE})
        assert answer.status_code == 201
        assert BankCard.objects.count() == Check.objects.count() == 1


class TestCheck:
    def test_asks_the_bank_with_all_four_and_sends_the_code_to_its_phone(
        self, checked: Borrower, sandbox: SandboxClient
    ) -> None:
        (call,) = sandbox.calls("card4")
        assert call["body"] == {
            "name": "王建国",
            "id_number": ID_NUMBER,
            "phone": BANK_PHONE,
            "card_number": CARD,
        }
        message = Message.objects.latest("pk")
        assert (message.phone, message.template) == (BANK_PHONE, "code_card")
        assert "0000" in message.text
        result = queries.card_check(BankCard.objects.get().pk)
        assert result is not None
        assert (result.state, result.price_cents) == ("passed", 40)

    def test_somebody_elses_card_is_refused(self, added: Borrower, sandbox: SandboxClient, clock: Clock) -> None:
        sandbox.control("card4", force={ID_NUMBER: "mismatch"})
        checks.run_due(now=clock.at)
        assert BankCard.objects.get().state == "refused"
        assert not Message.objects.filter(template="code_card").exists()
        assert confirm(added, "123456").json()["code"] == "card_not_waiting"

    def test_nobody_answering_leaves_it_open_to_be_asked_again(
        self, added: Borrower, sandbox: SandboxClient, clock: Clock
    ) -> None:
        for vendor in ("card4", "card4_b"):
            sandbox.control(vendor, error_rate=1)
        for _ in range(3):
            checks.run_due(now=clock.at)
            clock.move(seconds=30)
        assert (Check.objects.get().state, BankCard.objects.get().state) == ("dead", "added")
        sandbox.reset()
        added.call("post", "me/bank-cards", {"number": CARD, "phone": BANK_PHONE})
        checks.run_due(now=clock.at)
        assert BankCard.objects.get().state == "checked"


class TestConfirm:
    def test_with_the_code_it_is_confirmed(self, checked: Borrower, clock: Clock) -> None:
        answer = confirm(checked, newest_code())
        assert (answer.status_code, answer.json()["state"]) == (200, "confirmed")
        card = BankCard.objects.get()
        assert card.confirmed_at == clock.at
        assert queries.card(None, card.pk).number == CARD

    def test_a_wrong_code_changes_nothing(self, checked: Borrower) -> None:
        answer = confirm(checked, f"{(int(newest_code()) + 1) % 10**6:06d}")
        assert (answer.status_code, answer.json()["code"]) == (422, "wrong_code")
        assert BankCard.objects.get().state == "checked"

    def test_twice_is_refused(self, checked: Borrower) -> None:
        code = newest_code()
        confirm(checked, code)
        assert confirm(checked, code).json()["code"] == "card_not_waiting"

    def test_before_the_bank_answered_is_refused(self, added: Borrower) -> None:
        answer = confirm(added, "123456")
        assert (answer.status_code, answer.json()["code"]) == (409, "card_not_waiting")

    def test_a_new_code_may_be_asked_for(self, checked: Borrower, clock: Clock) -> None:
        clock.move(minutes=6)
        subject = str(BankCard.objects.get().public_id)
        answer = checked.call("post", "auth/otp", {"purpose": "card", "subject": subject})
        assert answer.status_code == 202
        assert Message.objects.latest("pk").phone == BANK_PHONE
        assert confirm(checked, newest_code()).status_code == 200

    def test_another_borrowers_card_is_not_found(self, checked: Borrower, another: Callable[[str], Borrower]) -> None:
        card, code = BankCard.objects.get(), newest_code()
        thief = another("13800138000")
        assert confirm(thief, code, card.public_id).status_code == 404
        body = {"purpose": "card", "subject": str(card.public_id)}
        assert thief.call("post", "auth/otp", body).status_code == 404
        assert thief.call("get", "me/bank-cards").json() == []
        card.refresh_from_db()
        assert card.state == "checked"

    @pytest.mark.parametrize("card_id", ["00000000-0000-4000-8000-000000000000"])
    def test_an_unknown_card_is_not_found(self, checked: Borrower, card_id: str) -> None:
        assert confirm(checked, "123456", card_id).status_code == 404


class TestConsent:
    def test_the_check_names_the_consent_it_was_sent_under(self, added: Borrower) -> None:
        check = Check.objects.get()
        assert (check.consent, check.recipient) == (Consent.objects.get(code="identity"), "card_vendor")
