"""A loan: what is due and when, repaying, settling early, giving the money back."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

import contracts.queries
import funding.queries
from lending import flow, queries
from lending.common import clock, web
from lending.pages import words
from lending.pages.forms import CardForm, KeyForm, Yuan, confirmed_cards
from lending.queries import LoanView
from lending.services import idempotency
from users import queries as users

UNDER_WAY = ("DUE", "SENT", "UNKNOWN")


class LoanPage(web.BorrowerPage):
    def get(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        loan = queries.loan_for(self.user_id(), public_id, self.now())
        under_way = [row for row in funding.queries.collections_of(loan.id) if row.state in UNDER_WAY]
        failed = next(iter(funding.queries.collections_of(loan.id)), None)
        drawdown = queries.drawdown(loan.drawdown_id)
        owes = any(line.open_cents for line in loan.instalments)
        return self.show(
            "lending/loan.html",
            loan=loan,
            drawdown=drawdown,
            product=queries.product(loan.product_code),
            state=words.LOAN[loan.status],
            creditor=queries.party(loan.creditor),
            next_due=next((line for line in loan.instalments if line.open_cents), None),
            lines=lines(loan),
            repayments=queries.repayments_of(loan.id),
            under_way=under_way,
            failed=failed if failed and failed.state == "FAILED" else None,
            live="collecting" if under_way else "",
            documents=contracts.queries.set_for(loan.drawdown_id),
            owes=owes,
            today=clock.business_date(self.now()),
            return_until=return_until(loan, self.now()),
        )


def lines(loan: LoanView) -> list[dict[str, Any]]:
    """The schedule with what each interest was computed from."""
    balance, found = loan.principal_cents, []
    for line in loan.instalments:
        total = line.principal_cents + line.interest_cents + line.guarantee_fee_cents + line.penalty_cents
        found.append({"row": line, "balance_cents": balance, "total_cents": total})
        balance -= line.principal_cents
    return found


def return_until(loan: LoanView, at: Any) -> Any:
    """Until when the money can be given back at no cost; None where that is over."""
    hours = int(queries.servicing("cancel_free_hours_clock"))
    until = loan.opened_at + timedelta(hours=hours)
    untouched = loan.status == "ACTIVE" and not any(line.paid_cents for line in loan.instalments)
    return until if untouched and at <= until else None


class MoneyPage(web.BorrowerPage):
    """A page whose button collects money once, however often it is pressed."""

    loan: LoanView

    def collect(self, form: forms.Form, act: Callable[[str], int], asked: dict[str, Any]) -> bool:
        """`act` is given the key under which the payment channel collects."""
        key = str(form.cleaned_data["key"])

        def once() -> None:
            idempotency.once(
                caller=self.by(),
                key=f"page-{key}",
                request={"loan": str(self.loan.public_id), **asked},
                at=self.now(),
                act=lambda: idempotency.Answer(202, act(key)),
            )

        return self.does(form, once)


class RepayForm(CardForm, KeyForm):
    amount = Yuan(label=_("Amount"))


class RepayPage(MoneyPage):
    def get(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        self.loan = queries.loan_for(self.user_id(), public_id, self.now())
        due = queries.due_now(self.loan.id, self.now())
        amount = f"{due // 100}.{due % 100:02d}"
        cards = confirmed_cards(self.user_id())
        own = next((card for card in cards if card.id == self.loan.card_id), cards[0] if cards else None)
        initial = {"amount": amount, "key": uuid.uuid4(), "card": own.public_id if own else None}
        return self._page(RepayForm(cards=cards, initial=initial))

    def post(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        self.loan = queries.loan_for(self.user_id(), public_id, self.now())
        form = RepayForm(request.POST, cards=confirmed_cards(self.user_id()))
        if form.is_valid():
            card = users.card(self.user_id(), UUID(form.cleaned_data["card"]))
            amount_cents = form.cleaned_data["amount"]
            if self.collect(
                form,
                lambda key: flow.repay(
                    loan_id=self.loan.id,
                    amount_cents=amount_cents,
                    card_id=card.id,
                    key=f"repay-{self.loan.public_id}-{key}",
                    by=self.by(),
                    at=self.now(),
                ),
                {"amount_cents": amount_cents, "card": form.cleaned_data["card"]},
            ):
                return redirect("loan", public_id)
        return self._page(form)

    def _page(self, form: forms.Form) -> HttpResponse:
        due = queries.due_now(self.loan.id, self.now())
        return self.show("lending/repay.html", form, loan=self.loan, due_cents=due)


class SettlePage(MoneyPage):
    def get(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        self.loan = queries.loan_for(self.user_id(), public_id, self.now())
        return self._page(KeyForm(initial={"key": uuid.uuid4()}))

    def post(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        self.loan = queries.loan_for(self.user_id(), public_id, self.now())
        form = KeyForm(request.POST)
        if form.is_valid():
            amount_cents = queries.settlement_quote(self.loan.id, self.now()).amount_cents
            if self.collect(
                form,
                lambda key: flow.repay(
                    loan_id=self.loan.id,
                    amount_cents=amount_cents,
                    card_id=None,
                    key=f"repay-{self.loan.public_id}-{key}",
                    by=self.by(),
                    at=self.now(),
                ),
                {"settle": True},
            ):
                return redirect("loan", public_id)
        return self._page(form)

    def _page(self, form: forms.Form) -> HttpResponse:
        quote = queries.settlement_quote(self.loan.id, self.now())
        card = users.card(self.user_id(), self.loan.card_id)
        return self.show("lending/settle.html", form, loan=self.loan, quote=quote, card=card)

    def refused(self, error: Any) -> HttpResponse:
        return redirect("loan", self.kwargs["public_id"])


class ReturnPage(MoneyPage):
    """The right to give the money back."""

    def get(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        self.loan = queries.loan_for(self.user_id(), public_id, self.now())
        return self._page(KeyForm(initial={"key": uuid.uuid4()}))

    def post(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        self.loan = queries.loan_for(self.user_id(), public_id, self.now())
        form = KeyForm(request.POST)
        if form.is_valid() and self.collect(
            form,
            lambda key: flow.withdraw_loan(
                loan_id=self.loan.id, key=f"withdraw-{self.loan.public_id}-{key}", by=self.by(), at=self.now()
            ),
            {"withdraw": True},
        ):
            return redirect("loan", public_id)
        return self._page(form)

    def _page(self, form: forms.Form) -> HttpResponse:
        until = return_until(self.loan, self.now())
        if until is None:
            return redirect("loan", self.loan.public_id)
        card = users.card(self.user_id(), self.loan.card_id)
        return self.show("lending/return.html", form, loan=self.loan, until=until, card=card)
