"""Taking one's data away, and having it erased: each explained first, then done with a code."""

from django.contrib import auth as sessions
from django.contrib import messages
from django.db import transaction
from django.http import FileResponse, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext

from lending import flow, overview
from lending.common import web
from lending.pages import words
from users import queries as users
from users.rules import erasure
from users.services import codes, rights


class ExportPage(web.BorrowerPage):
    """Everything held about me, as one file."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        return self._page(web.CodeForm())

    def post(self, request: HttpRequest) -> HttpResponseBase:
        if "send" in request.POST:
            return self._send()
        form = web.CodeForm(request.POST)
        if form.is_valid() and self.does(form, lambda: self._allow(form.cleaned_data["code"])):
            file = overview.export(user_id=self.user_id(), at=self.now())
            return FileResponse(file, as_attachment=True, filename="my-data.zip", content_type="application/zip")
        return self._page(form)

    def _send(self) -> HttpResponseBase:
        with transaction.atomic(durable=True):
            codes.request_code_for(user_id=self.user_id(), purpose="export", subject="", ip=self.ip(), at=self.now())
        return redirect(web.with_query(self.request, sent="1"))

    def _allow(self, code: str) -> None:
        rights.allow_export(user_id=self.user_id(), code=code, by=self.by(), at=self.now())

    def _page(self, form: web.CodeForm) -> HttpResponseBase:
        phone_end = users.person(self.user_id()).phone[-4:]
        return self.show("lending/export.html", form, sent="sent" in self.request.GET, phone_end=phone_end)


class ErasePage(web.BorrowerPage):
    """What goes, what stays and why, what has to end first; then the account is gone."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        return self._page(web.CodeForm())

    def post(self, request: HttpRequest) -> HttpResponseBase:
        if "send" in request.POST:
            return self._send()
        form = web.CodeForm(request.POST)
        if form.is_valid() and self.does(form, lambda: self._erase(form.cleaned_data["code"])):
            sessions.logout(request)
            messages.success(request, gettext("Your account is erased."))
            return redirect("landing")
        return self._page(form)

    def _send(self) -> HttpResponseBase:
        with transaction.atomic(durable=True):
            codes.request_code_for(user_id=self.user_id(), purpose="erase", subject="", ip=self.ip(), at=self.now())
        return redirect(web.with_query(self.request, sent="1"))

    def _erase(self, code: str) -> None:
        flow.erase(user_id=self.user_id(), code=code, by=self.by(), at=self.now())

    def _page(self, form: web.CodeForm) -> HttpResponseBase:
        found = flow.erasing(user_id=self.user_id(), at=self.now())
        language = 1 if words.is_chinese() else 0
        return self.show(
            "lending/erase.html",
            form,
            in_the_way=[erasure.IN_THE_WAY[name][language] for name in found.in_the_way],
            kept=[erasure.KEPT[name][language] for name in found.kept],
            keep_until=found.keep_until,
            sent="sent" in self.request.GET,
            phone_end=users.person(self.user_id()).phone[-4:],
        )
