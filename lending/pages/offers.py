"""Loans of other platforms: what there is, choosing one with a code, and what became of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext

import traffic.services
from lending import flow, overview, queries
from lending.common import clock, web
from lending.pages import words
from traffic.queries import distribution
from traffic.queries.distribution import OfferView
from users import queries as users

UNDER_WAY = ("asking", "accepted", "paid")
DECIDED = ("DECLINED", "GRANTED", "WITHDRAWN", "EXPIRED")


class OffersPage(web.BorrowerPage):
    def get(self, request: HttpRequest) -> HttpResponse:
        found = distribution.offers_of(self.user_id(), self.now())
        open_ones = [row for row in found if row.status == "open"]
        chosen = [row for row in found if row.status != "open"]
        return self.show(
            "lending/offers.html",
            chosen=[{"row": row, "state": words.OFFER[row.status]} for row in chosen],
            open=[{"row": row, "odds": words.ODDS[row.odds], "name": name_of(row)} for row in open_ones],
            under_way=any(row.status in UNDER_WAY for row in chosen),
            can_look=any(row.status in DECIDED for row in queries.applications_of(self.user_id())),
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        """Our own way in: the borrower has us look."""
        with transaction.atomic(durable=True):
            traffic.services.look_for(user_id=self.user_id(), at=self.now())
        if not any(row.status == "open" for row in distribution.offers_of(self.user_id(), self.now())):
            messages.info(request, gettext("We looked, and found none today."))
        return redirect("offers")


def name_of(row: OfferView) -> str:
    return row.platform_name_zh if words.is_chinese() and row.platform_name_zh else row.platform_name


def elsewhere(user_id: int, application_id: int, at: datetime) -> int:
    """How many other platforms could be chosen for what this application left open."""
    whose = queries.application(application_id).public_id
    return sum(row.status == "open" and row.application_id == whose for row in distribution.offers_of(user_id, at))


class OfferPage(web.BorrowerPage):
    """One offer: what it costs, what its platform would be told, the consent that names it, and what came of it."""

    def get(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        return self._page(public_id, web.CodeForm())

    def post(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        if "send" in request.POST:
            with transaction.atomic(durable=True):
                flow.send_offer_code(user_id=self.user_id(), offer_id=public_id, ip=self.ip(), at=self.now())
            return redirect(web.with_query(request, sent="1"))
        form = web.CodeForm(request.POST)
        if form.is_valid() and self.does(form, lambda: self._accept(public_id, form)):
            return redirect("offer", public_id)
        return self._page(public_id, form)

    def _accept(self, public_id: UUID, form: web.CodeForm) -> int:
        return flow.accept_offer(
            user_id=self.user_id(),
            offer_id=public_id,
            version=self._agreement(public_id).version,
            otp=form.cleaned_data["code"],
            ip=self.ip(),
            at=self.now(),
        )

    def _agreement(self, public_id: UUID) -> overview.Agreement:
        found = overview.agreements(user_id=self.user_id(), moment="distribution", at=self.now(), offer_id=public_id)
        return found[0]

    def _page(self, public_id: UUID, form: web.CodeForm) -> HttpResponse:
        offer = distribution.offer_for(self.user_id(), public_id, self.now())
        return self.show(
            "lending/offer.html",
            form,
            offer=offer,
            name=name_of(offer),
            odds=words.ODDS[offer.odds],
            state=words.OFFER[offer.status],
            live=offer.status if offer.status == "asking" else "",
            moments=[],
            agreement=self._agreement(public_id),
            quote=self._cost(offer),
            sent="sent" in self.request.GET,
            phone_end=users.person(self.user_id()).phone[-4:],
        )

    def _cost(self, offer: OfferView) -> Any:
        """Of the day it was made, as its figures in the list are."""
        return queries.priced(
            offer.currency,
            amount_cents=offer.amount_cents,
            months=offer.months,
            annual_rate=offer.annual_rate,
            method="equal_instalment",
            on=clock.business_date(offer.made_at),
        )
