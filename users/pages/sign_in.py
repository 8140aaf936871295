"""Signing in on the web: a phone, a code by text message, a session. And the language of everything."""

import secrets
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib import auth as sessions
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from lending.common import errors, throttle, web
from users import queries
from users.services import accounts, auth, codes

HOME = "/home/"
PHONE = "sign_in_phone"  # in the session, between the two pages
DEVICE = "device"  # a cookie that tells this browser from others, to limit wrong codes and codes sent


class PhoneForm(forms.Form):
    phone = forms.CharField(
        label=_("Mobile number"),
        max_length=20,
        widget=forms.TextInput({"type": "tel", "inputmode": "tel", "autocomplete": "tel-national"}),
    )
    accept = forms.BooleanField(
        label=_("I have read and accept these two documents"),
        error_messages={"required": _("Please read and accept the two documents first.")},
    )


class PhonePage(web.Page):
    def get(self, request: HttpRequest) -> HttpResponse:
        if web.is_borrower(request):
            return redirect(web.inside(request, request.GET.get("next"), HOME))
        answer = self._show(PhoneForm())
        if not _device(request):
            answer.set_signed_cookie(
                DEVICE,
                secrets.token_urlsafe(16),
                max_age=365 * 24 * 3600,
                httponly=True,
                secure=request.is_secure(),
                samesite="Lax",
            )
        return answer

    def post(self, request: HttpRequest) -> HttpResponse:
        form = PhoneForm(request.POST)
        if form.is_valid() and self.does(form, lambda: _send(request, form.cleaned_data["phone"], self)):
            request.session[PHONE] = form.cleaned_data["phone"]
            return redirect(f"/sign-in/code/?{_next(request)}")
        return self._show(form)

    def _show(self, form: PhoneForm) -> HttpResponse:
        documents = queries.documents(self.now(), "register")
        return self.show("users/sign_in.html", form, documents=documents)


class CodePage(web.Page):
    def get(self, request: HttpRequest) -> HttpResponse:
        if PHONE not in request.session:
            return redirect(f"/sign-in/?{_next(request)}")
        return self._show(web.CodeForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        phone = request.session.get(PHONE)
        if phone is None:
            return redirect(f"/sign-in/?{_next(request)}")
        if "again" in request.POST:
            return self._again(request, phone)
        form = web.CodeForm(request.POST)
        found: list[int] = []
        if form.is_valid() and self.does(form, lambda: found.append(self._sign_in(request, phone, form))):
            self._open_session(request, found[0])
            return redirect(web.inside(request, request.GET.get("next"), HOME))
        return self._show(form)

    def _again(self, request: HttpRequest, phone: str) -> HttpResponse:
        with transaction.atomic(durable=True):
            _send(request, phone, self)
        messages.success(request, gettext("A new code is on its way."))
        return redirect(request.get_full_path())

    def _sign_in(self, request: HttpRequest, phone: str, form: web.CodeForm) -> int:
        accepted = {row.code: row.version for row in queries.documents(self.now(), "register")}
        throttle.check(request, "token")
        try:
            return auth.sign_in(
                phone=phone,
                code=form.cleaned_data["code"],
                accepted=accepted,
                ip=self.ip(),
                device=_device(request),
                at=self.now(),
                wechat_ticket=request.session.get("wechat_ticket", ""),
            )
        except (errors.Invalid, errors.Conflict) as error:
            if "wechat" in error.code:  # said once; the next try signs in without WeChat
                request.session.pop("wechat_ticket", None)
            raise

    def _open_session(self, request: HttpRequest, user_id: int) -> None:
        user = sessions.get_user_model()._default_manager.get(pk=user_id)
        sessions.login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        for name in (PHONE, "wechat_ticket"):
            request.session.pop(name, None)

    def _show(self, form: web.CodeForm) -> HttpResponse:
        phone = str(self.request.session[PHONE])
        return self.show("users/code.html", form, phone_end=phone[-4:], minutes=codes.CODE_TTL.seconds // 60)


class SignOutPage(web.Page):
    def post(self, request: HttpRequest) -> HttpResponse:
        sessions.logout(request)
        return redirect("/")


class LanguagePage(web.Page):
    """Of the pages (a cookie), and of the messages to whoever is signed in."""

    def post(self, request: HttpRequest) -> HttpResponse:
        language = request.POST.get("language", "")
        answer = redirect(web.inside(request, request.POST.get("next"), "/"))
        if language not in dict(settings.LANGUAGES):
            return answer
        if web.is_borrower(request):
            with transaction.atomic(durable=True):
                accounts.set_language(user_id=int(request.user.pk or 0), language=language)
        answer.set_cookie(settings.LANGUAGE_COOKIE_NAME, language, max_age=365 * 24 * 3600, samesite="Lax")
        return answer


def _send(request: HttpRequest, phone: str, page: web.Page) -> None:
    throttle.check(request, "otp")
    codes.send_code(
        user_id=None,
        phone=phone,
        purpose="login",
        subject="",
        ip=page.ip(),
        device=_device(request),
        at=page.now(),
        notice_accepted=True,
        language=translation.get_language() or "",
    )


def _device(request: HttpRequest) -> str:
    return str(request.get_signed_cookie(DEVICE, default="") or "")


def _next(request: HttpRequest) -> str:
    return urlencode({"next": request.GET.get("next", "")})
