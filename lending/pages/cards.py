"""Bank cards: add one, wait for the bank, confirm with the code the bank's phone received."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from lending.common import web
from lending.common.crypto import mask_phone
from lending.pages import words
from users import queries as users
from users.services import cards, codes


class CardForm(forms.Form):
    number = forms.CharField(
        label=_("Debit card number"),
        max_length=30,
        widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "cc-number"}),
    )
    phone = forms.CharField(
        label=_("Mobile number the bank has"),
        max_length=20,
        widget=forms.TextInput({"type": "tel", "inputmode": "tel", "autocomplete": "tel-national"}),
    )


class NewCardPage(web.BorrowerPage):
    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(CardForm(initial={"phone": users.person(self.user_id()).phone}))

    def post(self, request: HttpRequest) -> HttpResponse:
        form, added = CardForm(request.POST), list[int]()
        if form.is_valid() and self.does(
            form,
            lambda: added.append(cards.add(user_id=self.user_id(), at=self.now(), **form.cleaned_data)),
        ):
            card = users.card(self.user_id(), added[0])
            return redirect(f"{reverse('card', args=[card.public_id])}?{_next(request)}")
        return self._page(form)

    def _page(self, form: CardForm) -> HttpResponse:
        return self.show("lending/card_new.html", form, holder=users.person(self.user_id()).name)


class CardPage(web.BorrowerPage):
    def get(self, request: HttpRequest, card_id: UUID) -> HttpResponse:
        return self._page(card_id, web.CodeForm())

    def post(self, request: HttpRequest, card_id: UUID) -> HttpResponse:
        card = users.card(self.user_id(), card_id)
        if "send" in request.POST:
            return self._send(card)
        form = web.CodeForm(request.POST)
        if form.is_valid() and self.does(
            form,
            lambda: cards.confirm(
                user_id=self.user_id(), card_id=card.id, code=form.cleaned_data["code"], at=self.now()
            ),
        ):
            return redirect(web.inside(request, request.GET.get("next"), "/me/"))
        return self._page(card_id, form)

    def _send(self, card: users.CardView) -> HttpResponse:
        with transaction.atomic(durable=True):
            codes.request_code_for(
                user_id=self.user_id(), purpose="card", subject=str(card.public_id), ip=self.ip(), at=self.now()
            )
        messages.success(self.request, gettext("A new code is on its way."))
        return redirect(self.request.get_full_path())

    def _page(self, card_id: UUID, form: forms.Form) -> HttpResponse:
        card = users.card(self.user_id(), card_id)
        return self.show(
            "lending/card.html",
            form,
            card=card,
            state=words.CARD_STATES[card.state],
            live=card.state if card.state == "added" else "",
            phone=mask_phone(card.phone),
            next=web.inside(self.request, self.request.GET.get("next"), "/me/"),
        )


class RemoveCardPage(web.BorrowerPage):
    def post(self, request: HttpRequest, card_id: UUID) -> HttpResponse:
        card = users.card(self.user_id(), card_id)
        with transaction.atomic(durable=True):
            cards.remove(user_id=self.user_id(), card_id=card.id)
        return redirect("me")

    def refused(self, error: Any) -> HttpResponse:
        messages.error(self.request, web.says(error))
        return redirect("me")


def _next(request: HttpRequest) -> str:
    return urlencode({"next": request.GET.get("next", "")})
