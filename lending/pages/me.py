"""What is mine: everything under way, and what is held, used and agreed about me."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext

from lending import overview, queries
from lending.common import web
from lending.common.crypto import mask_id, mask_phone
from lending.pages import levels, operators, words
from traffic.queries import distribution
from users import queries as users
from users.services import consents

A_PAGE = 50
CLOSED = ("WITHDRAWN", "EXPIRED", "DECLINED", "GRANTED")


class HomePage(web.BorrowerPage):
    """What waits for me first, then what runs, then what is over."""

    def get(self, request: HttpRequest) -> HttpResponse:
        applications = queries.applications_of(self.user_id())
        drawdowns = queries.drawdowns_of(self.user_id())
        names = {row.code: row for row in queries.products()}
        return self.show(
            "lending/home.html",
            open_applications=_with("application", [a for a in applications if a.status not in CLOSED], names),
            grants=_with("grant", queries.grants_of(self.user_id()), names),
            open_drawdowns=_with(
                "drawdown",
                [d for d in drawdowns if d.status not in ("PAID", "CANCELLED", "EXPIRED", "DECLINED", "RETURNED")],
                names,
            ),
            loans=_with("loan", queries.loans_of(self.user_id(), self.now()), names),
            offers=len(distribution.offers_of(self.user_id(), self.now())),
            past=_with("application", [a for a in applications if a.status in CLOSED], names),
        )


def _with(subject: str, rows: Any, names: Any) -> list[dict[str, Any]]:
    found = []
    for row in rows:
        due = next((line for line in getattr(row, "instalments", ()) if line.open_cents), None)
        state = words.state(subject, row)
        found.append({"row": row, "state": state, "product": names.get(row.product_code), "due": due})
    return found


class MePage(web.BorrowerPage):
    def get(self, request: HttpRequest) -> HttpResponse:
        me = users.person(self.user_id())
        cards = [{"row": card, "state": words.CARD_STATES[card.state]} for card in users.cards(self.user_id())]
        return self.show(
            "lending/me.html",
            me=me,
            phone=mask_phone(me.phone),
            id_number=mask_id(me.id_number) if me.id_number else "",
            cards=cards,
            level=levels.card(self.user_id()),
            operator=(operator := users.operator(self.user_id(), self.now())),
            operator_said=operators.told(operator)["said"],
        )


class ConsentsPage(web.BorrowerPage):
    """Every consent with its recipients, under the title it was given to."""

    def get(self, request: HttpRequest) -> HttpResponse:
        found = [
            {"given": row, "names": [_recipient(code) for code in row.consent.recipients]}
            for row in users.consents_as_given(self.user_id(), self.now())
        ]
        return self.show("lending/consents.html", consents=found)


class ConsentPage(web.BorrowerPage):
    """One consent: the text as it was read, what stood on it, and what withdrawing it stops, before it is withdrawn."""

    def get(self, request: HttpRequest, consent_id: UUID) -> HttpResponse:
        given = users.consent_as_given(self.user_id(), consent_id, self.now())
        uses = overview.data_used(user_id=self.user_id(), at=self.now())
        return self.show(
            "lending/consent.html",
            given=given,
            names=[_recipient(code) for code in given.consent.recipients],
            uses=[_shown(use) for use in uses if use.consent_id == consent_id],
        )


class WithdrawConsentPage(web.BorrowerPage):
    def post(self, request: HttpRequest, consent_id: UUID) -> HttpResponse:
        with transaction.atomic(durable=True):
            consents.withdraw(user_id=self.user_id(), consent_id=consent_id, by=self.by(), at=self.now())
        messages.success(request, gettext("Withdrawn. Nothing more is sent under it."))
        return redirect("consent", consent_id)

    def refused(self, error: Any) -> HttpResponse:
        messages.error(self.request, web.says(error))
        return redirect("consents")


class DataUsedPage(web.BorrowerPage):
    """Every use of my data: what, from whom or for whom, when, and under which consent."""

    def get(self, request: HttpRequest) -> HttpResponse:
        uses = overview.data_used(user_id=self.user_id(), at=self.now())
        page = Paginator(uses, A_PAGE).get_page(request.GET.get("page"))
        return self.show("lending/data_used.html", page=page, rows=[_shown(use) for use in page])


def _shown(use: overview.DataUse) -> dict[str, Any]:
    return {
        "row": use,
        "vendor": _recipient(use.vendor),
        "asked_for": words.ASKED_FOR[use.asked_for],
        "state": words.USES[use.state],
    }


def _recipient(code: str) -> words.Text:
    """Whom data goes to, by name: a service of ours by what it does, a company by its legal name."""
    if code in words.RECIPIENTS:
        return words.RECIPIENTS[code]
    party = queries.party(code)
    return party.legal_name_zh if words.is_chinese() else party.legal_name
