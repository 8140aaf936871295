"""A drawdown: where it stands, the contracts to read and sign, another card, changing one's mind."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext

import contracts.queries
import contracts.services
import funding.queries
from contracts.queries import ContractView
from funding.queries import openings
from lending import flow, queries
from lending.common import web
from lending.pages import timeline, words
from lending.pages.forms import CardForm, confirmed_cards
from lending.pages.offers import elsewhere
from lending.queries import DrawdownView
from lending.services import drawdowns
from users import queries as users
from users.services import codes

CANCELLABLE = ("REQUESTED", "ROUTING", "NO_FUNDER", "FUNDER_PENDING", "SIGNING", "CARD_FIX")
READ_SECONDS = 5


class DrawdownPage(web.BorrowerPage):
    def get(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        drawdown = queries.drawdown_for(self.user_id(), public_id)
        documents = contracts.queries.set_for(drawdown.id)
        waiting = to_sign(drawdown, documents)
        is_prepared = ready(waiting)
        preparing = not is_prepared and (bool(waiting) or drawdown.status == "SIGNING")
        no_money = drawdown.status == "NO_FUNDER"
        return self.show(
            "lending/drawdown.html",
            drawdown=drawdown,
            product=queries.product(drawdown.product_code),
            state=words.state("drawdown", drawdown),
            pays_from=openings.pays_from(drawdown, self.now()),
            asks_again_at=openings.asks_again_at(drawdown),
            moments=timeline.of_drawdown(drawdown),
            live=drawdown.status if preparing or drawdown.status in words.MOVING else "",
            funder=queries.party(drawdown.funder_code) if drawdown.funder_code else None,
            documents=documents,
            can_sign=is_prepared,
            reasons=queries.explained(drawdown),
            can_cancel=drawdown.status in CANCELLABLE,
            offers=elsewhere(self.user_id(), drawdown.application_id, self.now()) if no_money else 0,
        )


def to_sign(drawdown: DrawdownView, documents: tuple[ContractView, ...]) -> list[ContractView]:
    """The documents that one code would sign now."""
    if drawdown.status not in ("SIGNING", "CARD_FIX"):
        return []
    annex = drawdown.status == "CARD_FIX"
    return [row for row in documents if (row.kind == "account_annex") == annex and row.signed_at is None]


def ready(waiting: list[ContractView]) -> bool:
    return bool(waiting) and all(row.state == "RENDERED" for row in waiting)


class SignPage(web.BorrowerPage):
    """First the cost sheet, for at least five seconds; then the contracts; then one code."""

    def get(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        drawdown, waiting = self._waiting(public_id)
        if not waiting:
            return redirect("drawdown", public_id)
        if not ready(waiting):
            return self.show("lending/preparing.html", drawdown=drawdown, live="preparing")
        sheet = next((row for row in waiting if row.kind == "cost_sheet"), None)
        if sheet is not None and (self._seconds_left(sheet) or "read" not in request.GET):
            return self._sheet(drawdown, sheet)
        return self._page(drawdown, waiting, web.CodeForm())

    def post(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        drawdown, waiting = self._waiting(public_id)
        if not waiting:
            return redirect("drawdown", public_id)
        if "send" in request.POST:
            return self._send(drawdown)
        form = web.CodeForm(request.POST)
        if form.is_valid() and self.does(
            form,
            lambda: contracts.services.sign(
                drawdown_id=drawdown.id,
                user_id=self.user_id(),
                code=form.cleaned_data["code"],
                ip=self.ip(),
                at=self.now(),
            ),
        ):
            return redirect("drawdown", public_id)
        return self._page(drawdown, waiting, form)

    def _waiting(self, public_id: UUID) -> tuple[DrawdownView, list[ContractView]]:
        drawdown = queries.drawdown_for(self.user_id(), public_id)
        return drawdown, to_sign(drawdown, contracts.queries.set_for(drawdown.id))

    def _send(self, drawdown: DrawdownView) -> HttpResponse:
        with transaction.atomic(durable=True):
            codes.request_code_for(
                user_id=self.user_id(), purpose="sign", subject=str(drawdown.public_id), ip=self.ip(), at=self.now()
            )
        return redirect(web.with_query(self.request, sent="1"))

    def _seconds_left(self, sheet: ContractView) -> int:
        if sheet.first_opened_at is None:
            return READ_SECONDS
        left = sheet.first_opened_at + timedelta(seconds=READ_SECONDS) - self.now()
        return max(0, int(left.total_seconds()) + (1 if left > timedelta() else 0))

    def _sheet(self, drawdown: DrawdownView, sheet: ContractView) -> HttpResponse:
        with transaction.atomic(durable=True):
            contracts.services.open_document(contract_id=sheet.id, at=self.now())
        return self.show(
            "lending/cost_sheet.html",
            drawdown=drawdown,
            contract=sheet,
            body=contracts.queries.readable(sheet.id),
            seconds=self._seconds_left(sheet),
        )

    def _page(self, drawdown: DrawdownView, waiting: list[ContractView], form: forms.Form) -> HttpResponse:
        return self.show(
            "lending/sign.html",
            form,
            drawdown=drawdown,
            documents=waiting,
            lender=queries.party(drawdown.funder_code),
            sent="sent" in self.request.GET,
            phone_end=users.person(self.user_id()).phone[-4:],
        )


def _contract(user_id: int, public_id: UUID, contract_id: UUID) -> tuple[DrawdownView, ContractView]:
    drawdown = queries.drawdown_for(user_id, public_id)
    found = next((row for row in contracts.queries.set_for(drawdown.id) if row.public_id == contract_id), None)
    if found is None:
        raise Http404
    return drawdown, found


class ContractPage(web.BorrowerPage):
    """A contract to read on any screen; the PDF is what counts."""

    def get(self, request: HttpRequest, public_id: UUID, contract_id: UUID) -> HttpResponse:
        drawdown, contract = _contract(self.user_id(), public_id, contract_id)
        with transaction.atomic(durable=True):
            contracts.services.open_document(contract_id=contract.id, at=self.now())
        body = contracts.queries.readable(contract.id)
        return self.show("lending/contract.html", drawdown=drawdown, contract=contract, body=body)


class ContractFilePage(web.BorrowerPage):
    def get(self, request: HttpRequest, public_id: UUID, contract_id: UUID) -> HttpResponse:
        _drawdown, contract = _contract(self.user_id(), public_id, contract_id)
        pdf = contracts.queries.pdf(contract.id)
        with transaction.atomic(durable=True):
            contracts.services.open_document(contract_id=contract.id, at=self.now())
        answer = HttpResponse(pdf, content_type="application/pdf")
        answer["Content-Disposition"] = f'inline; filename="{contract.number}.pdf"'
        return answer


class CancelPage(web.BorrowerPage):
    def get(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        return self.show("lending/cancel_drawdown.html", drawdown=queries.drawdown_for(self.user_id(), public_id))

    def post(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        drawdown = queries.drawdown_for(self.user_id(), public_id)
        with transaction.atomic(durable=True):
            drawdowns.cancel(drawdown_id=drawdown.id, by=self.by(), at=self.now())
        return redirect("drawdown", public_id)

    def refused(self, error: Any) -> HttpResponse:
        messages.error(self.request, gettext("It is too late to cancel: the money is on its way."))
        return redirect("drawdown", self.kwargs["public_id"])


class CardPage(web.BorrowerPage):
    """After the bank sent the payment back: another card, then the annex to sign."""

    def get(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        drawdown = queries.drawdown_for(self.user_id(), public_id)
        refused, others = self._cards(drawdown)
        named = next((card.public_id for card in others if card.id == drawdown.card_id), None)
        return self._page(drawdown, CardForm(cards=others, initial={"card": named}), refused, others)

    def post(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        drawdown = queries.drawdown_for(self.user_id(), public_id)
        refused, others = self._cards(drawdown)
        form = CardForm(request.POST, cards=others)
        if form.is_valid():
            card = users.card(self.user_id(), UUID(form.cleaned_data["card"]))
            if self.does(
                form,
                lambda: flow.change_card(drawdown_id=drawdown.id, card_id=card.id, by=self.by(), at=self.now()),
            ):
                return redirect("sign", public_id)
        return self._page(drawdown, form, refused, others)

    def _cards(self, drawdown: DrawdownView) -> tuple[list[int], list[users.CardView]]:
        """Those that the bank refused to pay to, oldest first, and the confirmed ones that are left."""
        refused = [payout.card_id for payout in funding.queries.payouts_of(drawdown.id) if payout.fault == "card"]
        return refused, [card for card in confirmed_cards(self.user_id()) if card.id not in refused]

    def _page(
        self, drawdown: DrawdownView, form: CardForm, refused: list[int], others: list[users.CardView]
    ) -> HttpResponse:
        if drawdown.status != "CARD_FIX":
            return redirect("drawdown", drawdown.public_id)
        latest = users.card(self.user_id(), refused[-1])
        return self.show("lending/card_fix.html", form, drawdown=drawdown, refused=latest, others=others)
