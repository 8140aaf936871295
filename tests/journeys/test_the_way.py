"""The way of the product, through HTTP: from a phone number to a repaid instalment."""

from collections.abc import Callable

import pytest

from lending.management.demo.borrower import Borrower, Refused
from lending.models import Entry, Event, Loan

pytestmark = pytest.mark.django_db(transaction=True)

APPROVED_ROW = 34  # one of those without a story of their own


class TestTheWay:
    def test_leads_from_a_phone_number_to_a_repaid_loan(self, borrower: Callable[[int], Borrower]) -> None:
        person = borrower(APPROVED_ROW)
        person.sign_in()
        person.fill_in()
        application = person.await_verdict(person.apply())
        assert application["status"] == "GRANTED", application["reasons"]
        card = person.bind_card()
        drawdown_id = person.draw(application["grant_id"], card)
        assert person.await_drawdown(drawdown_id, "SIGNING")["status"] == "SIGNING"
        person.sign(drawdown_id)
        drawdown = person.await_drawdown(drawdown_id)
        assert drawdown["status"] == "PAID"
        loan = person.loan(drawdown)
        first = loan["next_due"]
        person.repay(loan["id"], first["open_cents"])
        assert person.loan(drawdown)["next_due"]["number"] == 2
        quote = person.call("GET", f"loans/{loan['id']}/settlement-quote")
        person.repay(loan["id"], quote["amount_cents"])
        assert person.loan(drawdown)["status"] == "SETTLED"
        assert sum(Entry.objects.values_list("amount_cents", flat=True)) == 0
        assert Loan.objects.get().journals.count() >= 3
        person.until(lambda: not Event.objects.filter(handled_at=None).exists(), what="every step")

    def test_hides_what_belongs_to_somebody_else(self, borrower: Callable[[int], Borrower]) -> None:
        owner, stranger = borrower(APPROVED_ROW), borrower(APPROVED_ROW)
        for one in (owner, stranger):
            one.sign_in()
        owner.fill_in()
        application_id = owner.apply()
        with pytest.raises(Refused) as refused:
            stranger.application(application_id)
        assert (refused.value.status, refused.value.code) == (404, "not_found")
