"""The official account opens the pages signed in: out to WeChat's authorise page, and back with a code.

The session holds `wechat_state` and `wechat_next` on the way, and `wechat_ticket` for the sign-in page where the WeChat
account has no phone yet.
"""

import secrets
from urllib.parse import urlencode

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from lending.common import clock, web
from lending.common.errors import DomainError, Invalid
from users.models import User
from users.services import auth, wechat

BACKEND = "django.contrib.auth.backends.ModelBackend"
HOME = "/home/"
# code of the error: (what happened, what to do)
SAID = {
    "wechat_state_refused": (
        _("This page was opened without coming from our official account, or too long ago."),
        _("Open it from the official account's menu once more."),
    ),
    "wechat_code_refused": (
        _("WeChat says the sign-in was already used or has expired."),
        _("Start again from WeChat."),
    ),
    "wechat_user_blocked": (
        _("WeChat does not let this account sign in at the moment."),
        _("Sign in with your phone number instead."),
    ),
    "wechat_unavailable": (
        _("WeChat gives no answer at the moment."),
        _("Try again in a minute, or sign in with your phone number."),
    ),
    "account_closed": (
        _("The account behind this WeChat account is closed."),
        _("If you think this is wrong, call us on the number in your contract."),
    ),
}


class StateRefused(Invalid):
    code, title = "wechat_state_refused", "This page was not opened from our official account"


@require_GET
@never_cache
def start(request: HttpRequest) -> HttpResponse:
    state = secrets.token_urlsafe(24)
    request.session["wechat_state"] = state
    request.session["wechat_next"] = web.inside(request, request.GET.get("next"), HOME)
    try:
        return redirect(
            wechat.authorise_url(redirect_uri=request.build_absolute_uri(reverse("wechat-return")), state=state)
        )
    except DomainError as error:
        return _refused(request, error)


@require_GET
@never_cache
def come_back(request: HttpRequest) -> HttpResponse:
    expected = request.session.pop("wechat_state", "")
    target = web.inside(request, request.session.pop("wechat_next", ""), HOME)
    try:
        if not expected or not constant_time_compare(expected, request.GET.get("state", "")):
            raise StateRefused()
        found = wechat.run_entry(code=request.GET.get("code", ""), ip=request.META["REMOTE_ADDR"], at=clock.now())
    except auth.AgreementsNotAccepted:  # they have changed: the sign-in page shows them
        return _to_sign_in(target)
    except DomainError as error:
        return _refused(request, error)
    if isinstance(found, int):
        request.session.pop("wechat_ticket", None)
        login(request, User.objects.get(pk=found), backend=BACKEND)
        return redirect(target)
    request.session["wechat_ticket"] = found.ticket
    return _to_sign_in(target)


def _to_sign_in(target: str) -> HttpResponse:
    return redirect(f"{web.SIGN_IN}?{urlencode({'next': target})}")


def _refused(request: HttpRequest, error: DomainError) -> HttpResponse:
    happened, advice = SAID.get(error.code, (error.title, _("Start again from WeChat.")))
    about = {"happened": happened, "advice": advice, "again": reverse("wechat"), "sign_in": web.SIGN_IN}
    return render(request, "users/wechat_refused.html", about, status=error.status)
