"""The phone operator's own authorisation: consent, the carrier's code or page, how it stands. Optional throughout."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from lending.common import web
from lending.pages import words
from users import queries as users
from users.rules.operator import GIVES
from users.services import consents, operator

CONSENT, RECIPIENT, BACK = "operator", "operator_vendor", "operator_back"


class OperatorForm(forms.Form):
    """Which of its fields counts says the button that was pressed."""

    accept = forms.BooleanField(label=_("I have read this and agree"), required=False)
    code = forms.CharField(
        label=_("Code from your phone operator"),
        required=False,
        max_length=12,
        widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )

    def clean_code(self) -> str:
        return "".join(str(self.cleaned_data["code"]).split())


class OperatorPage(web.BorrowerPage):
    """One page for the whole way; `next` leads back to the application that sent here."""

    def get(self, request: HttpRequest) -> HttpResponse:
        if "next" in request.GET:  # the carrier's page sends back without it
            request.session[BACK] = web.inside(request, request.GET["next"], "")
        return self._page(OperatorForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = OperatorForm(request.POST)
        if form.is_valid() and self.does(form, lambda: self._act(request.POST.get("act", ""), form)):
            return redirect(request.get_full_path())
        return self._page(form)

    def _act(self, act: str, form: OperatorForm) -> None:
        {"agree": self._agree, "code": self._hand_over}.get(act, self._begin)(form)

    def _begin(self, form: OperatorForm) -> None:
        operator.start(user_id=self.user_id(), at=self.now())

    def _hand_over(self, form: OperatorForm) -> None:
        operator.confirm_code(user_id=self.user_id(), code=form.cleaned_data["code"], at=self.now())

    def _agree(self, form: OperatorForm) -> None:
        document = users.document(CONSENT, self.now())
        if not form.cleaned_data["accept"] or document is None:
            raise consents.ConsentMissing()
        version = document.version
        consents.give(user_id=self.user_id(), code=CONSENT, version=version, recipients=(), ip=self.ip(), at=self.now())

    def _page(self, form: OperatorForm) -> HttpResponse:
        user_id, at = self.user_id(), self.now()
        stands = users.operator(user_id, at)
        return self.show(
            "lending/operator.html",
            form,
            stands=stands,
            gives=GIVES[1] if words.is_chinese() else GIVES[0],
            agreed=users.live_consent(user_id, CONSENT, RECIPIENT, at) is not None,
            document=users.document(CONSENT, at),
            back=self.request.session.get(BACK, ""),
            live=f"{stands.state} {stands.tries_left}" if stands.is_checking or stands.state == "redirected" else "",
            **told(stands),
        )


def told(stands: users.OperatorView) -> dict[str, Any]:
    """`said`: how it stands, in a sentence; `tone` of the note that carries it."""
    if stands.is_checking and stands.state != "started":
        return {"said": words.OPERATOR["checking"], "tone": "wait"}
    tone = {"authorised": "good", "refused": "bad", "expired": "bad"}.get(stands.state, "wait")
    if stands.why == "wrong_code":
        tone = "bad"
    return {"said": words.OPERATOR.get(stands.why or stands.state, ""), "tone": tone}


class ReturnPage(web.BorrowerPage):
    """From the carrier's page. Only the carrier's own word counts, so it is asked."""

    def get(self, request: HttpRequest) -> HttpResponse:
        with transaction.atomic(durable=True):
            operator.come_back(user_id=self.user_id(), state=request.GET.get("state", ""), at=self.now())
        return redirect("operator")

    def refused(self, error: Any) -> HttpResponse:
        messages.error(self.request, web.says(error))
        return redirect("operator")


def address(back: str) -> str:
    """The page, leading back to an address of ours."""
    return f"{reverse('operator')}?{urlencode({'next': back})}"
