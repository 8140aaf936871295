"""Reading documents and consenting to them: by a tick, or with a code by text message."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from lending import overview, queries
from lending.common import web
from lending.overview import Agreement
from lending.pages import operators
from lending.pages.apply import progress
from users import queries as users
from users.services import codes, consents

IN_THE_APP_ONLY = {"device", "sms", "contacts"}  # what these allow to read, no web page can
ASKED_BEFORE = {"identity"}


class DocumentPage(web.Page):
    """The text of a document, for anybody."""

    def get(self, request: HttpRequest, code: str) -> HttpResponse:
        document = users.document(code, self.now())
        if document is None:
            raise Http404
        return self.show("lending/document.html", document=document)


class AgreementsPage(web.BorrowerPage):
    """The documents of applying: the two that need a code, and those one may leave out."""

    def get(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        draft = queries.application_for(self.user_id(), public_id)
        if draft.status != "DRAFT":
            return redirect("application", public_id)
        found = self._documents()
        return self.show(
            "lending/apply/agreements.html",
            application=draft,
            step="agreements",
            progress=progress("agreements"),
            needed=[row for row in found if not row.optional],
            optional=[row for row in found if row.optional],
            ready=all(row.given for row in found if not row.optional),
        )

    def post(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        draft = queries.application_for(self.user_id(), public_id)
        ticked = set(request.POST.getlist("accept"))
        given = {row.code: row.version for row in self._documents() if row.optional and row.code in ticked}
        with transaction.atomic(durable=True):
            consents.give_all(user_id=self.user_id(), versions=given, ip=self.ip(), at=self.now())
        confirm = reverse("apply_confirm", args=[draft.public_id])
        is_wanted = users.operator(self.user_id(), self.now()).is_wanted
        return redirect(operators.address(confirm) if is_wanted else confirm)

    def _documents(self) -> list[Agreement]:
        found = overview.agreements(user_id=self.user_id(), moment="apply", at=self.now())
        return [row for row in found if row.code not in IN_THE_APP_ONLY | ASKED_BEFORE]


class SignDocumentPage(web.BorrowerPage):
    """One document that is signed with a code. Leads back to `next`."""

    def get(self, request: HttpRequest, code: str) -> HttpResponse:
        return self._page(code, web.CodeForm())

    def post(self, request: HttpRequest, code: str) -> HttpResponse:
        agreement = self._agreement(code)
        if "send" in request.POST:
            with transaction.atomic(durable=True):
                codes.request_code_for(
                    user_id=self.user_id(), purpose="consent", subject=code, ip=self.ip(), at=self.now()
                )
            return redirect(web.with_query(request, sent="1"))
        form = web.CodeForm(request.POST)
        if form.is_valid() and self.does(form, lambda: self._give(agreement, form)):
            return redirect(web.inside(request, request.GET.get("next"), "/home/"))
        return self._page(code, form)

    def _give(self, agreement: Agreement, form: web.CodeForm) -> None:
        consents.give(
            user_id=self.user_id(),
            code=agreement.code,
            version=agreement.version,
            recipients=agreement.recipients if self._named() else (),
            ip=self.ip(),
            otp=form.cleaned_data["code"],
            at=self.now(),
        )

    def _named(self) -> dict[str, Any]:
        """Of a drawdown: what it would be, so that the lenders to name are known."""
        data = self.request.GET
        if "grant" not in data:
            return {}
        try:
            return {
                "grant_id": UUID(data["grant"]),
                "amount_cents": int(data.get("amount_cents", "")),
                "months": int(data.get("months", "")),
            }
        except ValueError as error:
            raise Http404 from error

    def _agreement(self, code: str) -> Agreement:
        named = self._named()
        moment = "drawdown" if named else "apply"
        found = overview.agreements(user_id=self.user_id(), moment=moment, at=self.now(), **named)
        agreement = next((row for row in found if row.code == code and row.accepted_by == "otp"), None)
        if agreement is None:
            raise Http404
        return agreement

    def _page(self, code: str, form: web.CodeForm) -> HttpResponse:
        return self.show(
            "lending/sign_document.html",
            form,
            agreement=self._agreement(code),
            parties=[queries.party(name) for name in self._agreement(code).recipients] if self._named() else [],
            sent="sent" in self.request.GET,
            phone_end=users.person(self.user_id()).phone[-4:],
        )
