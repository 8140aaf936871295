"""Documents that the borrower keeps with us: bring one, look at it, remove it."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from lending.common import web
from lending.pages import words
from lending.pages.forms import NOTHING, choices
from users import queries as users
from users.services import certificates


class CertificateForm(forms.Form):
    kind = forms.ChoiceField(label=_("What it is"), choices=[NOTHING, *choices(words.CERTIFICATES)])
    file = forms.FileField(
        label=_("Photo or PDF"),
        allow_empty_file=True,
        widget=forms.FileInput({"accept": "image/jpeg,image/png,application/pdf"}),
        help_text=_("JPEG, PNG or PDF, at most 8 MB. Your ID card and yourself as photos."),
    )
    accept = forms.BooleanField(
        label=_("I have read this and agree"), error_messages={"required": _("Without this consent nothing is kept.")}
    )

    def __init__(self, *args: Any, agreed: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if agreed:
            del self.fields["accept"]


class CertificatesPage(web.BorrowerPage):
    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(CertificateForm(agreed=self._agreed()))

    def post(self, request: HttpRequest) -> HttpResponse:
        agreed, document = self._agreed(), users.document(certificates.CONSENT, self.now())
        form = CertificateForm(request.POST, request.FILES, agreed=agreed)
        if form.is_valid() and self.does(
            form,
            lambda: certificates.add(
                user_id=self.user_id(),
                kind=form.cleaned_data["kind"],
                content=form.cleaned_data["file"].read(),
                version="" if agreed or document is None else document.version,
                ip=self.ip(),
                at=self.now(),
            ),
        ):
            messages.success(request, gettext("We have it. Only its picture is kept, encrypted."))
            return redirect("certificates")
        return self._page(form)

    def _agreed(self) -> bool:
        """To the very text in force."""
        live = users.live_consent(self.user_id(), certificates.CONSENT, certificates.RECIPIENT, self.now())
        document = users.document(certificates.CONSENT, self.now())
        return live is not None and document is not None and live.version == document.version

    def _page(self, form: CertificateForm) -> HttpResponse:
        at, user_id = self.now(), self.user_id()
        kept = [
            {
                "row": row,
                "title": words.CERTIFICATES[row.kind],
                "token": users.certificate_token(row, user_id=user_id, at=at),
            }
            for row in users.certificates(user_id)
        ]
        reading = next((check for check in users.checks(user_id) if check.kind == "ocr"), None)
        return self.show(
            "lending/certificates.html",
            form,
            kept=kept,
            document=users.document(certificates.CONSENT, at),
            reading=reading,
            read=words.CARD_READINGS[reading.reason or reading.state] if reading else "",
            expires_on=users.person(user_id).id_expires_on if reading else None,
            live=reading.state if reading and reading.state == "pending" else "",
        )


class RemovePage(web.BorrowerPage):
    def post(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        with transaction.atomic(durable=True):
            certificates.remove(user_id=self.user_id(), public_id=public_id, at=self.now())
        messages.success(request, gettext("Removed. The file is deleted."))
        return redirect("certificates")

    def refused(self, error: Any) -> HttpResponse:
        messages.error(self.request, web.says(error))
        return redirect("certificates")


class FilePage(web.BorrowerPage):
    """The file itself, from a link that is its owner's alone and dies after five minutes."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        found = users.opened_certificate(token, user_id=self.user_id(), at=self.now())
        return web.as_file(found.content, found.name, found.mime)
