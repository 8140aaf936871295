"""An application's own page in each of its states, and what its borrower can do there."""

from typing import Any
from uuid import UUID

from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

import review.queries
from lending import queries
from lending.common import web
from lending.common.documents import UnreadableFile
from lending.common.text import UnusableText
from lending.pages import timeline, words
from lending.pages.apply import redirect_to_step
from lending.pages.offers import elsewhere
from lending.queries import ApplicationView
from lending.services import applications, supplements

EXPLAINED = ("DECLINED", "EXPIRED")
OFFERED = ("DECLINED", "GRANTED")


class ApplicationPage(web.BorrowerPage):
    def get(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        application = queries.application_for(self.user_id(), public_id)
        if application.status == "DRAFT":
            left = queries.unfinished(application, self.now())
            return redirect_to_step(public_id, left[0]) if left else redirect("apply_confirm", public_id)
        grant = next((row for row in queries.grants_of(self.user_id()) if row.application_id == application.id), None)
        asked = _open_supplement(application)
        moving = application.status in words.MOVING or (application.status == "GRANTED" and grant is None)
        explained = application.reasons if application.status in EXPLAINED else ()
        return self.show(
            "lending/application.html",
            application=application,
            product=queries.product(application.product_code),
            state=words.APPLICATION[application.status],
            moments=timeline.of_application(application.id, application.status),
            live=application.status if moving else "",
            grant=grant,
            found=review.queries.approval_findings(application.id) if application.status == "GRANTED" else (),
            asked=asked,
            remaining=review.queries.remaining(application.id, self.now())
            if application.status == "REFERRED"
            else None,
            reasons=queries.reasons(explained),
            again_at=_again_at(application),
            can_appeal=application.status == "DECLINED" and application.round == 1,
            offers=elsewhere(self.user_id(), application.id, self.now()) if application.status in OFFERED else 0,
            can_cancel=application.status in ("SUBMITTED", "ASSESSING", "REFERRED", "SUPPLEMENT"),
        )

    def _remaining(self, application: ApplicationView) -> review.queries.RemainingView | None:
        return review.queries.remaining(application.id, self.now()) if application.status == "REFERRED" else None


def _open_supplement(application: ApplicationView) -> queries.SupplementView | None:
    rows = queries.supplements_of(application.id) if application.status == "SUPPLEMENT" else ()
    return next((row for row in rows if not row.answered_at and not row.closed_at), None)


def _again_at(application: ApplicationView) -> Any:
    at = application.reapply_at
    return None if at is None or at.year == applications.NEVER.year else at


class CancelPage(web.BorrowerPage):
    def get(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        application = queries.application_for(self.user_id(), public_id)
        return self.show("lending/cancel_application.html", application=application)

    def post(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        application = queries.application_for(self.user_id(), public_id)
        with transaction.atomic(durable=True):
            applications.withdraw(application_id=application.id, by=self.by(), at=self.now())
        return redirect("application", public_id)

    def refused(self, error: Any) -> HttpResponse:
        """It has been decided meanwhile: its own page says how."""
        return redirect("application", self.kwargs["public_id"])


class AppealForm(forms.Form):
    reason = forms.CharField(
        label=_("What should a person look at?"),
        max_length=200,
        widget=forms.Textarea({"rows": 4, "maxlength": 200}),
        help_text=_("For example income that was not counted, or a debt that has been repaid. At most 200 characters."),
    )


class AppealPage(web.BorrowerPage):
    def get(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        return self._page(public_id, AppealForm())

    def post(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        application = queries.application_for(self.user_id(), public_id)
        form = AppealForm(request.POST)
        if form.is_valid() and self.does(
            form,
            lambda: applications.appeal(
                application_id=application.id, reason=form.cleaned_data["reason"], by=self.by(), at=self.now()
            ),
        ):
            return redirect("application", public_id)
        return self._page(public_id, form)

    def _page(self, public_id: UUID, form: forms.Form) -> HttpResponse:
        application = queries.application_for(self.user_id(), public_id)
        if application.status != "DECLINED":
            return redirect("application", public_id)
        return self.show("lending/appeal.html", form, application=application)


class SupplementForm(forms.Form):
    """A file or a text for each thing asked for; which of the two is the borrower's choice."""

    def __init__(self, *args: Any, items: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.items = items
        for item in items:
            self.fields[f"file.{item.kind}"] = forms.FileField(
                label=_("Photo or PDF"),
                required=False,
                widget=forms.FileInput({"accept": "image/jpeg,image/png,application/pdf"}),
            )
            self.fields[f"text.{item.kind}"] = forms.CharField(
                label=_("Or answer in words"), required=False, max_length=2000, widget=forms.Textarea({"rows": 2})
            )

    def asked(self) -> list[dict[str, Any]]:
        return [
            {"item": item, "file": self[f"file.{item.kind}"], "text": self[f"text.{item.kind}"]} for item in self.items
        ]

    def clean(self) -> dict[str, Any]:
        for item in self.items:
            told = self.cleaned_data.get(f"file.{item.kind}") or self.cleaned_data.get(f"text.{item.kind}", "").strip()
            if not told and f"file.{item.kind}" not in self.errors:
                self.add_error(f"file.{item.kind}", _("Add a file, or answer in words."))
        return self.cleaned_data

    def told(self) -> dict[str, str]:
        given = {item.kind: self.cleaned_data[f"text.{item.kind}"] for item in self.items}
        return {kind: text for kind, text in given.items() if text.strip()}

    def brought(self) -> dict[str, bytes]:
        given = {item.kind: self.cleaned_data[f"file.{item.kind}"] for item in self.items}
        return {kind: file.read() for kind, file in given.items() if file}


class SupplementPage(web.BorrowerPage):
    def get(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        return self._page(public_id, None)

    def post(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        application, asked = self._asked(public_id)
        if asked is None:
            return redirect("application", public_id)
        form = SupplementForm(request.POST, request.FILES, items=asked.items)
        if form.is_valid():
            return self._send(application, form)
        return self._page(public_id, form)

    def _send(self, application: ApplicationView, form: SupplementForm) -> HttpResponse:
        texts, files = form.told(), form.brought()
        try:
            with transaction.atomic(durable=True):
                supplements.answer(application_id=application.id, texts=texts, files=files, by=self.by(), at=self.now())
        except (UnreadableFile, UnusableText) as error:
            part = "file" if isinstance(error, UnreadableFile) else "text"
            for kind in error.fields:
                form.add_error(f"{part}.{kind}", web.says(error))
            return self._page(application.public_id, form)
        return redirect("application", application.public_id)

    def _asked(self, public_id: UUID) -> tuple[ApplicationView, queries.SupplementView | None]:
        application = queries.application_for(self.user_id(), public_id)
        return application, _open_supplement(application)

    def _page(self, public_id: UUID, form: SupplementForm | None) -> HttpResponse:
        application, asked = self._asked(public_id)
        if asked is None:
            return redirect("application", public_id)
        form = form or SupplementForm(items=asked.items)
        return self.show("lending/supplement.html", form, application=application, asked=asked)
