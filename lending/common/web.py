"""What every borrower page shares: who is there, at what time, and how a refusal of the domain is shown to people."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views import View

from lending.common import clock, errors

SIGN_IN = "/sign-in/"


class CodeForm(forms.Form):
    """The six digits of a text message."""

    code = forms.RegexField(
        r"^\s*\d{6}\s*$",
        label=_("Code from the text message"),
        error_messages={"invalid": _("The code has six digits.")},
        widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "one-time-code", "maxlength": 6}),
    )

    def clean_code(self) -> str:
        return str(self.cleaned_data["code"]).strip()


def is_borrower(request: HttpRequest) -> bool:
    """Staff who are signed in to the back office are nobody here."""
    return getattr(request.user, "kind", "") == "borrower"


def inside(request: HttpRequest, address: str | None, otherwise: str) -> str:
    """`address` where it is one of ours, so that no link from outside can send people away after signing in."""
    allowed = url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
    return address if address and allowed else otherwise


def with_query(request: HttpRequest, **values: str) -> str:
    """This address with some of its query set anew."""
    query = request.GET.copy()
    for name, value in values.items():
        query[name] = value
    return f"{request.path}?{query.urlencode()}"


def says(error: errors.DomainError) -> str:
    """The refusal in the reader's language. Its detail is for programs: it may be English, or name columns."""
    return gettext(error.title)


def put(form: BaseForm, error: errors.DomainError) -> None:
    """Show the refusal where it belongs: at the fields it names, as far as this form has them, else above them."""
    fields = error.fields if isinstance(error, errors.Invalid) else {}
    own = {name: text for name, text in fields.items() if name in form.fields}
    for name, text in own.items():
        # A text that is in no catalogue was written for programs.
        written = gettext(text)
        form.add_error(name, says(error) if written == text and translation.get_language() != "en" else written)
    if not own:
        form.add_error(None, says(error))


def as_file(content: bytes, name: str, mime: str) -> HttpResponse:
    """Something that a person brought, sent so that no browser runs it, guesses what it is, or keeps it."""
    answer = HttpResponse(content, content_type=mime)
    shown = "inline" if mime.startswith("image/") else "attachment"
    answer["Content-Disposition"] = f'{shown}; filename="{name}"'
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "no-store"
    return answer


class Page(View):
    """A page anybody may open. A refusal (DomainError) that no form takes becomes a message or a page of its own."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except errors.NotFound as error:
            raise Http404(str(error)) from error
        except errors.DomainError as error:
            return self.refused(error)

    def refused(self, error: errors.DomainError) -> HttpResponse:
        if self.request.method == "POST":
            messages.error(self.request, says(error))
            return redirect(self.request.get_full_path())
        return render(self.request, "problem.html", {"title": says(error)}, status=error.status)

    def show(self, template: str, form: BaseForm | None = None, **values: Any) -> HttpResponse:
        """A form with mistakes is answered 422, as the API would."""
        status = 422 if form is not None and form.is_bound and not form.is_valid() else 200
        return render(self.request, template, {"form": form, **values}, status=status)

    def now(self) -> datetime:
        return clock.now()

    def ip(self) -> str:
        return str(self.request.META.get("REMOTE_ADDR", ""))

    def does(self, form: BaseForm, act: Callable[[], Any]) -> bool:
        """Run `act`, one call of the domain, in one transaction. False: it was refused, and the form says why."""
        try:
            with transaction.atomic(durable=True):
                act()
        except (errors.Conflict, errors.Invalid, errors.TooManyRequests, errors.Unavailable) as error:
            put(form, error)
            return False
        return True


class BorrowerPage(Page):
    """A page of the signed-in borrower; anybody else signs in first and comes back."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if is_borrower(request):
            answer = super().dispatch(request, *args, **kwargs)
            answer.headers["Cache-Control"] = "no-store"
            return answer
        back = request.get_full_path() if request.method == "GET" else request.path
        return redirect(f"{SIGN_IN}?{urlencode({'next': back})}")

    def user_id(self) -> int:
        return int(self.request.user.pk or 0)

    def by(self) -> str:
        return f"user:{self.user_id()}"
