"""A limit, and taking money from it: amount, card, consents that name the lenders, one button."""

import uuid
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from lending import flow, overview, queries
from lending.common import clock, web
from lending.pages import words
from lending.pages.forms import AmountForm, CardForm, KeyForm, confirmed_cards
from lending.queries import GrantView
from lending.services import idempotency
from users import queries as users


class GrantPage(web.BorrowerPage):
    """The limit; the form leads on to the page where it is drawn."""

    def get(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        grant = queries.grant_for(self.user_id(), public_id)
        product = queries.product(grant.product_code)
        application = queries.application(grant.application_id)
        form = AmountForm(
            product=product,
            least_cents=product.drawdown_min_cents,
            most_cents=grant.free_cents,
            initial={
                "amount": grant.free_cents // 100,
                "months": grant.months,
                "method": application.method,
                "purpose": application.purpose,
            },
        )
        drawn = [row for row in queries.drawdowns_of(self.user_id()) if row.grant_id == grant.id]
        return self.show(
            "lending/grant.html",
            form,
            grant=grant,
            product=product,
            state=words.GRANT[grant.status],
            can_draw=can_draw(grant, product.kind, drawn, product.drawdown_min_cents),
            drawdowns=[{"row": row, "state": words.state("drawdown", row)} for row in drawn],
        )


def can_draw(grant: GrantView, kind: str, drawn: list[queries.DrawdownView], least_cents: int) -> bool:
    """Whether the button is shown; the service decides again."""
    taken = any(row.status not in ("CANCELLED", "EXPIRED", "DECLINED", "RETURNED") for row in drawn)
    return grant.status == "ACTIVE" and grant.free_cents >= least_cents and not (kind == "single" and taken)


class DrawForm(CardForm, KeyForm):
    """Where the money goes, once."""


class DrawPage(web.BorrowerPage):
    """What exactly would be borrowed and from whom; everything that is still missing, and then the button."""

    grant: GrantView
    asked: dict[str, Any]

    def get(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        return self._wrong_terms(public_id) or self._page()

    def post(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        if wrong := self._wrong_terms(public_id):
            return wrong
        form = DrawForm(request.POST, cards=confirmed_cards(self.user_id()))
        drawn: list[str] = []
        if form.is_valid() and self.does(form, lambda: drawn.append(self._draw(form))):
            return redirect("drawdown", drawn[0])
        return self._page(form)

    def _wrong_terms(self, public_id: UUID) -> HttpResponse | None:
        """The page of the limit with the mistakes, where what the address asks for cannot be drawn."""
        self.grant = queries.grant_for(self.user_id(), public_id)
        self.product = queries.product(self.grant.product_code)
        form = AmountForm(
            self.request.GET,
            product=self.product,
            least_cents=self.product.drawdown_min_cents,
            most_cents=self.grant.free_cents,
        )
        if not form.is_valid():
            state = words.GRANT[self.grant.status]
            return self.show(
                "lending/grant.html", form, grant=self.grant, product=self.product, state=state, can_draw=True
            )
        self.asked = form.cleaned_data
        return None

    def _draw(self, form: DrawForm) -> str:
        card = users.card(self.user_id(), UUID(form.cleaned_data["card"]))

        def act() -> idempotency.Answer:
            pk = flow.confirm_drawdown(
                user_id=self.user_id(),
                grant_id=self.grant.id,
                amount_cents=self.asked["amount"],
                months=self.asked["months"],
                method=self.asked["method"],
                card_id=card.id,
                purpose=self.asked["purpose"],
                by=self.by(),
                at=self.now(),
            )
            return idempotency.Answer(201, str(queries.drawdown(pk).public_id))

        answer, _again = idempotency.once(
            caller=self.by(),
            key=f"page-{form.cleaned_data['key']}",
            request={"grant": str(self.grant.public_id), "card": form.cleaned_data["card"], **self.asked},
            at=self.now(),
            act=act,
        )
        return str(answer.body)

    def _page(self, form: DrawForm | None = None) -> HttpResponse:
        terms = {"amount_cents": self.asked["amount"], "months": self.asked["months"]}
        cards = confirmed_cards(self.user_id())
        found = overview.agreements(
            user_id=self.user_id(), moment="drawdown", at=self.now(), grant_id=self.grant.public_id, **terms
        )
        needed = [row for row in found if row.accepted_by == "otp"]
        face_needed = users.face_needed(self.user_id(), self.now())
        here = self.request.get_full_path()
        named = urlencode({"grant": str(self.grant.public_id), **terms, "next": here})
        return self.show(
            "lending/draw.html",
            form or DrawForm(cards=cards, initial={"key": uuid.uuid4(), "card": cards[0].public_id if cards else None}),
            grant=self.grant,
            product=self.product,
            asked=self.asked,
            purpose=words.PURPOSES.get(self.asked["purpose"], ""),
            method=words.METHODS[self.asked["method"]],
            quote=queries.grant_quote(
                self.grant, method=self.asked["method"], on=clock.business_date(self.now()), **terms
            ),
            lenders=[queries.party(code) for code in (needed[0].recipients if needed else ())],
            needed=needed,
            named=named,
            here=here,
            cards=cards,
            face_needed=face_needed,
            ready=bool(cards)
            and not face_needed
            and bool(needed)
            and all(row.given and row.recipients for row in needed),
        )
