"""What is mine: everything under way, and what is held, used and agreed about me."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext

import risk.queries
from lending import queries
from lending.common import web
from lending.common.crypto import mask_id, mask_phone
from lending.pages import words
from users import queries as users
from users.services import consents

CLOSED = ("WITHDRAWN", "EXPIRED", "DECLINED", "GRANTED")


class HomePage(web.BorrowerPage):
    """What waits for me first, then what runs, then what is over."""

    def get(self, request: HttpRequest) -> HttpResponse:
        applications = queries.applications_of(self.user_id())
        drawdowns = queries.drawdowns_of(self.user_id())
        names = {row.code: row for row in queries.products()}
        return self.show(
            "lending/home.html",
            open_applications=_with(words.APPLICATION, [a for a in applications if a.status not in CLOSED], names),
            grants=_with(words.GRANT, queries.grants_of(self.user_id()), names),
            open_drawdowns=_with(
                words.DRAWDOWN,
                [d for d in drawdowns if d.status not in ("PAID", "CANCELLED", "EXPIRED", "DECLINED", "RETURNED")],
                names,
            ),
            loans=_with(words.LOAN, queries.loans_of(self.user_id(), self.now()), names),
            past=_with(words.APPLICATION, [a for a in applications if a.status in CLOSED], names),
        )


def _with(states: dict[str, words.State], rows: Any, names: Any) -> list[dict[str, Any]]:
    found = []
    for row in rows:
        due = next((line for line in getattr(row, "instalments", ()) if line.open_cents), None)
        found.append({"row": row, "state": states[row.status], "product": names.get(row.product_code), "due": due})
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
        )


class ConsentsPage(web.BorrowerPage):
    """Every consent with its recipients; a live one can be withdrawn."""

    def get(self, request: HttpRequest) -> HttpResponse:
        documents = {row.code: row for row in users.documents(self.now())}
        found = [
            {"row": row, "document": documents.get(row.code), "names": [_recipient(code) for code in row.recipients]}
            for row in users.consents(self.user_id())
        ]
        return self.show("lending/consents.html", consents=found)


class WithdrawConsentPage(web.BorrowerPage):
    def post(self, request: HttpRequest, consent_id: UUID) -> HttpResponse:
        with transaction.atomic(durable=True):
            consents.withdraw(user_id=self.user_id(), consent_id=consent_id, by=self.by(), at=self.now())
        messages.success(request, gettext("Withdrawn. Nothing more is sent under it."))
        return redirect("consents")

    def refused(self, error: Any) -> HttpResponse:
        messages.error(self.request, web.says(error))
        return redirect("consents")


class DataUsedPage(web.BorrowerPage):
    """Every enquiry about me: what, from whom, when, under which consent."""

    def get(self, request: HttpRequest) -> HttpResponse:
        documents = {row.code: row for row in users.documents(self.now())}
        rows = [
            {"row": row, "vendor": _recipient(row.vendor), "document": documents.get(row.consent_code)}
            for row in risk.queries.data_used(self.user_id())
        ]
        return self.show("lending/data_used.html", rows=rows)


def _recipient(code: str) -> words.Text:
    """Whom data goes to, by name: a service of ours by what it does, a company by its legal name."""
    if code in words.RECIPIENTS:
        return words.RECIPIENTS[code]
    party = queries.party(code)
    return party.legal_name_zh if words.is_chinese() else party.legal_name
