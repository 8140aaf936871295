"""Where a channel's link leads: says whose it is, shows the agreements, and lets in."""

from urllib.parse import urlencode

from django import forms
from django.contrib import auth as sessions
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from lending.common import errors, throttle, web
from lending.common.crypto import mask_phone
from traffic import queries, services
from users import queries as users


class JoinForm(forms.Form):
    accept = forms.BooleanField(
        label=_("I have read and accept these two documents"),
        error_messages={"required": _("Please read and accept the two documents first.")},
    )


class JoinPage(web.Page):
    """GET changes nothing: what looks at links before people do must not use them up."""

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        answer = super().dispatch(request, *args, **kwargs)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        return self._show(token, JoinForm())

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        throttle.check(request, "token")
        form = JoinForm(request.POST)
        if not form.is_valid():
            return self._show(token, form)
        accepted = {row.code: row.version for row in users.documents(self.now(), "register")}
        with transaction.atomic(durable=True):
            arrival = services.arrive(token=token, accepted=accepted, ip=self.ip(), at=self.now())
        if arrival.user_id is None:
            messages.info(request, gettext("You have an account with us. Sign in with a code, and go on."))
            answer = redirect(f"{web.SIGN_IN}?{urlencode({'next': arrival.goes_to})}")
        else:
            user = sessions.get_user_model()._default_manager.get(pk=arrival.user_id)
            sessions.login(request, user, backend="django.contrib.auth.backends.ModelBackend")
            answer = redirect(arrival.goes_to)
        request.session[queries.VISIT] = arrival.channel_code
        return answer

    def _show(self, token: str, form: JoinForm) -> HttpResponse:
        link = services.link_of(token, self.now())
        return self.show(
            "traffic/join.html",
            form,
            party=link.channel.party,
            phone=mask_phone(link.user.phone or ""),
            documents=users.documents(self.now(), "register"),
        )

    def refused(self, error: errors.DomainError) -> HttpResponse:
        """A link that is over stays over: no way back to it."""
        if error.code != services.LinkOver.code:
            return super().refused(error)
        return render(self.request, "traffic/join_over.html", status=error.status)
